#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *
checked(void *p, size_t n)
{
    if (p == NULL) {
        fprintf(stderr, "out of memory: %zu bytes\n", n);
        abort();
    }
    return p;
}

void *
mem_alloc(size_t n)
{
    return checked(malloc(n != 0 ? n : 1), n);
}

void *
mem_zalloc(size_t n)
{
    return checked(calloc(1, n != 0 ? n : 1), n);
}

void *
mem_realloc(void *p, size_t n)
{
    return checked(realloc(p, n != 0 ? n : 1), n);
}

void *
mem_grow(void *array, size_t *cap, size_t need, size_t item_bytes)
{
    size_t c = *cap != 0 ? *cap : 8;

    if (need <= *cap)
        return array;
    while (c < need)
        c *= 2;
    *cap = c;
    return mem_realloc(array, c * item_bytes);
}

char *
mem_strdup(const char *s)
{
    return s != NULL ? mem_strndup(s, strlen(s)) : NULL;
}

char *
mem_strndup(const char *s, size_t n)
{
    char *p = mem_alloc(n + 1);

    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

char *
mem_printf(const char *fmt, ...)
{
    va_list ap;
    char *p = NULL;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&p, fmt, ap);
    va_end(ap);
    return checked(n < 0 ? NULL : p, 0);
}

void
mem_wipe_free(char *secret)
{
    if (secret == NULL)
        return;
    explicit_bzero(secret, strlen(secret));
    free(secret);
}

void
buf_init(struct buf *b, size_t max_bytes)
{
    *b = (struct buf)BUF_INIT(max_bytes);
}

void
buf_done(struct buf *b)
{
    free(b->data);
    buf_init(b, b->max);
}

void
buf_wipe(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_done(b);
}

void
buf_reset(struct buf *b)
{
    b->len = 0;
    b->failed = false;
    if (b->data != NULL)
        b->data[0] = '\0';
}

char *
buf_reserve(struct buf *b, size_t n)
{
    size_t want;

    if (n > b->max || b->len > b->max - n) {
        b->failed = true;
        return NULL;
    }
    if (b->len + n + 1 > b->cap) {
        want = b->cap != 0 ? b->cap : 64;
        while (want < b->len + n + 1)
            want *= 2;
        b->data = mem_realloc(b->data, want);
        b->cap = want;
    }
    return b->data + b->len;
}

void
buf_append(struct buf *b, const void *p, size_t n)
{
    char *at = buf_reserve(b, n);

    if (at == NULL)
        return;
    if (n != 0)
        memcpy(at, p, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void
buf_puts(struct buf *b, const char *s)
{
    buf_append(b, s, strlen(s));
}

void
buf_putc(struct buf *b, char c)
{
    buf_append(b, &c, 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    char *at;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->failed = true;
        return;
    }
    at = buf_reserve(b, (size_t)n);
    if (at == NULL)
        return;
    va_start(ap, fmt);
    vsnprintf(at, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void
buf_consume(struct buf *b, size_t n)
{
    if (n == 0)
        return;
    memmove(b->data, b->data + n, b->len - n);
    b->len -= n;
    b->data[b->len] = '\0';
}

const char *
buf_str(const struct buf *b)
{
    return b->data != NULL ? b->data : "";
}

char *
buf_take(struct buf *b)
{
    char *p = b->data != NULL ? b->data : mem_strdup("");

    b->data = NULL;
    buf_init(b, b->max);
    return p;
}
