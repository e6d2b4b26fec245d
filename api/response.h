#ifndef API_RESPONSE_H
#define API_RESPONSE_H

/*
 * Answers in the shapes of the wire (HTTP.md, "Answers"). Every one is JSON with `timestamp` (ms)
 * and the request's `cid`, and frees the request: nothing may touch rq after a response_* call
 * that answers.
 *
 * A known client (python-sdk) breaks on an `error` member that is a string with "code" or
 * "message" in it; response_refuse and response_error write such words into `msg` instead.
 */

#include "api/request.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"

/* Task codes of the wire, as body `status`. */
enum task_code {
    TASK_OK = 0,
    TASK_NOT_FOUND = 100,
    TASK_STATUS_NOT_CHANGE = 101,
    TASK_STOP_RUNNING_ERROR = 108,
};

const char *response_reason(int http_status); /* "Not Found"; "Unknown" for others */

const char *response_task_message(int task_code); /* "Task not found"; "" for 0 and others */

/* A header line of the answer to come. value is cut at control characters. */
void response_header(struct request *rq, const char *name, const char *value);

/* An answer in steps: {"msg":msg,"status":status,"cid":..,"timestamp":..  then the caller's
 * members (json_w_key(&a->w, "object") ...), then the end. */
struct answer {
    struct request *rq;
    struct buf body;
    struct json_writer w;
};
void response_begin(struct answer *a, struct request *rq, const char *msg, int status);
void response_end(struct answer *a, int http_status);

/* 304, without a body. The caller has set ETag. */
void response_not_modified(struct request *rq);

/* Task codes without an object: 100 is HTTP 404 "Task not found". */
void response_task(struct request *rq, int task_code);

/* Shape 5: HTTP 400 {"error":"Bad parameters","object":[...],"status":400}. */
void response_bad_parameters(struct request *rq, const char *const *faults, size_t count);
void response_bad_parameter(struct request *rq, const char *fault);

/* Shape 2: HTTP 500 {"msg":"Error Launching Query","status":500,"object":[msg, detail]}. */
void response_launch_error(struct request *rq, const char *detail);

/* Shape 3: {"msg":..., "code":code} with the HTTP status. */
void response_code(struct request *rq, int http_status, const char *msg, int code);

/* Shape 1: {"error":{"code":code,"message":message}}. 401 carries WWW-Authenticate. */
void response_auth_error(struct request *rq, int http_status, int code, const char *message);

/* Shape 4: {"error":why,"status":http_status}. */
void response_error(struct request *rq, int http_status, const char *why);

/* The same, and the connection is closed: for what the framing of HTTP refuses. */
void response_refuse(struct request *rq, int http_status, const char *why);

/* 404: the domain has no such saved query. */
void response_no_saved(struct request *rq, const char *query_id);

/* 429 with Retry-After: the caller's domain is at a limit, which has this name. */
void response_limit(struct request *rq, const char *limit, const char *why);

/* 503 with Retry-After: Redis is away or full; 500 "server_error" for what does not pass by itself
 * (E_PERMANENT). The reason goes to the log, not to the client. */
void response_unavailable(struct request *rq, const struct errinfo *ei);

#endif
