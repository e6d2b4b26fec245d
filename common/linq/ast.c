#include "common/linq/ast.h"

#include "common/base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384
#define ALIGN       16

struct arena_block {
    struct arena_block *next;
    size_t used, cap;
    char data[] __attribute__((aligned(ALIGN)));
};

void
arena_done(struct arena *a)
{
    while (a->head != NULL) {
        struct arena_block *next = a->head->next;

        free(a->head);
        a->head = next;
    }
}

void *
arena_alloc(struct arena *a, size_t n)
{
    struct arena_block *b = a->head;
    void *p;

    n = (n + ALIGN - 1) / ALIGN * ALIGN;
    if (b == NULL || b->cap - b->used < n) {
        size_t cap = n > BLOCK_BYTES ? n : BLOCK_BYTES;

        b = mem_alloc(sizeof(*b) + cap);
        *b = (struct arena_block){.next = a->head, .cap = cap};
        a->head = b;
    }
    p = b->data + b->used;
    b->used += n;
    return memset(p, 0, n);
}

char *
arena_strndup(struct arena *a, const char *s, size_t n)
{
    char *p = arena_alloc(a, n + 1);

    if (n != 0)
        memcpy(p, s, n);
    return p;
}

char *
arena_strdup(struct arena *a, const char *s)
{
    return arena_strndup(a, s, strlen(s));
}

char *
arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    char *p;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        bug("linq: bad format");
    p = arena_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

void
ptrs_add(struct arena *a, struct ptrs *p, void *item)
{
    if (p->n == p->cap) {
        size_t cap = p->cap != 0 ? 2 * p->cap : 8;
        void **items = arena_alloc(a, cap * sizeof(*items));

        if (p->n != 0)
            memcpy(items, p->items, p->n * sizeof(*items));
        p->items = items;
        p->cap = cap;
    }
    p->items[p->n++] = item;
}

/* Copies at most size - 1 bytes of [s, s + n), never half a character. */
static void
copy_cut(char *dst, size_t size, const char *s, size_t n)
{
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80)
            n--;
    }
    memcpy(dst, s, n);
    dst[n] = '\0';
}

static void
set_place(struct linq_error *err, const char *text, struct place at)
{
    memset(err, 0, sizeof(*err));
    err->line = at.line;
    err->column = at.column;
    if (at.end > at.off)
        copy_cut(err->found, sizeof(err->found), text + at.off, at.end - at.off);
    else
        copy_cut(err->found, sizeof(err->found), "end of query", 12);
}

int
linq_fail_found(struct linq_error *err, const char *text, struct place at, const char *expected,
                const char *note)
{
    const char *quote = at.end > at.off ? "'" : "";

    set_place(err, text, at);
    if (expected != NULL)
        copy_cut(err->expected, sizeof(err->expected), expected, strlen(expected));
    snprintf(err->msg, sizeof(err->msg), "line %d, column %d: found %s%s%s%s%s%s%s", at.line,
             at.column, quote, err->found, quote, expected != NULL ? ", expected " : "",
             err->expected, note != NULL ? "; " : "", note != NULL ? note : "");
    return E_INVALID;
}

int
linq_fail(struct linq_error *err, const char *text, struct place at, enum errc code,
          const char *fmt, ...)
{
    va_list ap;
    char words[sizeof(err->msg) - 48];

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    if (at.line == 0) {
        memset(err, 0, sizeof(*err));
        snprintf(err->msg, sizeof(err->msg), "%s", words);
    } else {
        set_place(err, text, at);
        snprintf(err->msg, sizeof(err->msg), "line %d, column %d: %s", at.line, at.column, words);
    }
    return code;
}
