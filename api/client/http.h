#ifndef API_CLIENT_HTTP_H
#define API_CLIENT_HTTP_H

/*
 * One call of the API over libcurl, signed anew each time. The only user of libcurl here.
 */

#include "api/client/client.h"
#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct http_answer {
    long status;       /* HTTP */
    struct json *json; /* the body; NULL when it is no JSON */
    char *text;        /* the body as it came */
};
void http_answer_done(struct http_answer *a);

/* While *flag is not 0 calls end at once with E_CANCELLED; NULL: no such flag. For Ctrl-C. */
void http_watch_flag(const volatile sig_atomic_t *flag);

/* path is behind BUCKETLINE_URL, with its slash: "/jobs". body NULL: GET, else POST.
 * E_TRANSIENT: no answer; the words name the address. An HTTP error is an answer. */
int http_call(const char *path, const char *body, struct http_answer *ret,
              struct errinfo *ei) MUST_CHECK;

/* The words of an error answer, whatever its shape (api/HTTP.md lists them). Heap, caller frees. */
char *http_error_text(const struct http_answer *a);
/* What a command ends with after it: EXIT_MISSING if there is no such job, else EXIT_FAILED. */
enum client_exit http_exit(const struct http_answer *a);

/* Any answer of url; for the doctor. *ret_known: it had a Date header; then *ret_ahead_s is how far
 * our clock is ahead of it. ca_file "": the system's certificates. */
int http_clock(const char *url, const char *ca_file, bool *ret_known, int64_t *ret_ahead_s,
               struct errinfo *ei) MUST_CHECK;

#endif
