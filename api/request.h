#ifndef API_REQUEST_H
#define API_REQUEST_H

/*
 * One HTTP request: what came in, and what the way through router, authentication and handler
 * adds to it. Made by the connection when a head is whole, handed to the application when the body
 * is, freed by the connection when the answer is given (response.h): nothing may touch a request
 * after its answer.
 *
 * Between the two the application may wait for Redis as long as it likes; the request lives on
 * even if the client has gone.
 */

#include "api/http_head.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/base/ids.h"
#include "common/base/json.h"

struct api;
struct http_conn;
struct route;
struct cred;

#define REQUEST_ARGS_MAX 2

struct request_header {
    const char *name, *value; /* into request.text */
};

struct request {
    struct http_conn *conn; /* takes the answer */
    char cid[IDS_CID_LEN + 1];
    int64_t begun_ms; /* clock_mono_ms when the head was whole */
    int64_t limit_ms; /* clock_mono_ms by which Redis must have answered; set by the application */
    struct http_head head;

    char *text; /* the head, cut into strings; wiped with the request: tokens are in it */
    size_t text_len;
    char *path;  /* as sent, without query; "" when no head was understood */
    char *query; /* behind the '?', as sent; "" without */
    struct request_header headers[HTTP_HEADERS_MAX];
    size_t header_count;
    struct buf body; /* as received, chunks removed */

    struct api *app; /* whose handlers see it */

    /* added by the router */
    const struct route *route;
    const char *args[REQUEST_ARGS_MAX]; /* path parts the pattern names, decoded; "" when absent */
    char *parts;                        /* their memory */

    /* added by authentication; a reference is held */
    struct cred *cred;

    /* for the log: the job it is about, "" = none */
    char job[IDS_UUID_LEN + 1];

    /* header lines of the answer, each with CRLF */
    struct buf extra;

    /* the handler's own; freed with the request */
    void *state;
    void (*state_free)(void *state);
};

/* From a whole head that http_head_check has passed. E_INVALID if http_parser disagrees with it. */
int request_new(const char *head, size_t len, const struct http_head *h, size_t max_body,
                struct request **ret, struct errinfo *ei) MUST_CHECK;
/* For the answer to what is not a request: all strings are "". */
struct request *request_new_broken(void);
void request_free(struct request *rq); /* NULL is fine */

/* Value of a header, name in any case; or NULL. */
const char *request_header(const struct request *rq, const char *name);

/* Percent-decodes in place. False: a '%' without two hex digits, or "%00". */
bool request_decode(char *s, bool plus_is_blank) MUST_CHECK;

/* Value of a parameter of the query string, decoded, heap: caller frees. NULL: not there. */
char *request_param(const struct request *rq, const char *name);

#endif
