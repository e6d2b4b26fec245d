/* Requests to handlers: heads through the parser, then through the table of routes. */

#include "api/api.h"
#include "api/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static struct request *
request_of(const char *head)
{
    struct http_scan scan = {0};
    struct http_fault fault;
    struct http_head h;
    struct request *rq;
    struct errinfo ei = ERRINFO_INIT;
    long n = http_scan(&scan, head, strlen(head), 16384, &fault);

    if (n <= 0 || http_head_check(head, (size_t)n, &h, &fault) < 0)
        fail_msg("'%s' is refused: %s", head, n == 0 ? "not complete" : fault.why);
    if (request_new(head, (size_t)n, &h, 1000, &rq, &ei) < 0)
        fail_msg("'%s' is refused: %s", head, ei.msg);
    return rq;
}

static void
test_routes(void **state)
{
    static const struct {
        const char *line;
        enum router_verdict want;
        void (*handler)(struct api *api, struct request *rq);
        const char *arg0, *arg1, *allow;
    } rows[] = {
        {"POST /search/query", ROUTER_FOUND, query_post, "", "", NULL},
        {"POST /search/query?x=1", ROUTER_FOUND, query_post, "", "", NULL},
        {"POST http://h:1/search/query", ROUTER_FOUND, query_post, "", "", NULL},
        {"GET /search/query", ROUTER_NO_METHOD, NULL, "", "", "POST"},
        {"GET /search/job/1-2", ROUTER_FOUND, jobs_get, "1-2", "", NULL},
        {"HEAD /search/job/1-2", ROUTER_FOUND, jobs_get, "1-2", "", NULL},
        {"GET /search/job/1-2/", ROUTER_FOUND, jobs_get, "1-2", "", NULL},
        {"DELETE /search/job/1-2", ROUTER_FOUND, job_action_remove, "1-2", "", NULL},
        {"PUT /search/job/1-2", ROUTER_NO_METHOD, NULL, "", "", "GET, HEAD, DELETE"},
        {"GET /search/job/", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search/job//", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search/job/1-2/files?limit=5", ROUTER_FOUND, jobs_files, "1-2", "", NULL},
        {"POST /search/job/1-2/files", ROUTER_NO_METHOD, NULL, "", "", "GET, HEAD"},
        {"GET /search/jobs", ROUTER_FOUND, jobs_list, "", "", NULL},
        {"GET /search/jobs?limit=5", ROUTER_FOUND, jobs_list, "", "", NULL},
        {"GET /search/jobs/", ROUTER_FOUND, jobs_list, "", "", NULL},
        {"GET /search/jobs/s3", ROUTER_FOUND, jobs_list, "s3", "", NULL},
        {"GET /search/jobs/s3/my%20job", ROUTER_FOUND, jobs_list, "s3", "my job", NULL},
        {"GET /search/jobs/s3/a+b", ROUTER_FOUND, jobs_list, "s3", "a+b", NULL},
        {"GET /search/jobs/s3/a%2Fb", ROUTER_FOUND, jobs_list, "s3", "a/b", NULL},
        {"GET /search/jobs/s3/a/b", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search/jobs/%00", ROUTER_BAD_PATH, NULL, "", "", NULL},
        {"GET /search/jobs/%zz", ROUTER_BAD_PATH, NULL, "", "", NULL},
        {"GET /search/jobs/%4", ROUTER_BAD_PATH, NULL, "", "", NULL},
        {"GET /search/job/stop/7", ROUTER_FOUND, job_action_stop, "7", "", NULL},
        {"POST /search/job/stop/7", ROUTER_FOUND, job_action_stop, "7", "", NULL},
        {"GET /search/job/7/stop", ROUTER_FOUND, job_action_stop, "7", "", NULL},
        {"POST /search/job/start/7", ROUTER_FOUND, job_action_start, "7", "", NULL},
        {"GET /search/job/7/start", ROUTER_FOUND, job_action_start, "7", "", NULL},
        {"GET /search/job/remove/7", ROUTER_FOUND, job_action_remove, "7", "", NULL},
        {"POST /search/job/7/remove", ROUTER_FOUND, job_action_remove, "7", "", NULL},
        {"HEAD /search/job/stop/7", ROUTER_NO_METHOD, NULL, "", "", "GET, POST"},
        {"DELETE /search/job/stop/7", ROUTER_NO_METHOD, NULL, "", "", "GET, POST"},
        {"GET /search/job/restart/7", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search/queries", ROUTER_FOUND, saved_list, "", "", NULL},
        {"GET /search/queries/mine", ROUTER_FOUND, saved_get, "mine", "", NULL},
        {"PUT /search/queries/mine", ROUTER_FOUND, saved_put, "mine", "", NULL},
        {"DELETE /search/queries/mine", ROUTER_FOUND, saved_delete, "mine", "", NULL},
        {"POST /search/queries/mine", ROUTER_NO_METHOD, NULL, "", "", "GET, HEAD, PUT, DELETE"},
        {"GET /healthz", ROUTER_FOUND, health_live, "", "", NULL},
        {"GET /readyz", ROUTER_FOUND, health_ready, "", "", NULL},
        {"POST /healthz", ROUTER_NO_METHOD, NULL, "", "", "GET, HEAD"},
        {"GET /", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /Search/jobs", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET //search/jobs", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"GET /search/%6Aobs", ROUTER_NO_PATH, NULL, "", "", NULL},
        {"OPTIONS *", ROUTER_NO_PATH, NULL, "", "", NULL},
    };
    char head[200], allow[80];
    unsigned allowed;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct request *rq;
        enum router_verdict got;

        snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].line);
        rq = request_of(head);
        got = router_find(rq, &allowed);
        if (got != rows[i].want)
            fail_msg("%s: got %d, want %d", rows[i].line, (int)got, (int)rows[i].want);
        if (got == ROUTER_FOUND &&
            (rq->route->handler != rows[i].handler || strcmp(rq->args[0], rows[i].arg0) != 0 ||
             strcmp(rq->args[1], rows[i].arg1) != 0))
            fail_msg("%s: got '%s' '%s' of '%s', want '%s' '%s'", rows[i].line, rq->args[0],
                     rq->args[1], rq->route->pattern, rows[i].arg0, rows[i].arg1);
        router_allow(allowed, allow, sizeof(allow));
        if (got == ROUTER_NO_METHOD && strcmp(allow, rows[i].allow) != 0)
            fail_msg("%s: got Allow '%s', want '%s'", rows[i].line, allow, rows[i].allow);
        request_free(rq);
    }
}

static void
test_rights(void **state)
{
    static const struct {
        const char *line;
        unsigned want;
    } rows[] = {
        {"POST /search/query", ROUTE_AUTH | ROUTE_WRITES},
        {"GET /search/job/7", ROUTE_AUTH},
        {"DELETE /search/job/7", ROUTE_AUTH | ROUTE_WRITES},
        {"GET /search/job/stop/7", ROUTE_AUTH | ROUTE_WRITES},
        {"GET /search/job/7/start", ROUTE_AUTH | ROUTE_WRITES},
        {"GET /search/job/7/remove", ROUTE_AUTH | ROUTE_WRITES},
        {"GET /search/jobs", ROUTE_AUTH},
        {"GET /healthz", 0},
        {"GET /readyz", 0},
    };
    char head[200];
    unsigned allowed;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct request *rq;

        snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].line);
        rq = request_of(head);
        assert_int_equal(router_find(rq, &allowed), ROUTER_FOUND);
        if (rq->route->flags != rows[i].want)
            fail_msg("%s: got %u, want %u", rows[i].line, rq->route->flags, rows[i].want);
        request_free(rq);
    }
}

static void
test_headers(void **state)
{
    struct request *rq = request_of("\r\nGET /search/jobs?limit=%35&x=a+b%26&limit=9&e=&bad=%g "
                                    "HTTP/1.1\r\nHOST:h\r\nEmpty:\r\nEmpty-Too: \t \r\n"
                                    "X-Blanks: \t a b \t\r\nLast:z\r\n\r\n");
    static const struct {
        const char *name, *want;
    } headers[] = {{"host", "h"},       {"empty", ""}, {"Empty-Too", ""},
                   {"x-blanks", "a b"}, {"LAST", "z"}, {"None", NULL}},
      params[] = {{"limit", "5"}, {"x", "a b&"}, {"e", ""}, {"bad", NULL}, {"lim", NULL}};
    size_t i;

    (void)state;
    assert_string_equal(rq->path, "/search/jobs");
    for (i = 0; i < ARRAY_LEN(headers); i++) {
        const char *got = request_header(rq, headers[i].name);
        if ((got == NULL) != (headers[i].want == NULL) ||
            (got != NULL && strcmp(got, headers[i].want) != 0))
            fail_msg("%s: got '%s'", headers[i].name, got != NULL ? got : "(none)");
    }
    for (i = 0; i < ARRAY_LEN(params); i++) {
        char *got = request_param(rq, params[i].name);
        if ((got == NULL) != (params[i].want == NULL) ||
            (got != NULL && strcmp(got, params[i].want) != 0))
            fail_msg("%s: got '%s'", params[i].name, got != NULL ? got : "(none)");
        free(got);
    }
    request_free(rq);
}

static void
test_body_types(void **state)
{
    static const struct {
        const char *header;
        bool want;
    } rows[] = {
        {"", true},
        {"Content-Type: application/json\r\n", true},
        {"Content-Type: application/json; charset=utf-8\r\n", true},
        {"Content-Type: application/vnd.x+json\r\n", true},
        {"Content-Type: text/plain; charset=utf-8\r\n", true},
        {"Content-Type: application/x-www-form-urlencoded\r\n", true},
        {"Content-Type:\r\n", true},
        {"Content-Type: text/xml\r\n", false},
        {"Content-Type: text/html\r\n", false},
        {"Content-Type: multipart/form-data; boundary=x\r\n", false},
        {"Content-Encoding: gzip\r\n", false},
        {"Content-Encoding: identity\r\n", true},
    };
    char head[200];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct request *rq;

        snprintf(head, sizeof(head), "POST /search/query HTTP/1.1\r\nHost: h\r\n%s\r\n",
                 rows[i].header);
        rq = request_of(head);
        assert_true(router_takes_body(rq)); /* without a body the type does not matter */
        buf_puts(&rq->body, "{}");
        if (router_takes_body(rq) != rows[i].want)
            fail_msg("%s: got %d", rows[i].header, !rows[i].want);
        request_free(rq);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_rights),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_body_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
