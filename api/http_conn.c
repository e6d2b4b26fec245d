#include "api/http_conn.h"

#include "api/http_chunk.h"
#include "api/http_head.h"
#include "api/response.h"
#include "common/base/clock.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINGER_MS     2000
#define DRAIN_IDLE_MS 1000
#define READ_HIGH     65536
#define OUTPUT_MAX    (256 * 1024) /* unread answers beyond this: no further request is begun */
#define REFUSED_MAX   64           /* connections over the cap that still get their 503 */
#define CONTINUE      "HTTP/1.1 100 Continue\r\n\r\n"

enum state { IDLE, HEAD, BODY, WORK, FLUSH, LINGER };

struct http_conn {
    struct http_env *env;
    struct http_conn *prev, *next;
    struct bufferevent *bev;
    struct event *timer;
    enum state state;
    int64_t deadline_ms; /* INT64_MAX: none */
    int64_t timer_ms;    /* the timer goes off then; at or before the deadline */
    bool fresh;          /* no request yet: shorter patience */
    bool eof;            /* the client sends nothing more */
    bool gone;           /* the connection is broken: answers go nowhere */
    bool pumping;        /* inside pump(): an answer given now is followed up there */
    bool last;           /* close after the current answer */
    struct http_scan scan;
    struct http_chunk chunk;
    size_t counted;     /* of env->bodies */
    struct request *rq; /* BODY, WORK */
};

static void pump(struct http_conn *c);

static void
conn_free(struct http_conn *c)
{
    struct http_env *env = c->env;

    if (c->prev != NULL)
        c->prev->next = c->next;
    else
        env->conns = c->next;
    if (c->next != NULL)
        c->next->prev = c->prev;
    env->count--;
    env->bodies -= c->counted;
    request_free(c->rq);
    event_free(c->timer);
    bufferevent_free(c->bev);
    free(c);
    if (env->draining && env->count == 0 && env->empty != NULL)
        env->empty(env->empty_ctx);
}

/* The timer is moved only when it would be late; one that is early looks at the deadline and goes
 * back to sleep. So a request on a busy connection costs no timer operation. */
static void
set_deadline(struct http_conn *c, int64_t in_ms)
{
    struct timeval tv;

    c->deadline_ms = in_ms < 0 ? INT64_MAX : clock_mono_ms() + in_ms;
    if (in_ms < 0 || c->timer_ms <= c->deadline_ms)
        return;
    tv = (struct timeval){(time_t)(in_ms / 1000), (suseconds_t)(in_ms % 1000 * 1000)};
    c->timer_ms = c->deadline_ms;
    event_add(c->timer, &tv);
}

static void
enter(struct http_conn *c, enum state s)
{
    const struct http_env *env = c->env;

    c->state = s;
    switch (s) {
    case IDLE:
        set_deadline(c, env->draining ? DRAIN_IDLE_MS
                        : c->fresh    ? env->head_timeout_ms
                                      : env->idle_timeout_ms);
        break;
    case HEAD:
        set_deadline(c, env->head_timeout_ms);
        break;
    case BODY:
        set_deadline(c, env->body_timeout_ms);
        break;
    case WORK:
        set_deadline(c, -1);
        break;
    case FLUSH:
        set_deadline(c, env->idle_timeout_ms);
        break;
    case LINGER:
        set_deadline(c, LINGER_MS);
        break;
    }
}

/* --- writing ---------------------------------------------------------------------------------- */

/* Straight to the socket while nothing waits in front: saves a turn of the loop. */
static void
put(struct http_conn *c, const char *p, size_t n)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    ssize_t sent = 0;

    if (evbuffer_get_length(out) == 0) {
        sent = send(bufferevent_getfd(c->bev), p, n, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            c->gone = true;
            return;
        }
        if (sent < 0)
            sent = 0;
    }
    if ((size_t)sent < n)
        bufferevent_write(c->bev, p + sent, n - (size_t)sent);
}

/* Everything is written: end our side and wait a moment for the client to read it. */
static void
end_writing(struct http_conn *c)
{
    if (c->gone || c->eof) {
        conn_free(c);
        return;
    }
    shutdown(bufferevent_getfd(c->bev), SHUT_WR);
    enter(c, LINGER);
    evbuffer_drain(bufferevent_get_input(c->bev), SIZE_MAX);
    bufferevent_enable(c->bev, EV_READ);
}

void
http_conn_answer(struct request *rq, int status, const char *headers, const struct buf *body,
                 bool close)
{
    struct http_conn *c = rq->conn;
    struct http_env *env = c->env;
    bool keep = rq->head.keep_alive && !close && !c->eof && !env->draining;
    struct buf out = BUF_INIT(SIZE_MAX / 2);
    bool bare = status == 304; /* neither body nor a length of one (RFC 9110 section 15.4.5) */

    buf_printf(&out, "HTTP/1.1 %d %s\r\n", status, response_reason(status));
    if (!bare)
        buf_printf(&out, "%sContent-Length: %zu\r\n", headers, body->len);
    buf_printf(&out, "%s%s\r\n", buf_str(&rq->extra),
               !keep             ? "Connection: close\r\n"
               : rq->head.http10 ? "Connection: keep-alive\r\n"
                                 : "");
    if (rq->head.method != HTTP_M_HEAD && !bare)
        buf_append(&out, body->data, body->len);
    env->answered(env->app, rq, status);
    if (!c->gone)
        put(c, out.data, out.len);
    buf_done(&out);
    env->bodies -= c->counted;
    c->counted = 0;
    request_free(c->rq);
    c->rq = NULL;
    c->fresh = false;
    c->last = !keep;
    enter(c, c->last || c->gone ? FLUSH : IDLE);
    if (!c->pumping)
        pump(c);
}

/* Answers what is not, or not yet, a request, and closes. */
static void
refuse(struct http_conn *c, int status, const char *why)
{
    if (c->rq == NULL)
        c->rq = request_new_broken();
    c->rq->conn = c;
    c->state = WORK;
    response_refuse(c->rq, status, why);
}

/* --- reading ---------------------------------------------------------------------------------- */

static bool
count_body(struct http_conn *c)
{
    struct http_env *env = c->env;

    env->bodies = env->bodies - c->counted + c->rq->body.cap;
    c->counted = c->rq->body.cap;
    return env->bodies <= env->max_bodies;
}

/* Each step gives true when something happened and the next may have bytes to work on. */
static bool
step_head(struct http_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    size_t have = evbuffer_get_length(in);
    struct errinfo ei = ERRINFO_INIT;
    struct http_fault fault;
    struct http_head head;
    const char *p;
    long len;

    if (have == 0)
        return false;
    if (have > c->env->max_head + 1)
        have = c->env->max_head + 1;
    if (c->state == IDLE) {
        c->scan = (struct http_scan){0};
        enter(c, HEAD);
    }
    p = (const char *)evbuffer_pullup(in, (ssize_t)have);
    len = http_scan(&c->scan, p, have, c->env->max_head, &fault);
    if (len == 0)
        return false;
    if (len < 0 || http_head_check(p, (size_t)len, &head, &fault) < 0) {
        refuse(c, fault.status, fault.why);
        return true;
    }
    if (head.content_length == INT64_MAX) { /* no parser agrees on such a number */
        refuse(c, 413, "the body is too large");
        return true;
    }
    if (request_new(p, (size_t)len, &head, c->env->max_body, &c->rq, &ei) < 0) {
        refuse(c, 400, ei.msg);
        return true;
    }
    c->rq->conn = c;
    c->chunk = (struct http_chunk){0};
    evbuffer_drain(in, (size_t)len);
    if (head.content_length > (int64_t)c->env->max_body) {
        refuse(c, 413, "the body is too large");
        return true;
    }
    if (head.expect_continue && evbuffer_get_length(in) == 0 &&
        (head.chunked || head.content_length > 0))
        put(c, CONTINUE, strlen(CONTINUE));
    enter(c, BODY);
    return true;
}

static bool
step_body(struct http_conn *c)
{
    struct evbuffer *in = bufferevent_get_input(c->bev);
    struct request *rq = c->rq;
    struct http_fault fault;
    struct evbuffer_iovec v;
    size_t used;
    bool done;
    int rc = 0;

    done = !rq->head.chunked && (int64_t)rq->body.len == rq->head.content_length;
    while (!done && evbuffer_peek(in, -1, NULL, &v, 1) > 0 && v.iov_len > 0) {
        if (rq->head.chunked) {
            rc = http_chunk_decode(&c->chunk, v.iov_base, v.iov_len, &rq->body, &used, &fault);
        } else {
            used = (size_t)rq->head.content_length - rq->body.len;
            used = used < v.iov_len ? used : v.iov_len;
            buf_append(&rq->body, v.iov_base, used);
        }
        if (rc < 0) {
            refuse(c, fault.status, fault.why);
            return true;
        }
        if (!count_body(c)) {
            refuse(c, 503, "too much is being received at the moment");
            return true;
        }
        evbuffer_drain(in, used);
        done = rq->head.chunked ? rc == 1 : (int64_t)rq->body.len == rq->head.content_length;
    }
    if (!done)
        return false;
    enter(c, WORK);
    c->env->handle(c->env->app, rq);
    return true;
}

/* Works through what has arrived. May free the connection: the caller returns at once. */
static void
pump(struct http_conn *c)
{
    struct evbuffer *out = bufferevent_get_output(c->bev);
    bool go = true;

    c->pumping = true;
    while (go && (c->state == IDLE || c->state == HEAD || c->state == BODY)) {
        if (c->state == IDLE && evbuffer_get_length(out) > OUTPUT_MAX)
            break;
        go = c->state == BODY ? step_body(c) : step_head(c);
    }
    c->pumping = false;
    if (c->state == FLUSH && (c->gone || evbuffer_get_length(out) == 0)) {
        end_writing(c);
        return;
    }
    if (!c->eof || c->state == WORK || c->state == FLUSH)
        return;
    if (c->state == IDLE && evbuffer_get_length(bufferevent_get_input(c->bev)) > 0)
        return; /* held back by OUTPUT_MAX: on_write goes on */
    /* The client has ended its side: what is begun will never be whole. */
    if (c->state != IDLE)
        refuse(c, 400, "the connection was closed before the request was complete");
    else if (evbuffer_get_length(out) == 0)
        conn_free(c);
    else
        enter(c, FLUSH);
}

/* --- events ----------------------------------------------------------------------------------- */

static void
on_read(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;

    if (c->state == LINGER)
        evbuffer_drain(bufferevent_get_input(bev), SIZE_MAX);
    else if (c->state != WORK && c->state != FLUSH)
        pump(c);
}

/* The output has been written. */
static void
on_write(struct bufferevent *bev, void *arg)
{
    struct http_conn *c = arg;

    (void)bev;
    if (c->state == FLUSH || c->state == IDLE)
        pump(c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
    struct http_conn *c = arg;

    (void)bev;
    if (what & BEV_EVENT_ERROR)
        c->gone = true;
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR))
        c->eof = true;
    if (c->state == LINGER || (c->gone && c->state != WORK))
        conn_free(c);
    else if (c->state != WORK)
        pump(c);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct http_conn *c = arg;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    c->timer_ms = INT64_MAX;
    if (now < c->deadline_ms) {
        if (c->deadline_ms != INT64_MAX)
            set_deadline(c, c->deadline_ms - now);
        return;
    }
    if (c->state == HEAD || c->state == BODY)
        refuse(c, 408, c->state == HEAD ? "the head took too long" : "the body took too long");
    else
        conn_free(c);
}

void
http_conn_open(struct http_env *env, evutil_socket_t fd)
{
    struct http_conn *c;
    int one = 1;

    if (env->count >= env->max_connections + REFUSED_MAX) {
        close(fd);
        return;
    }
    c = mem_zalloc(sizeof(*c));
    c->env = env;
    c->fresh = true;
    c->timer_ms = INT64_MAX;
    c->bev = bufferevent_socket_new(env->base, fd, BEV_OPT_CLOSE_ON_FREE);
    c->timer = evtimer_new(env->base, on_timer, c);
    if (c->bev == NULL || c->timer == NULL)
        bug("cannot make a connection's events");
    c->next = env->conns;
    if (c->next != NULL)
        c->next->prev = c;
    env->conns = c;
    env->count++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    bufferevent_setcb(c->bev, on_read, on_write, on_event, c);
    bufferevent_setwatermark(c->bev, EV_READ, 0,
                             env->max_head + 2 > READ_HIGH ? env->max_head + 2 : READ_HIGH);
    bufferevent_enable(c->bev, EV_READ | EV_WRITE);
    enter(c, IDLE);
    if (env->count > env->max_connections)
        refuse(c, 503, "too many connections");
}

void
http_conn_drain(struct http_env *env)
{
    struct http_conn *c;

    env->draining = true;
    for (c = env->conns; c != NULL; c = c->next) {
        if (c->state == IDLE)
            enter(c, IDLE); /* the shorter deadline */
    }
    if (env->count == 0 && env->empty != NULL)
        env->empty(env->empty_ctx);
}

void
http_conn_close_all(struct http_env *env)
{
    env->empty = NULL;
    while (env->conns != NULL)
        conn_free(env->conns);
}
