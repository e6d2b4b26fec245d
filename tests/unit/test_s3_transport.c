/*
 * The client over libcurl against a server on this machine that misbehaves as told: real sockets,
 * scripted answers. What a healthy store does is in test_s3_live.c.
 */

#include "common/s3/s3_client.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_S 30
#define SHA     "0000000000000000000000000000000000000000000000000000000000000000"

/* --- the server ------------------------------------------------------------------------------ */

enum act {
    REPLY,       /* text, after the whole request */
    REPLY_EARLY, /* text, instead of 100 Continue, then the connection closes */
    CLOSE,       /* after the whole request */
    SILENT,      /* not another byte */
};

struct turn {
    enum act act;
    const char *text;
};

struct conn {
    int64_t body_left; /* -1: still in the head */
};

static struct {
    struct evconnlistener *listener;
    char url[64];
    const struct turn *script;
    size_t count, next;
    unsigned connections, continues;
    int64_t body_bytes; /* received, all requests */
} server;

static struct event_base *base;
static struct s3_client *client;

static const struct turn *
turn_now(void)
{
    if (server.next >= server.count)
        fail_msg("unexpected request %zu", server.next + 1);
    return &server.script[server.next];
}

static void
request_is_whole(struct bufferevent *bev, struct conn *c)
{
    const struct turn *t = turn_now();

    server.next++;
    c->body_left = -1;
    if (t->act == REPLY) {
        bufferevent_write(bev, t->text, strlen(t->text));
    } else if (t->act == CLOSE) {
        free(c);
        bufferevent_free(bev);
    }
}

static void
read_head(struct bufferevent *bev, struct conn *c, const char *head)
{
    const char *length = strcasestr(head, "\r\nContent-Length:");
    const struct turn *t = turn_now();

    c->body_left = length != NULL ? strtoll(length + 17, NULL, 10) : 0;
    if (strcasestr(head, "Expect: 100-continue") == NULL)
        return;
    if (t->act == REPLY_EARLY) {
        server.next++;
        bufferevent_write(bev, t->text, strlen(t->text));
    } else if (t->act != SILENT) {
        server.continues++;
        bufferevent_write(bev, "HTTP/1.1 100 Continue\r\n\r\n", 25);
    }
}

static void
on_read(struct bufferevent *bev, void *arg)
{
    struct conn *c = arg;
    struct evbuffer *in = bufferevent_get_input(bev);

    if (c->body_left < 0) {
        struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
        char *head;

        if (end.pos < 0)
            return;
        head = mem_zalloc((size_t)end.pos + 5);
        evbuffer_remove(in, head, (size_t)end.pos + 4);
        read_head(bev, c, head);
        free(head);
    }
    if (c->body_left > 0) {
        int64_t n = (int64_t)evbuffer_get_length(in);

        n = n < c->body_left ? n : c->body_left;
        evbuffer_drain(in, (size_t)n);
        c->body_left -= n;
        server.body_bytes += n;
    }
    if (c->body_left == 0)
        request_is_whole(bev, c);
}

static void
on_event(struct bufferevent *bev, short what, void *arg)
{
    if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) {
        free(arg);
        bufferevent_free(bev);
    }
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *addr, int len, void *arg)
{
    struct bufferevent *bev = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    struct conn *c = mem_zalloc(sizeof(*c));

    (void)l;
    (void)addr;
    (void)len;
    (void)arg;
    server.connections++;
    c->body_left = -1;
    bufferevent_setcb(bev, on_read, NULL, on_event, c);
    bufferevent_enable(bev, EV_READ | EV_WRITE);
}

static void
serve(const struct turn *script, size_t count)
{
    server.script = script;
    server.count = count;
    server.next = 0;
    server.connections = server.continues = 0;
    server.body_bytes = 0;
}

#define SERVE(script) serve(script, ARRAY_LEN(script))

/* --- the client ------------------------------------------------------------------------------ */

struct seen {
    bool done;
    struct s3_result res;
    bool cancel_at_once;
    struct s3_op *op;
};

static void
on_done(void *ctx, const struct s3_result *res)
{
    struct seen *s = ctx;

    s->res = *res;
    s->done = true;
}

static void
on_progress(void *ctx, int64_t bytes)
{
    struct seen *s = ctx;

    (void)bytes;
    if (s->cancel_at_once)
        s3_op_cancel(s->op);
}

static struct seen
run_at(const char *url, int64_t bytes, bool cancel)
{
    struct seen s = {.cancel_at_once = cancel};
    struct timeval limit = {LIMIT_S, 0};
    struct errinfo ei = ERRINFO_INIT;
    int fd = memfd_create("s3", MFD_CLOEXEC);
    struct s3_put put = {
        .target =
            {.bucket = "bkt", .region = "x", .endpoint = url, .access_key = "A", .secret_key = "S"},
        .key = "k",
        .fd = fd,
        .bytes = bytes,
        .sha256_hex = SHA,
        .mode = S3_FORCE_SINGLE,
        .progress = on_progress,
        .done = on_done,
        .ctx = &s,
    };

    assert_int_equal(ftruncate(fd, bytes), 0);
    s.op = s3_put_file(client, &put, &ei);
    if (s.op == NULL)
        fail_msg("s3_put_file: %s", ei.msg);
    event_base_loopexit(base, &limit);
    while (!s.done && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    assert_true(s.done);
    close(fd);
    return s;
}

static struct seen
run(int64_t bytes)
{
    return run_at(server.url, bytes, false);
}

static void
want(const struct seen *s, enum s3_outcome outcome, unsigned attempts)
{
    if (s->res.outcome != outcome || s->res.attempts != attempts)
        fail_msg("got %s after %u (%s), want %s after %u", s3_outcome_name(s->res.outcome),
                 s->res.attempts, s->res.message, s3_outcome_name(outcome), attempts);
}

#define OK_REPLY "HTTP/1.1 200 OK\r\nETag: \"e\"\r\nContent-Length: 0\r\n\r\n"

static void
test_keep_alive(void **state)
{
    static const struct turn script[] = {{REPLY, OK_REPLY}, {REPLY, OK_REPLY}, {REPLY, OK_REPLY}};
    size_t i;

    (void)state;
    SERVE(script);
    for (i = 0; i < 3; i++) {
        struct seen s = run(1000);

        want(&s, S3_OK, 1);
        assert_string_equal(s.res.etag, "\"e\"");
    }
    assert_int_equal(server.connections, 1);
    assert_int_equal(server.body_bytes, 3000);
    assert_int_equal(server.continues, 0);
}

static void
test_expect_continue(void **state)
{
    static const struct turn good[] = {{REPLY, OK_REPLY}};
    static const struct turn denied[] = {
        {REPLY_EARLY, "HTTP/1.1 403 Forbidden\r\nContent-Length: 49\r\nConnection: close\r\n\r\n"
                      "<Error><Code>SignatureDoesNotMatch</Code></Error>"},
    };
    struct seen s;

    (void)state;
    SERVE(good);
    s = run(3000000);
    want(&s, S3_OK, 1);
    assert_int_equal(server.continues, 1);
    assert_int_equal(server.body_bytes, 3000000);
    SERVE(denied);
    s = run(3000000);
    want(&s, S3_USER_ERROR, 1);
    assert_string_equal(s.res.code, "SignatureDoesNotMatch");
    assert_int_equal(server.body_bytes, 0);
}

static void
test_redirect_not_followed(void **state)
{
    static const struct turn script[] = {
        {REPLY, "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"},
    };
    struct seen s;

    (void)state;
    SERVE(script);
    s = run(10);
    want(&s, S3_USER_ERROR, 1);
    assert_int_equal(s.res.http_status, 302);
}

static void
test_connection_lost(void **state)
{
    static const struct turn script[] = {{CLOSE, NULL}, {CLOSE, NULL}};
    struct seen s;

    (void)state;
    SERVE(script);
    s = run(10);
    want(&s, S3_RETRY_LATER, 2);
    assert_true(s.res.unanswered_put);
    assert_non_null(strstr(s.res.message, "the connection was lost"));
}

/* curl repeats by itself what it sent over a kept connection that died: that must not go
 * unnoticed, since the first copy may have been stored. */
static void
test_kept_connection_dies(void **state)
{
    static const struct turn script[] = {
        {REPLY, OK_REPLY},
        {CLOSE, NULL},
        {REPLY, "HTTP/1.1 412 Precondition Failed\r\nContent-Length: 0\r\n\r\n"},
    };
    struct seen s;

    (void)state;
    SERVE(script);
    s = run(10);
    want(&s, S3_OK, 1);
    s = run(10);
    assert_int_equal(s.res.outcome, S3_EXISTS);
    assert_true(s.res.unanswered_put);
    assert_int_equal(server.next, 3);
    assert_int_equal(server.body_bytes, 30);
}

static void
test_stall(void **state)
{
    static const struct turn script[] = {{SILENT, NULL}, {SILENT, NULL}};
    struct seen s;

    (void)state;
    SERVE(script);
    s = run(10);
    want(&s, S3_RETRY_LATER, 2);
    assert_true(s.res.unanswered_put);
    assert_non_null(strstr(s.res.message, "no byte moved"));
}

static void
test_refused(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound and not listening: nobody else gets it */
    char url[64];
    struct seen s;

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    snprintf(url, sizeof(url), "http://127.0.0.1:%d", ntohs(a.sin_port));
    s = run_at(url, 10, false);
    want(&s, S3_RETRY_LATER, 2);
    assert_false(s.res.unanswered_put);
    assert_int_equal(s.res.http_status, 0);
    assert_non_null(strstr(s.res.message, "cannot connect"));
    close(fd);
}

static void
test_no_http(void **state)
{
    static const struct turn script[] = {{REPLY, "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
                                         {REPLY, "SSH-2.0-OpenSSH_9.2\r\n\r\n"}};
    struct seen s;

    (void)state;
    SERVE(script);
    s = run(10);
    want(&s, S3_RETRY_LATER, 2);
}

static void
test_proxy_of_the_environment(void **state)
{
    static const struct turn script[] = {{REPLY, OK_REPLY}};
    struct seen s;

    (void)state;
    setenv("http_proxy", "http://127.0.0.1:1", 1);
    setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    SERVE(script);
    s = run(10);
    want(&s, S3_OK, 1);
    unsetenv("http_proxy");
    unsetenv("ALL_PROXY");
}

static void
test_cancel_inside_progress(void **state)
{
    static const struct turn script[] = {{REPLY, OK_REPLY}};
    struct seen s;

    (void)state;
    SERVE(script);
    s = run_at(server.url, 3000000, true);
    want(&s, S3_CANCELLED, 1);
    assert_true(s.res.unanswered_put);
}

static int
setup(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(a);
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    base = event_base_new();
    server.listener = evconnlistener_new_bind(base, on_accept, NULL, LEV_OPT_CLOSE_ON_FREE, -1,
                                              (struct sockaddr *)&a, sizeof(a));
    getsockname(evconnlistener_get_fd(server.listener), (struct sockaddr *)&a, &len);
    snprintf(server.url, sizeof(server.url), "http://127.0.0.1:%d", ntohs(a.sin_port));
    return s3_client_new(&(struct s3_client_options){.base = base,
                                                     .attempts = 2,
                                                     .retry_base_ms = 1,
                                                     .retry_cap_ms = 2,
                                                     .stall_timeout_s = 1},
                         &client, &ei);
}

static int
teardown(void **state)
{
    struct timeval soon = {0, 100000};

    (void)state;
    s3_client_free(client);
    evconnlistener_free(server.listener);
    /* The server's side of the connections sees their end, and frees itself. */
    event_base_loopexit(base, &soon);
    event_base_dispatch(base);
    event_base_free(base);
    return 0;
}

#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_keep_alive),
        EACH(test_expect_continue),
        EACH(test_redirect_not_followed),
        EACH(test_connection_lost),
        EACH(test_kept_connection_dies),
        EACH(test_stall),
        EACH(test_refused),
        EACH(test_no_http),
        EACH(test_proxy_of_the_environment),
        EACH(test_cancel_inside_progress),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
