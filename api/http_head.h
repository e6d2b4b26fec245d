#ifndef API_HTTP_HEAD_H
#define API_HTTP_HEAD_H

/*
 * The strict checks of an HTTP/1.1 request head (RFC 9112, RFC 9110), before any parser sees it.
 *
 * Whoever reads a request differently from its neighbours can be made to see two requests where
 * the proxy in front saw one (request smuggling). So there is one reading only: what could be read
 * in two ways is refused here, and http_parser (Debian builds it with HTTP_PARSER_STRICT=0: it
 * takes bare LF and a blank before the colon, tried) gets nothing but clean heads. The body is
 * framed by what this check found: `chunked` (http_chunk.h) or `content_length`.
 *
 * Pure: no I/O, no allocation. Order of calls: http_scan as bytes arrive until it gives the length
 * of a whole head, then http_head_check of exactly these bytes.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_HEADERS_MAX 100
#define HTTP_URI_MAX     8000 /* RFC 9112 section 3 asks for at least this much */

enum http_verb {
    HTTP_M_GET = 1,
    HTTP_M_HEAD = 2,
    HTTP_M_POST = 4,
    HTTP_M_PUT = 8,
    HTTP_M_DELETE = 16,
    HTTP_M_PATCH = 32,
    HTTP_M_OPTIONS = 64,
};

/* "GET", ... for one bit; "" for anything else. */
const char *http_method_name(unsigned method);

/* What refuses a request: an HTTP status and words for the person who wrote the client. */
struct http_fault {
    int status; /* 400, 414, 417, 431, 501, 505 */
    char why[160];
};

/* Bytes of the head that were looked at. All-zero to start. */
struct http_scan {
    size_t pos;      /* scanned so far */
    size_t line;     /* where the current line starts */
    bool head_begun; /* the request line has begun: an empty line before it is skipped, once */
    bool skipped;
};

/*
 * Looks at head[scan->pos .. len) for the empty line that ends the head. Gives its length (> 0),
 * the empty line included; 0 when more bytes are needed; -1 with *fault for what no later byte can
 * heal: bare CR or LF, NUL, more than max_head bytes (431, or 414 within the request line).
 */
long http_scan(struct http_scan *scan, const char *head, size_t len, size_t max_head,
               struct http_fault *fault) MUST_CHECK;

/* What a good head says about its message. */
struct http_head {
    enum http_verb method;
    bool http10;
    bool keep_alive; /* the client wants to go on, by version and Connection */
    bool chunked;
    bool expect_continue;
    bool has_length;
    int64_t content_length; /* 0 without the field; INT64_MAX when it has too many digits */
    size_t header_count;
};

/* The whole head as http_scan measured it. 0, or -1 with *fault; the connection must be closed
 * after a fault, since nobody knows where the next request begins. */
int http_head_check(const char *head, size_t len, struct http_head *ret,
                    struct http_fault *fault) MUST_CHECK;

#endif
