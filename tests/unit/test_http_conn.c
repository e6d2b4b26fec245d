/* A connection as its client sees it: real sockets, a small application behind them. */

#include "api/http_conn.h"
#include "api/response.h"
#include "common/base/clock.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

#define LIMIT_MS 5000
#define H        "Host: h\r\n"
#define GET(p)   "GET " p " HTTP/1.1\r\n" H "\r\n"

struct app {
    struct event_base *base;
    struct http_env env;
    struct request *later; /* waits for its answer */
    struct event *timer;
    int answered, emptied;
};

static void
answer(struct request *rq)
{
    struct answer a;

    response_begin(&a, rq, rq->path, 0);
    json_w_key(&a.w, "object");
    json_w_stringn(&a.w, buf_str(&rq->body), rq->body.len);
    response_end(&a, 200);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct app *app = arg;
    struct request *rq = app->later;

    (void)fd;
    (void)what;
    app->later = NULL;
    answer(rq);
}

/* "/later" is answered from the loop, all else at once. */
static void
handle(void *ctx, struct request *rq)
{
    static const struct timeval tv = {0, 20000};
    struct app *app = ctx;

    if (strcmp(rq->path, "/later") != 0) {
        answer(rq);
        return;
    }
    app->later = rq;
    event_add(app->timer, &tv);
}

static void
answered(void *ctx, const struct request *rq, int status)
{
    (void)rq;
    (void)status;
    ((struct app *)ctx)->answered++;
}

static void
emptied(void *ctx)
{
    ((struct app *)ctx)->emptied++;
}

static int
setup(void **state)
{
    struct app *app = mem_zalloc(sizeof(*app));

    signal(SIGPIPE, SIG_IGN);
    app->base = event_base_new();
    app->timer = evtimer_new(app->base, on_timer, app);
    app->env = (struct http_env){
        .base = app->base,
        .max_head = 2000,
        .max_body = 1000,
        .max_connections = 3,
        .max_bodies = 100000,
        .head_timeout_ms = 150,
        .body_timeout_ms = 150,
        .idle_timeout_ms = 300,
        .handle = handle,
        .answered = answered,
        .app = app,
        .empty = emptied,
        .empty_ctx = app,
    };
    *state = app;
    return 0;
}

static int
teardown(void **state)
{
    struct app *app = *state;

    http_conn_close_all(&app->env);
    event_free(app->timer);
    event_base_free(app->base);
    free(app);
    return 0;
}

static int
connect_to(struct app *app)
{
    int fds[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    evutil_make_socket_nonblocking(fds[1]);
    http_conn_open(&app->env, fds[1]);
    return fds[0];
}

/* Reads until the server closes, `want` answers are there, or the limit. True: closed. */
static bool
read_answers(struct app *app, int fd, int want, struct buf *got)
{
    int64_t limit = clock_mono_ms() + LIMIT_MS;
    struct pollfd p = {fd, POLLIN, 0};
    const char *at;
    char part[4096];
    ssize_t n;
    int count;

    while (clock_mono_ms() < limit) {
        event_base_loop(app->base, EVLOOP_NONBLOCK);
        count = 0;
        for (at = buf_str(got); (at = strstr(at, "\"timestamp\":")) != NULL; at++)
            count++;
        if (want > 0 && count >= want)
            return false;
        if (poll(&p, 1, 5) <= 0)
            continue;
        n = recv(fd, part, sizeof(part), MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return true;
        if (n > 0)
            buf_append(got, part, (size_t)n);
    }
    fail_msg("no answer in time; so far '%s'", buf_str(got));
    return false;
}

static void
send_all(int fd, const char *s)
{
    size_t n = strlen(s);

    while (n > 0) {
        ssize_t k = send(fd, s, n, MSG_NOSIGNAL);
        if (k < 0)
            return; /* the server may have closed: what it answered is what counts */
        s += k;
        n -= (size_t)k;
    }
}

/* "200 404": the statuses in order. */
static void
statuses(const struct buf *got, char *out, size_t size)
{
    const char *p = buf_str(got);
    size_t used = 0;

    out[0] = '\0';
    while ((p = strstr(p, "HTTP/1.1 ")) != NULL && used + 5 < size) {
        used += (size_t)snprintf(out + used, size - used, "%s%.3s", used > 0 ? " " : "", p + 9);
        p += 9;
    }
}

static void
test_sequences(void **state)
{
    static const struct {
        const char *name, *send;
        const char *want; /* statuses */
        bool close;       /* the server closes by itself; otherwise it waits for more */
        const char *text; /* is in the answers */
    } rows[] = {
        {"one", GET("/a"), "200", false, "\"msg\":\"/a\""},
        {"one later", GET("/later"), "200", false, "\"msg\":\"/later\""},
        {"two in one packet", GET("/a") GET("/b"), "200 200", false, "/b"},
        {"later before now", GET("/later") GET("/b") GET("/c"), "200 200 200", false, "/c"},
        {"close", "GET /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n" GET("/b"), "200", true, "/a"},
        {"1.0", "GET /a HTTP/1.0\r\n\r\n", "200", true, "Connection: close"},
        {"1.0 keep-alive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "200", false,
         "Connection: keep-alive"},
        {"HEAD has no body", "HEAD /a HTTP/1.1\r\n" H "Connection: close\r\n\r\n", "200", true,
         "Content-Length: "},
        {"body", "POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhello" GET("/b"), "200 200",
         false, "\"object\":\"hello\""},
        {"chunked body",
         "POST /p HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" GET("/b"),
         "200 200", false, "\"object\":\"hello\""},
        {"body of a GET", "GET /p HTTP/1.1\r\n" H "Content-Length: 2\r\n\r\nhi", "200", false,
         "\"object\":\"hi\""},
        {"expect", "POST /p HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n",
         "100 408", true, NULL},
        {"expect, body at once",
         "POST /p HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi", "200",
         false, "\"object\":\"hi\""},
        {"expect too much",
         "POST /p HTTP/1.1\r\n" H "Expect: 100-continue\r\nContent-Length: 2000\r\n\r\n", "413",
         true, NULL},
        {"too large", "POST /p HTTP/1.1\r\n" H "Content-Length: 1001\r\n\r\n", "413", true, NULL},
        {"far too large", "POST /p HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n",
         "413", true, NULL},
        {"chunks too large", "POST /p HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nFFFF\r\nx",
         "413", true, NULL},
        {"smuggled behind CL.TE",
         "POST /p HTTP/1.1\r\n" H
         "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
         "400", true, NULL},
        {"smuggled in a chunk",
         "POST /p HTTP/1.1\r\n" H
         "Transfer-Encoding: chunked\r\n\r\n1\r\naXX0\r\n\r\n" GET("/admin"),
         "400", true, NULL},
        {"good, then bad", GET("/a") "GET /b HTTP/1.1\nHost: h\n\n" GET("/c"), "200 400", true,
         "Connection: close"},
        {"head cut short", "GET /a HTTP/1.1\r\nHos", "408", true, NULL},
        {"body cut short", "POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe", "408", true,
         NULL},
        {"nothing at all", "", "", true, NULL},
        {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505", true, NULL},
    };
    char got[64];
    size_t i, failed = 0;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct app *app = *state;
        struct buf b = BUF_INIT(1 << 20);
        int fd = connect_to(app), count = (int)(strlen(rows[i].want) + 1) / 4;
        bool closed;

        send_all(fd, rows[i].send);
        closed = read_answers(app, fd, rows[i].close ? 0 : count, &b);
        statuses(&b, got, sizeof(got));
        if (strcmp(got, rows[i].want) != 0 || closed != rows[i].close ||
            (rows[i].text != NULL && strstr(buf_str(&b), rows[i].text) == NULL)) {
            print_error("%s: got '%s' closed %d, want '%s' closed %d: %s\n", rows[i].name, got,
                        closed, rows[i].want, rows[i].close, buf_str(&b));
            failed++;
        }
        close(fd);
        event_base_loop(app->base, EVLOOP_NONBLOCK);
        buf_done(&b);
    }
    assert_int_equal(failed, 0);
}

/* The same bytes one by one give the same answers. */
static void
test_byte_by_byte(void **state)
{
    static const char in[] =
        "\r\nPOST /p HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\nT: 1\r\n"
        "\r\n" GET("/b");
    struct app *app = *state;
    struct buf b = BUF_INIT(1 << 20);
    int fd = connect_to(app);
    size_t i;

    for (i = 0; i < sizeof(in) - 1; i++) {
        assert_int_equal(send(fd, in + i, 1, MSG_NOSIGNAL), 1);
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    }
    read_answers(app, fd, 2, &b);
    assert_non_null(strstr(buf_str(&b), "\"object\":\"hello\""));
    assert_non_null(strstr(buf_str(&b), "\"msg\":\"/b\""));
    close(fd);
    buf_done(&b);
}

static void
test_cut_by_the_client(void **state)
{
    struct app *app = *state;
    struct buf b = BUF_INIT(1 << 20);
    int fd = connect_to(app);

    /* half closed: a person with netcat still sees why */
    send_all(fd, "POST /p HTTP/1.1\r\n" H "Content-Length: 5\r\n\r\nhe");
    shutdown(fd, SHUT_WR);
    assert_true(read_answers(app, fd, 0, &b));
    assert_non_null(strstr(buf_str(&b), "HTTP/1.1 400 "));
    close(fd);
    buf_reset(&b);
    /* a whole request and the end: answered */
    fd = connect_to(app);
    send_all(fd, GET("/later"));
    shutdown(fd, SHUT_WR);
    assert_true(read_answers(app, fd, 0, &b));
    assert_non_null(strstr(buf_str(&b), "HTTP/1.1 200 "));
    close(fd);
    buf_done(&b);
}

/* The client leaves while its request is in work: the answer goes nowhere, nothing breaks. */
static void
test_gone(void **state)
{
    struct app *app = *state;
    int64_t limit = clock_mono_ms() + LIMIT_MS;
    int fd = connect_to(app), before = app->answered;

    send_all(fd, GET("/later") GET("/b"));
    while (app->later == NULL && clock_mono_ms() < limit)
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    close(fd);
    while ((app->answered == before || app->env.count > 0) && clock_mono_ms() < limit)
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    assert_true(app->answered > before);
    assert_int_equal(app->env.count, 0);
}

static void
test_too_many(void **state)
{
    struct app *app = *state;
    struct buf b = BUF_INIT(1 << 20);
    int fds[3], fd;
    size_t i;

    for (i = 0; i < ARRAY_LEN(fds); i++)
        fds[i] = connect_to(app);
    fd = connect_to(app);
    assert_true(read_answers(app, fd, 0, &b));
    assert_non_null(strstr(buf_str(&b), "HTTP/1.1 503 "));
    assert_non_null(strstr(buf_str(&b), "Retry-After: "));
    close(fd);
    send_all(fds[0], GET("/a"));
    buf_reset(&b);
    read_answers(app, fds[0], 1, &b);
    assert_non_null(strstr(buf_str(&b), "HTTP/1.1 200 "));
    for (i = 0; i < ARRAY_LEN(fds); i++)
        close(fds[i]);
    buf_done(&b);
}

/* A client that sends and never reads is held back, then served in order. */
static void
test_slow_reader(void **state)
{
    struct app *app = *state;
    struct buf b = BUF_INIT(64 << 20);
    int fd = connect_to(app), i, sent = 0;
    char request[64];

    for (i = 0; i < 20000; i++) {
        int n = snprintf(request, sizeof(request), "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", sent);
        if (send(fd, request, (size_t)n, MSG_DONTWAIT | MSG_NOSIGNAL) == n)
            sent++;
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    }
    assert_true(app->answered < 20000); /* held back before all were answered */
    assert_true(sent > 100);
    read_answers(app, fd, app->answered, &b);
    close(fd);
    buf_done(&b);
}

static void
test_drain(void **state)
{
    struct app *app = *state;
    struct buf b = BUF_INIT(1 << 20);
    int busy = connect_to(app), idle = connect_to(app);
    int64_t limit = clock_mono_ms() + LIMIT_MS;

    send_all(busy, GET("/later"));
    while (app->later == NULL && clock_mono_ms() < limit)
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    http_conn_drain(&app->env);
    send_all(idle, GET("/last"));
    assert_true(read_answers(app, idle, 0, &b));
    assert_non_null(strstr(buf_str(&b), "\"msg\":\"/last\""));
    assert_non_null(strstr(buf_str(&b), "Connection: close"));
    buf_reset(&b);
    assert_true(read_answers(app, busy, 0, &b));
    assert_non_null(strstr(buf_str(&b), "\"msg\":\"/later\""));
    assert_non_null(strstr(buf_str(&b), "Connection: close"));
    close(busy);
    close(idle);
    while (app->emptied == 0 && clock_mono_ms() < limit)
        event_base_loop(app->base, EVLOOP_NONBLOCK);
    assert_int_equal(app->emptied, 1);
    buf_done(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sequences, setup, teardown),
        cmocka_unit_test_setup_teardown(test_byte_by_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut_by_the_client, setup, teardown),
        cmocka_unit_test_setup_teardown(test_gone, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_drain, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
