#ifndef BASE_BUF_H
#define BASE_BUF_H

/*
 * A growable byte buffer with a ceiling from birth, and the allocation functions.
 *
 * Running over the ceiling sets `failed` and drops the bytes; check once, at the end. The content
 * is always followed by a NUL that is not counted, so that data can be read as a string.
 * Allocation failure ends the process (see mem_alloc): the design is crash-only, a lease brings
 * the work back.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    char *data;   /* NULL before the first byte */
    size_t len;   /* bytes used */
    size_t cap;   /* bytes allocated */
    size_t max;   /* ceiling of len */
    bool failed;  /* something did not fit; the content is cut */
};

#define BUF_INIT(max_bytes) {NULL, 0, 0, (max_bytes), false}

void buf_init(struct buf *b, size_t max_bytes);
void buf_done(struct buf *b);                /* frees; b may be used again after buf_init */
void buf_wipe(struct buf *b);                /* overwrites, then frees: for secrets */
void buf_reset(struct buf *b);               /* len = 0, keeps the memory, clears failed */

void buf_append(struct buf *b, const void *p, size_t n);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_consume(struct buf *b, size_t n);   /* drops the first n bytes (n <= len) */

/* Room for n more bytes behind len; NULL when the ceiling forbids it. Add to len what was used. */
char *buf_reserve(struct buf *b, size_t n);

/* The content as a string ("" when empty); valid until the next change. */
const char *buf_str(const struct buf *b);

/* The content as a heap string; caller frees. b is empty afterwards. */
char *buf_take(struct buf *b);

/* malloc, calloc, realloc, strdup that end the process with a line on stderr when memory is out. */
void *mem_alloc(size_t n);
void *mem_zalloc(size_t n);
void *mem_realloc(void *p, size_t n);
void *mem_grow(void *array, size_t *cap, size_t need, size_t item_bytes);
char *mem_strdup(const char *s);               /* NULL stays NULL */
char *mem_strndup(const char *s, size_t n);
char *mem_printf(const char *fmt, ...) PRINTF_LIKE(1, 2);
void mem_wipe_free(char *secret);              /* overwrites a NUL-terminated secret, frees it */

#endif
