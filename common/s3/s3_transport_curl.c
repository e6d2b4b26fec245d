#include "common/s3/s3_transport.h"

#include <curl/curl.h>
#include <errno.h>
#include <event2/event.h>
#include <unistd.h>

#define POOLED_CONNECTIONS 64L
#define SEND_BUFFER        (256L * 1024)
#define EXPECT_WAIT_MS     2000L

/*
 * curl calls back into this file from curl_multi_socket_action, and then its handles must not be
 * removed. So a request that is cancelled while curl runs is only marked and taken out as soon as
 * curl has returned (in_curl, sweep).
 */
struct s3_transport {
    CURLM *multi;
    struct event_base *base;
    struct event *timer;
    char *ca_file;
    int connect_timeout_ms, stall_timeout_s;
    struct s3_exchange *first;
    bool in_curl, sweep;
};

struct s3_exchange {
    struct s3_transport *t;
    struct s3_exchange *prev, *next;
    CURL *easy;
    struct curl_slist *lines;
    struct s3_http_request req; /* pointers borrowed */
    struct s3_exchange_events events;
    struct s3_http_response res;
    size_t header_bytes;
    int64_t pos; /* in the body */
    char error[CURL_ERROR_SIZE];
    bool cancelled, file_failed;
};

struct s3_timer {
    struct event *ev;
    void (*fn)(void *ctx);
    void *ctx;
};

/* Per socket: libevent's event, kept by curl_multi_assign. */
struct socket_watch {
    struct event *ev;
};

/* --- exchanges ------------------------------------------------------------------------------- */

static void
exchange_free(struct s3_exchange *ex)
{
    struct curl_slist *line;

    if (ex->prev != NULL)
        ex->prev->next = ex->next;
    else
        ex->t->first = ex->next;
    if (ex->next != NULL)
        ex->next->prev = ex->prev;
    if (ex->easy != NULL) {
        curl_multi_remove_handle(ex->t->multi, ex->easy);
        curl_easy_cleanup(ex->easy);
    }
    for (line = ex->lines; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data)); /* tokens may be in it */
    curl_slist_free_all(ex->lines);
    s3_headers_done(&ex->res.headers);
    buf_done(&ex->res.body);
    free(ex);
}

static size_t
on_read(char *to, size_t size, size_t n, void *arg)
{
    struct s3_exchange *ex = arg;
    int64_t left = ex->req.body_bytes - ex->pos;
    size_t want = size * n;
    ssize_t got;

    if (ex->cancelled)
        return CURL_READFUNC_ABORT;
    if ((int64_t)want > left)
        want = (size_t)left;
    if (want == 0)
        return 0;
    if (ex->req.body != NULL) {
        memcpy(to, ex->req.body + ex->pos, want);
        got = (ssize_t)want;
    } else {
        do
            got = pread(ex->req.fd, to, want, (off_t)(ex->req.offset + ex->pos));
        while (got < 0 && errno == EINTR);
    }
    if (got <= 0) {
        snprintf(ex->res.net_message, sizeof(ex->res.net_message), "%s at byte %lld",
                 got < 0 ? strerror(errno) : "the file ends",
                 (long long)(ex->req.offset + ex->pos));
        ex->file_failed = true;
        return CURL_READFUNC_ABORT;
    }
    ex->pos += got;
    if (ex->pos == ex->req.body_bytes)
        ex->res.body_sent = true;
    if (ex->events.sent != NULL)
        ex->events.sent(ex->events.ctx, ex->pos);
    return ex->cancelled ? CURL_READFUNC_ABORT : (size_t)got;
}

static int
on_seek(void *arg, curl_off_t offset, int origin)
{
    struct s3_exchange *ex = arg;

    if (origin != SEEK_SET || offset < 0 || offset > ex->req.body_bytes)
        return CURL_SEEKFUNC_FAIL;
    if (ex->res.body_sent)
        ex->res.sent_twice = true;
    ex->pos = offset;
    return CURL_SEEKFUNC_OK;
}

static size_t
on_header(char *line, size_t size, size_t n, void *arg)
{
    struct s3_exchange *ex = arg;
    size_t len = size * n, name_len;
    char *colon, *name, *value;

    /* A new status line: what came before belonged to a 100 Continue. */
    if (len >= 5 && memcmp(line, "HTTP/", 5) == 0)
        s3_headers_done(&ex->res.headers);
    ex->header_bytes += len;
    if (ex->header_bytes > S3_ANSWER_HEADER_MAX)
        return 0;
    colon = memchr(line, ':', len);
    if (colon == NULL || memchr(line, '\0', len) != NULL)
        return len;
    name_len = (size_t)(colon - line);
    name = mem_strndup(line, name_len);
    colon++;
    while (colon < line + len && (*colon == ' ' || *colon == '\t'))
        colon++;
    value = mem_strndup(colon, (size_t)(line + len - colon));
    value[strcspn(value, "\r\n")] = '\0';
    s3_headers_add(&ex->res.headers, name, value);
    free(name);
    free(value);
    return len;
}

static size_t
on_body(char *data, size_t size, size_t n, void *arg)
{
    struct s3_exchange *ex = arg;

    buf_append(&ex->res.body, data, size * n);
    return ex->res.body.failed ? 0 : size * n;
}

static const struct {
    CURLcode code;
    enum s3_net net;
} net_of_code[] = {
    {CURLE_OK, S3_NET_OK},
    {CURLE_COULDNT_RESOLVE_HOST, S3_NET_RESOLVE},
    {CURLE_COULDNT_CONNECT, S3_NET_CONNECT},
    {CURLE_SSL_CONNECT_ERROR, S3_NET_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, S3_NET_CERT},
    {CURLE_SSL_CACERT_BADFILE, S3_NET_CERT},
    {CURLE_WRITE_ERROR, S3_NET_PROTOCOL},
    {CURLE_WEIRD_SERVER_REPLY, S3_NET_PROTOCOL},
    {CURLE_HTTP2, S3_NET_PROTOCOL},
};

static enum s3_net
net_of(struct s3_exchange *ex, CURLcode code)
{
    long request_bytes = 0;
    size_t i;

    if (ex->file_failed)
        return S3_NET_FILE;
    if (code == CURLE_OPERATION_TIMEDOUT) {
        curl_easy_getinfo(ex->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
        return request_bytes > 0 ? S3_NET_STALL : S3_NET_CONNECT;
    }
    for (i = 0; i < ARRAY_LEN(net_of_code); i++) {
        if (net_of_code[i].code == code)
            return net_of_code[i].net;
    }
    return S3_NET_LOST;
}

static void
finish(struct s3_exchange *ex, CURLcode code)
{
    long status = 0, request_bytes = 0;

    ex->res.net = net_of(ex, code);
    if (ex->res.net == S3_NET_OK) {
        curl_easy_getinfo(ex->easy, CURLINFO_RESPONSE_CODE, &status);
        ex->res.status = (int)status;
    } else if (!ex->file_failed) {
        snprintf(ex->res.net_message, sizeof(ex->res.net_message), "%s",
                 ex->error[0] != '\0' ? ex->error : curl_easy_strerror(code));
    }
    curl_easy_getinfo(ex->easy, CURLINFO_REQUEST_SIZE, &request_bytes);
    if (ex->req.body_bytes == 0)
        ex->res.body_sent = request_bytes > 0;
    if (!ex->cancelled)
        ex->events.done(ex->events.ctx, &ex->res);
    exchange_free(ex);
}

/* --- curl's multi interface on libevent ------------------------------------------------------ */

/* Delivers what has ended, and takes out what was cancelled while curl was running. The callbacks
 * may start and cancel requests, so the list is read anew after each. */
static void
reap(struct s3_transport *t)
{
    struct s3_exchange *ex, *next;
    CURLMsg *msg;
    int left;

    while (t->sweep) {
        t->sweep = false;
        for (ex = t->first; ex != NULL; ex = next) {
            next = ex->next;
            if (ex->cancelled)
                exchange_free(ex);
        }
    }
    while ((msg = curl_multi_info_read(t->multi, &left)) != NULL) {
        if (msg->msg != CURLMSG_DONE)
            continue;
        ex = NULL;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &ex);
        if (ex != NULL)
            finish(ex, msg->data.result);
    }
}

static void
act(struct s3_transport *t, curl_socket_t fd, int what)
{
    int running;

    t->in_curl = true;
    curl_multi_socket_action(t->multi, fd, what, &running);
    t->in_curl = false;
    reap(t);
}

static void
on_socket_ready(evutil_socket_t fd, short what, void *arg)
{
    act(arg, fd, (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    act(arg, CURL_SOCKET_TIMEOUT, 0);
}

static int
on_timer_wish(CURLM *multi, long timeout_ms, void *arg)
{
    struct s3_transport *t = arg;
    struct timeval tv = {timeout_ms / 1000, timeout_ms % 1000 * 1000};

    (void)multi;
    if (timeout_ms < 0)
        evtimer_del(t->timer);
    else
        evtimer_add(t->timer, &tv);
    return 0;
}

static int
on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct s3_transport *t = arg;
    struct socket_watch *w = socket_arg;
    short events = EV_PERSIST;

    (void)easy;
    if (w != NULL) {
        event_free(w->ev);
        if (what == CURL_POLL_REMOVE) {
            free(w);
            return 0;
        }
    } else {
        if (what == CURL_POLL_REMOVE)
            return 0;
        w = mem_zalloc(sizeof(*w));
        curl_multi_assign(t->multi, fd, w);
    }
    if (what & CURL_POLL_IN)
        events |= EV_READ;
    if (what & CURL_POLL_OUT)
        events |= EV_WRITE;
    w->ev = event_new(t->base, fd, events, on_socket_ready, t);
    if (w->ev == NULL)
        bug("event_new failed");
    event_add(w->ev, NULL);
    return 0;
}

/* --- timers ---------------------------------------------------------------------------------- */

static void
on_timer_due(evutil_socket_t fd, short what, void *arg)
{
    struct s3_timer *timer = arg;

    (void)fd;
    (void)what;
    timer->fn(timer->ctx);
}

static struct s3_timer *
curl_transport_timer_new(struct s3_transport *t, void (*fn)(void *ctx), void *ctx)
{
    struct s3_timer *timer = mem_zalloc(sizeof(*timer));

    timer->fn = fn;
    timer->ctx = ctx;
    timer->ev = evtimer_new(t->base, on_timer_due, timer);
    if (timer->ev == NULL)
        bug("evtimer_new failed");
    return timer;
}

static void
curl_transport_timer_set(struct s3_timer *timer, int64_t delay_ms)
{
    struct timeval tv = {(time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000 * 1000)};

    evtimer_add(timer->ev, &tv);
}

static void
curl_transport_timer_free(struct s3_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->ev);
    free(timer);
}

/* --- the table ------------------------------------------------------------------------------- */

static void
curl_transport_close(struct s3_transport *t)
{
    if (t == NULL)
        return;
    while (t->first != NULL)
        exchange_free(t->first);
    if (t->multi != NULL)
        curl_multi_cleanup(t->multi);
    if (t->timer != NULL)
        event_free(t->timer);
    free(t->ca_file);
    free(t);
}

static int
curl_transport_open(const struct s3_transport_options *opt, struct s3_transport **ret,
                    struct errinfo *ei)
{
    struct s3_transport *t;

    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return errinfo_set(ei, E_PERMANENT, "libcurl cannot be initialised");
    t = mem_zalloc(sizeof(*t));
    t->base = opt->base;
    t->ca_file = mem_strdup(opt->ca_file);
    t->connect_timeout_ms = opt->connect_timeout_ms;
    t->stall_timeout_s = opt->stall_timeout_s;
    t->multi = curl_multi_init();
    t->timer = evtimer_new(t->base, on_timer, t);
    if (t->multi == NULL || t->timer == NULL) {
        curl_transport_close(t);
        return errinfo_set(ei, E_PERMANENT, "libcurl cannot be initialised");
    }
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
    curl_multi_setopt(t->multi, CURLMOPT_SOCKETDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(t->multi, CURLMOPT_TIMERDATA, t);
    curl_multi_setopt(t->multi, CURLMOPT_MAXCONNECTS, POOLED_CONNECTIONS);
    *ret = t;
    return E_OK;
}

static void
add_line(struct s3_exchange *ex, const char *line)
{
    struct curl_slist *lines = curl_slist_append(ex->lines, line);

    if (lines == NULL)
        bug("out of memory for a header");
    ex->lines = lines;
}

static void
add_header(struct s3_exchange *ex, const struct s3_header *h)
{
    /* "Name;" is curl's way to send a header without a value. */
    char *line =
        h->value[0] != '\0' ? mem_printf("%s: %s", h->name, h->value) : mem_printf("%s;", h->name);

    add_line(ex, line);
    mem_wipe_free(line);
}

static void
set_method(struct s3_exchange *ex)
{
    const char *method = ex->req.method;
    bool uploads = strcmp(method, "PUT") == 0 || strcmp(method, "POST") == 0;

    if (strcmp(method, "HEAD") == 0)
        curl_easy_setopt(ex->easy, CURLOPT_NOBODY, 1L);
    else if (uploads)
        curl_easy_setopt(ex->easy, CURLOPT_UPLOAD, 1L);
    if (strcmp(method, "HEAD") != 0 && strcmp(method, "GET") != 0)
        curl_easy_setopt(ex->easy, CURLOPT_CUSTOMREQUEST, method);
    if (!uploads)
        return;
    curl_easy_setopt(ex->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)ex->req.body_bytes);
    curl_easy_setopt(ex->easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(ex->easy, CURLOPT_READDATA, ex);
    curl_easy_setopt(ex->easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(ex->easy, CURLOPT_SEEKDATA, ex);
    curl_easy_setopt(ex->easy, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
    /* "Expect:" keeps curl from sending one by itself. */
    add_line(ex, ex->req.expect_continue ? "Expect: 100-continue" : "Expect:");
    curl_easy_setopt(ex->easy, CURLOPT_EXPECT_100_TIMEOUT_MS, EXPECT_WAIT_MS);
}

static void
set_connection(struct s3_exchange *ex)
{
    const struct s3_transport *t = ex->t;
    int stall_s = ex->req.stall_timeout_s > 0 ? ex->req.stall_timeout_s : t->stall_timeout_s;

    curl_easy_setopt(ex->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(ex->easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(ex->easy, CURLOPT_PROXY, ""); /* no proxy from the environment either */
    curl_easy_setopt(ex->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(ex->easy, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(ex->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(ex->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(ex->easy, CURLOPT_CONNECTTIMEOUT_MS, (long)t->connect_timeout_ms);
    curl_easy_setopt(ex->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(ex->easy, CURLOPT_LOW_SPEED_TIME, (long)stall_s);
    if (t->ca_file != NULL)
        curl_easy_setopt(ex->easy, CURLOPT_CAINFO, t->ca_file);
}

static struct s3_exchange *
curl_transport_start(struct s3_transport *t, const struct s3_http_request *req,
                     const struct s3_exchange_events *events)
{
    struct s3_exchange *ex = mem_zalloc(sizeof(*ex));
    size_t i;

    ex->t = t;
    ex->req = *req;
    ex->events = *events;
    buf_init(&ex->res.body, S3_ANSWER_BODY_MAX);
    ex->next = t->first;
    if (t->first != NULL)
        t->first->prev = ex;
    t->first = ex;
    ex->easy = curl_easy_init();
    if (ex->easy == NULL)
        bug("curl_easy_init failed");
    curl_easy_setopt(ex->easy, CURLOPT_URL, req->url);
    curl_easy_setopt(ex->easy, CURLOPT_PRIVATE, ex);
    curl_easy_setopt(ex->easy, CURLOPT_ERRORBUFFER, ex->error);
    curl_easy_setopt(ex->easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(ex->easy, CURLOPT_HEADERDATA, ex);
    curl_easy_setopt(ex->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(ex->easy, CURLOPT_WRITEDATA, ex);
    set_connection(ex);
    set_method(ex);
    for (i = 0; i < req->header_count; i++)
        add_header(ex, &req->headers[i]);
    curl_easy_setopt(ex->easy, CURLOPT_HTTPHEADER, ex->lines);
    if (curl_multi_add_handle(t->multi, ex->easy) != CURLM_OK)
        bug("curl_multi_add_handle failed");
    return ex;
}

static void
curl_transport_cancel(struct s3_exchange *ex)
{
    ex->cancelled = true;
    if (ex->t->in_curl)
        ex->t->sweep = true;
    else
        exchange_free(ex);
}

const struct s3_transport_ops s3_transport_curl = {
    .name = "curl",
    .open = curl_transport_open,
    .close = curl_transport_close,
    .start = curl_transport_start,
    .cancel = curl_transport_cancel,
    .timer_new = curl_transport_timer_new,
    .timer_set = curl_transport_timer_set,
    .timer_free = curl_transport_timer_free,
};
