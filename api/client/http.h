#ifndef API_CLIENT_HTTP_H
#define API_CLIENT_HTTP_H

/*
 * One call of the API over libcurl, signed anew each time. The only user of libcurl here.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"

struct http_answer {
    long status;       /* HTTP */
    struct json *json; /* the body; NULL when it is no JSON */
    char *text;        /* the body as it came */
};
void http_answer_done(struct http_answer *a);

/* path is behind BUCKETLINE_URL, with its slash: "/jobs". body NULL: GET, else POST.
 * E_TRANSIENT: no answer; the words name the address. An HTTP error is an answer. */
int http_call(const char *path, const char *body, struct http_answer *ret,
              struct errinfo *ei) MUST_CHECK;

/* The words of an error answer, whatever its shape (api/HTTP.md lists them). Heap, caller frees. */
char *http_error_text(const struct http_answer *a);

/* Seconds between the server's Date header and our clock at url; for the doctor. */
int http_clock_skew(const char *url, long *ret_status, int64_t *ret_skew_s,
                    struct errinfo *ei) MUST_CHECK;

#endif
