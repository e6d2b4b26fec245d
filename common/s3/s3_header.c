#include "common/s3/s3_header.h"

#include "common/base/buf.h"

#include <stdarg.h>
#include <strings.h>

static void
add_taken(struct s3_headers *h, const char *name, char *value)
{
    h->list = mem_grow(h->list, &h->cap, h->count + 1, sizeof(*h->list));
    h->list[h->count++] = (struct s3_header){mem_strdup(name), value};
}

void
s3_headers_add(struct s3_headers *h, const char *name, const char *value)
{
    add_taken(h, name, mem_strdup(value));
}

void
s3_headers_addf(struct s3_headers *h, const char *name, const char *fmt, ...)
{
    va_list ap;
    char *value = NULL;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&value, fmt, ap);
    va_end(ap);
    add_taken(h, name, n >= 0 ? value : mem_strdup(""));
}

void
s3_headers_copy(struct s3_headers *h, const struct s3_header *from, size_t n)
{
    size_t i;

    for (i = 0; i < n; i++)
        s3_headers_add(h, from[i].name, from[i].value);
}

const char *
s3_headers_find(const struct s3_headers *h, const char *name)
{
    size_t i;

    for (i = 0; i < h->count; i++) {
        if (strcasecmp(h->list[i].name, name) == 0)
            return h->list[i].value;
    }
    return NULL;
}

void
s3_headers_done(struct s3_headers *h)
{
    size_t i;

    for (i = 0; i < h->count; i++) {
        free((char *)h->list[i].name);
        mem_wipe_free((char *)h->list[i].value);
    }
    free(h->list);
    *h = (struct s3_headers)S3_HEADERS_INIT;
}
