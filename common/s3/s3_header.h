#ifndef S3_S3_HEADER_H
#define S3_S3_HEADER_H

/*
 * Name and value pairs: HTTP headers, metadata, query parameters; and a list of them that owns its
 * strings. Values may hold secrets (tokens, signatures): the list wipes what it frees.
 */

#include "common/base/attrs.h"

#include <stddef.h>

struct s3_header {
    const char *name;
    const char *value;
};

struct s3_headers {
    struct s3_header *list; /* the strings belong to the list */
    size_t count, cap;
};

#define S3_HEADERS_INIT                                                                            \
    {                                                                                              \
        NULL, 0, 0                                                                                 \
    }

void s3_headers_add(struct s3_headers *h, const char *name, const char *value);
void s3_headers_addf(struct s3_headers *h, const char *name, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void s3_headers_copy(struct s3_headers *h, const struct s3_header *from, size_t n); /* adds all */
/* Value of the first header of that name, case apart; or NULL. */
const char *s3_headers_find(const struct s3_headers *h, const char *name);
void s3_headers_done(struct s3_headers *h); /* wipes and frees; may be used again */

#endif
