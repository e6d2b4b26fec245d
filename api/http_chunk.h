#ifndef API_HTTP_CHUNK_H
#define API_HTTP_CHUNK_H

/*
 * The chunked body of a request, decoded strictly (RFC 9112 section 7.1): CRLF and nothing else
 * ends a line, sizes are hex digits only, what follows a chunk is exactly CRLF. Extensions and
 * trailer fields are read, limited and dropped.
 *
 * Not http_parser's decoder: Debian's build does not check what follows a chunk (tried: "XX" in
 * place of CRLF passes), and that is how a second request hides in a body.
 *
 * Pure, byte by byte, any split of the input gives the same result.
 */

#include "api/http_head.h"
#include "common/base/buf.h"

struct http_chunk {
    int state;
    int64_t left; /* of the current chunk's size or data */
    int digits;
    size_t line;     /* bytes of an extension or trailer line */
    size_t trailers; /* bytes of all trailers */
};

/* Decodes p[0..n) into body. *ret_used: bytes eaten. 1 = the body is complete, 0 = more is needed,
 * -1 = *fault says what is wrong (400, or 413 when body's ceiling is passed). All-zero to start. */
int http_chunk_decode(struct http_chunk *c, const char *p, size_t n, struct buf *body,
                      size_t *ret_used, struct http_fault *fault) MUST_CHECK;

#endif
