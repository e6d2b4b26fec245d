#ifndef TESTS_UNIT_TEST_S3_FAKE_H
#define TESTS_UNIT_TEST_S3_FAKE_H

/*
 * A fake transport (one more row behind the table of s3_transport.h) that plays a script of
 * answers and keeps what was sent, and what the tests over it share. For answers that a healthy
 * store on this machine never gives; the real one is in test_s3_live.c.
 */

#include "common/base/clock.h"
#include "common/s3/s3_client.h"
#include "common/s3/s3_multipart.h"
#include "common/s3/s3_transport.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB       (1024LL * 1024)
#define SECRET    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define SENT_MAX  32
#define LIMIT_S   20
#define SHA_ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

/* --- the fake -------------------------------------------------------------------------------- */

struct reply {
    enum s3_net net;
    int status;
    struct s3_header headers[4];
    const char *body;
    int64_t date_offset_ms; /* != 0: a Date header, so far from now */
};

struct s3_exchange {
    struct s3_transport *t;
    struct event *ev;
    struct s3_exchange_events events;
    const struct reply *reply;
    int64_t body_bytes;
    bool dead;
};

struct s3_timer {
    struct event *ev;
    void (*fn)(void *ctx);
    void *ctx;
};

struct sent {
    char line[512]; /* "PUT https://host/path?query" */
    struct s3_headers headers;
};

struct s3_transport {
    struct event_base *base;
};

static struct {
    const struct reply *script;
    size_t count, next;
    struct sent sent[SENT_MAX];
} fake;

static UNUSED int
fake_open(const struct s3_transport_options *opt, struct s3_transport **ret, struct errinfo *ei)
{
    (void)ei;
    *ret = mem_zalloc(sizeof(**ret));
    (*ret)->base = opt->base;
    return E_OK;
}

static UNUSED void
fake_close(struct s3_transport *t)
{
    free(t);
}

static UNUSED void
fake_answer(evutil_socket_t fd, short what, void *arg)
{
    struct s3_exchange *ex = arg;
    const struct reply *r = ex->reply;
    struct s3_http_response res = {.net = r->net, .status = r->status, .body_sent = true};
    char date[64];
    time_t t;
    struct tm tm;
    size_t i;

    (void)fd;
    (void)what;
    buf_init(&res.body, 1 << 20);
    if (r->body != NULL)
        buf_puts(&res.body, r->body);
    for (i = 0; i < ARRAY_LEN(r->headers) && r->headers[i].name != NULL; i++)
        s3_headers_copy(&res.headers, &r->headers[i], 1);
    if (r->date_offset_ms != 0) {
        t = (time_t)((clock_now_ms() + r->date_offset_ms) / 1000);
        gmtime_r(&t, &tm);
        strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        s3_headers_add(&res.headers, "Date", date);
    }
    if (!ex->dead && ex->events.sent != NULL && ex->body_bytes > 0)
        ex->events.sent(ex->events.ctx, ex->body_bytes);
    if (!ex->dead)
        ex->events.done(ex->events.ctx, &res);
    s3_headers_done(&res.headers);
    buf_done(&res.body);
    event_free(ex->ev);
    free(ex);
}

static UNUSED struct s3_exchange *
fake_start(struct s3_transport *t, const struct s3_http_request *req,
           const struct s3_exchange_events *events)
{
    struct s3_exchange *ex = mem_zalloc(sizeof(*ex));
    struct timeval now = {0, 0};
    struct sent *s;

    if (fake.next >= fake.count)
        fail_msg("unexpected request %zu: %s %s", fake.next + 1, req->method, req->url);
    s = &fake.sent[fake.next];
    snprintf(s->line, sizeof(s->line), "%s %s", req->method, req->url);
    s3_headers_copy(&s->headers, req->headers, req->header_count);
    ex->t = t;
    ex->events = *events;
    ex->reply = &fake.script[fake.next++];
    ex->body_bytes = req->body_bytes;
    ex->ev = evtimer_new(t->base, fake_answer, ex);
    evtimer_add(ex->ev, &now);
    return ex;
}

static UNUSED void
fake_cancel(struct s3_exchange *ex)
{
    ex->dead = true; /* its event frees it */
}

static UNUSED void
on_timer_due(evutil_socket_t fd, short what, void *arg)
{
    struct s3_timer *timer = arg;

    (void)fd;
    (void)what;
    timer->fn(timer->ctx);
}

static UNUSED struct s3_timer *
fake_timer_new(struct s3_transport *t, void (*fn)(void *ctx), void *ctx)
{
    struct s3_timer *timer = mem_zalloc(sizeof(*timer));

    timer->fn = fn;
    timer->ctx = ctx;
    timer->ev = evtimer_new(t->base, on_timer_due, timer);
    if (timer->ev == NULL)
        bug("evtimer_new failed");
    return timer;
}

static UNUSED void
fake_timer_set(struct s3_timer *timer, int64_t delay_ms)
{
    struct timeval tv = {(time_t)(delay_ms / 1000), (suseconds_t)(delay_ms % 1000 * 1000)};

    evtimer_add(timer->ev, &tv);
}

static UNUSED void
fake_timer_free(struct s3_timer *timer)
{
    if (timer == NULL)
        return;
    event_free(timer->ev);
    free(timer);
}

static const struct s3_transport_ops fake_transport = {
    "fake",      fake_open,      fake_close,     fake_start,
    fake_cancel, fake_timer_new, fake_timer_set, fake_timer_free};

/* --- running a script ------------------------------------------------------------------------ */

static struct event_base *base;
static struct s3_client *client;

struct seen {
    bool done;
    struct s3_result res;
    bool left_upload;
    unsigned started;
};

static UNUSED void
play(const struct reply *script, size_t count)
{
    size_t i;

    for (i = 0; i < SENT_MAX; i++)
        s3_headers_done(&fake.sent[i].headers);
    memset(&fake, 0, sizeof(fake));
    fake.script = script;
    fake.count = count;
}

#define PLAY(script) play(script, ARRAY_LEN(script))

static UNUSED void
on_done(void *ctx, const struct s3_result *res)
{
    struct seen *s = ctx;

    s->res = *res;
    s->left_upload = res->upload_id != NULL;
    s->done = true;
}

static UNUSED int
on_started(void *ctx, const char *upload_id, struct errinfo *ei)
{
    struct seen *s = ctx;

    (void)upload_id;
    (void)ei;
    s->started++;
    return 0;
}

static UNUSED void
wait_done(const bool *done)
{
    struct timeval limit = {LIMIT_S, 0};

    event_base_loopexit(base, &limit);
    while (!*done && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(*done);
}

static const struct s3_header identity[] = {{"bl-job", "j"}};

static UNUSED struct s3_put
put_of(int64_t bytes)
{
    static int fd = -1;

    if (fd < 0)
        fd = memfd_create("s3", MFD_CLOEXEC);
    assert_int_equal(ftruncate(fd, bytes), 0);
    return (struct s3_put){
        .target = {.bucket = "bkt",
                   .region = "us-east-1",
                   .access_key = "AKIAIOSFODNN7EXAMPLE",
                   .secret_key = SECRET},
        .key = "k",
        .fd = fd,
        .bytes = bytes,
        .sha256_hex = SHA_ZEROS,
        .metadata = identity,
        .metadata_count = 1,
        .upload_started = on_started,
        .done = on_done,
    };
}

static UNUSED struct seen
run(struct s3_put *put)
{
    struct seen s = {0};
    struct errinfo ei = ERRINFO_INIT;

    put->ctx = &s;
    if (s3_put_file(client, put, &ei) == NULL)
        fail_msg("s3_put_file: %s", ei.msg);
    wait_done(&s.done);
    assert_null(strstr(s.res.message, SECRET));
    assert_null(strstr(s.res.message, "Signature="));
    return s;
}

static UNUSED void
want(const struct seen *s, enum s3_outcome outcome, size_t requests)
{
    if (s->res.outcome != outcome || fake.next != requests || s->res.attempts != requests)
        fail_msg("got %s (%s) after %zu requests, want %s after %zu",
                 s3_outcome_name(s->res.outcome), s->res.message, fake.next,
                 s3_outcome_name(outcome), requests);
}

static UNUSED void
want_line(size_t i, const char *line)
{
    if (strcmp(fake.sent[i].line, line) != 0)
        fail_msg("request %zu: got %s, want %s", i + 1, fake.sent[i].line, line);
}

static UNUSED const char *
sent_header(size_t i, const char *name)
{
    const char *v = s3_headers_find(&fake.sent[i].headers, name);

    return v != NULL ? v : "";
}

static UNUSED int
setup(void **state)
{
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    base = event_base_new();
    return s3_client_new(&(struct s3_client_options){.base = base,
                                                     .attempts = 3,
                                                     .retry_base_ms = 1,
                                                     .retry_cap_ms = 2,
                                                     .part_size = 5 * MIB,
                                                     .transport = &fake_transport},
                         &client, &ei);
}

static UNUSED int
teardown(void **state)
{
    (void)state;
    s3_client_free(client);
    event_base_free(base);
    play(NULL, 0);
    return 0;
}

#define ERR(code) "<Error><Code>" code "</Code><Message>words</Message></Error>"
#define CREATED                                                                                    \
    "<InitiateMultipartUploadResult><UploadId>u1</UploadId>"                                       \
    "</InitiateMultipartUploadResult>"
#define COMPLETED                                                                                  \
    "<CompleteMultipartUploadResult><ETag>e</ETag>"                                                \
    "</CompleteMultipartUploadResult>"
#define OK_ETAG                                                                                    \
    {                                                                                              \
        .status = 200, .headers = { {"ETag", "\"e\""} }                                            \
    }
#define REDIRECT(region)                                                                           \
    {                                                                                              \
        .status = 301, .headers = {{"x-amz-bucket-region", region}},                               \
        .body = ERR("PermanentRedirect")                                                           \
    }

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
