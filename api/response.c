#include "api/response.h"

#include "api/http_conn.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <string.h>

#define BODY_MAX (256u << 20)

/* Answers are about one caller's jobs and never a page: no cache, no guessing of types. */
#define HEADERS                                                                                    \
    "Content-Type: application/json;charset=utf-8\r\nCache-Control: no-store\r\n"                  \
    "X-Content-Type-Options: nosniff\r\n"

static const struct {
    int status;
    const char *reason;
} reasons[] = {
    {200, "OK"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {505, "HTTP Version Not Supported"},
};

static const struct {
    int code;
    const char *msg;
} task_messages[] = {
    {TASK_OK, ""},
    {TASK_NOT_FOUND, "Task not found"},
    {TASK_STATUS_NOT_CHANGE, "Cannot change the status of task"},
    {TASK_STOP_RUNNING_ERROR, "Cannot stop a non running task"},
};

const char *
response_reason(int http_status)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(reasons); i++) {
        if (reasons[i].status == http_status)
            return reasons[i].reason;
    }
    return "Unknown";
}

const char *
response_task_message(int task_code)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(task_messages); i++) {
        if (task_messages[i].code == task_code)
            return task_messages[i].msg;
    }
    return "";
}

void
response_header(struct request *rq, const char *name, const char *value)
{
    size_t n = strcspn(value, "\r\n");

    buf_printf(&rq->extra, "%s: %.*s\r\n", name, (int)n, value);
}

static void
open_answer(struct answer *a, struct request *rq)
{
    a->rq = rq;
    buf_init(&a->body, BODY_MAX);
    json_w_init(&a->w, &a->body);
    json_w_object(&a->w);
}

static void
put_marks(struct answer *a)
{
    json_w_kv_string(&a->w, "cid", a->rq->cid);
    json_w_kv_int(&a->w, "timestamp", clock_now_ms());
}

static void
close_answer(struct answer *a, int http_status, bool close)
{
    char date[40];
    struct tm tm;
    time_t now = (time_t)(clock_now_ms() / 1000);
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

    gmtime_r(&now, &tm);
    snprintf(date, sizeof(date), "%s, %02d %s %04d %02d:%02d:%02d GMT", days[tm.tm_wday],
             tm.tm_mday, months[tm.tm_mon], (tm.tm_year + 1900) % 10000, tm.tm_hour, tm.tm_min,
             tm.tm_sec);
    response_header(a->rq, "Date", date);
    json_w_object_end(&a->w);
    http_conn_answer(a->rq, http_status, HEADERS, &a->body, close);
    buf_done(&a->body);
}

void
response_begin(struct answer *a, struct request *rq, const char *msg, int status)
{
    open_answer(a, rq);
    json_w_kv_string(&a->w, "msg", msg);
    json_w_kv_int(&a->w, "status", status);
    put_marks(a);
}

void
response_end(struct answer *a, int http_status)
{
    close_answer(a, http_status, false);
}

void
response_not_modified(struct request *rq)
{
    struct answer a;

    open_answer(&a, rq);
    response_end(&a, 304);
}

void
response_task(struct request *rq, int task_code)
{
    struct answer a;

    response_begin(&a, rq, response_task_message(task_code), task_code);
    response_end(&a, task_code == TASK_NOT_FOUND ? 404 : 200);
}

void
response_bad_parameters(struct request *rq, const char *const *faults, size_t count)
{
    struct answer a;
    size_t i;

    open_answer(&a, rq);
    json_w_kv_string(&a.w, "error", "Bad parameters");
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    for (i = 0; i < count; i++)
        json_w_string(&a.w, faults[i]);
    json_w_array_end(&a.w);
    json_w_kv_int(&a.w, "status", 400);
    put_marks(&a);
    response_end(&a, 400);
}

void
response_bad_parameter(struct request *rq, const char *fault)
{
    response_bad_parameters(rq, &fault, 1);
}

void
response_launch_error(struct request *rq, const char *detail)
{
    static const char msg[] = "Error Launching Query";
    struct answer a;

    response_begin(&a, rq, msg, 500);
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    json_w_string(&a.w, msg);
    json_w_string(&a.w, detail);
    json_w_array_end(&a.w);
    response_end(&a, 500);
}

void
response_code(struct request *rq, int http_status, const char *msg, int code)
{
    struct answer a;

    open_answer(&a, rq);
    json_w_kv_string(&a.w, "msg", msg);
    json_w_kv_int(&a.w, "code", code);
    put_marks(&a);
    response_end(&a, http_status);
}

void
response_auth_error(struct request *rq, int http_status, int code, const char *message)
{
    struct answer a;

    if (http_status == 401)
        response_header(rq, "WWW-Authenticate", "Bearer");
    open_answer(&a, rq);
    json_w_key(&a.w, "error");
    json_w_object(&a.w);
    json_w_kv_int(&a.w, "code", code);
    json_w_kv_string(&a.w, "message", message);
    json_w_object_end(&a.w);
    put_marks(&a);
    response_end(&a, http_status);
}

static void
send_error(struct request *rq, int http_status, const char *why, bool close)
{
    bool trap = strstr(why, "code") != NULL || strstr(why, "message") != NULL;
    struct answer a;

    open_answer(&a, rq);
    json_w_kv_string(&a.w, trap ? "msg" : "error", why);
    json_w_kv_int(&a.w, "status", http_status);
    put_marks(&a);
    close_answer(&a, http_status, close);
}

void
response_error(struct request *rq, int http_status, const char *why)
{
    send_error(rq, http_status, why, false);
}

void
response_no_saved(struct request *rq, const char *query_id)
{
    struct answer a;
    char *words = mem_printf("There is no saved query '%s'", query_id);

    response_begin(&a, rq, words, 404);
    response_end(&a, 404);
    free(words);
}

void
response_limit(struct request *rq, const char *limit, const char *why)
{
    struct answer a;

    response_header(rq, "Retry-After", "10");
    response_begin(&a, rq, why, 429);
    json_w_kv_string(&a.w, "limit", limit);
    response_end(&a, 429);
}

void
response_refuse(struct request *rq, int http_status, const char *why)
{
    if (http_status == 503)
        response_header(rq, "Retry-After", "1");
    send_error(rq, http_status, why, true);
}

void
response_unavailable(struct request *rq, const struct errinfo *ei)
{
    bool ours = ei->code == E_PERMANENT || ei->code == E_BUG; /* trying again cannot help */

    log_event(ours ? LOG_ERROR : LOG_WARN, "store unavailable", LF("cid", rq->cid),
              LF("error", ei->msg));
    if (ours) {
        response_error(rq, 500, "server_error");
        return;
    }
    response_header(rq, "Retry-After", "1");
    response_error(rq, 503, "the job store is not available at the moment, try again");
}
