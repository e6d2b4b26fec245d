#include "api/http_chunk.h"

#include <ctype.h>
#include <string.h>

#define SIZE_DIGITS_MAX 8
#define EXTENSION_MAX   256
#define TRAILERS_MAX    4096

/* state            what comes next */
enum {
    SIZE,      /* hex digits of a size, ';', or CR */
    EXTENSION, /* dropped, until CR */
    SIZE_LF,   /* LF of the size line */
    DATA,      /* `left` bytes */
    DATA_CR,   /* CR LF behind the data */
    DATA_LF,
    TRAILER, /* a trailer line, or the empty line that ends the body */
    TRAILER_LF,
};

static int
refuse(struct http_fault *f, int status, const char *why)
{
    f->status = status;
    snprintf(f->why, sizeof(f->why), "%s", why);
    return -1;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
on_size(struct http_chunk *c, char ch, struct http_fault *f)
{
    int v = hex_value(ch);

    if (v >= 0) {
        if (++c->digits > SIZE_DIGITS_MAX)
            return refuse(f, 413, "a chunk is too large");
        c->left = c->left * 16 + v;
        return 0;
    }
    if (c->digits == 0 || (ch != '\r' && ch != ';'))
        return refuse(f, 400, "a chunk size is not a hexadecimal number");
    c->state = ch == '\r' ? SIZE_LF : EXTENSION;
    c->line = 0;
    return 0;
}

/* Text that is dropped: extensions, trailers. */
static int
on_dropped(struct http_chunk *c, char ch, int next, struct http_fault *f)
{
    if (ch == '\r') {
        c->state = next;
        return 0;
    }
    if (((unsigned char)ch < ' ' && ch != '\t') || ch == 0x7f)
        return refuse(f, 400, "a control character in a chunk line");
    c->line++;
    c->trailers += c->state == TRAILER;
    if ((c->state == EXTENSION && c->line > EXTENSION_MAX) || c->trailers > TRAILERS_MAX)
        return refuse(f, 400, "chunk extensions or trailers are too long");
    return 0;
}

/* One byte of framing; 1 = the body ends with it. */
static int
on_byte(struct http_chunk *c, char ch, struct http_fault *f)
{
    switch (c->state) {
    case SIZE:
        return on_size(c, ch, f);
    case EXTENSION:
        return on_dropped(c, ch, SIZE_LF, f);
    case TRAILER:
        return on_dropped(c, ch, TRAILER_LF, f);
    case DATA_CR:
        if (ch != '\r')
            return refuse(f, 400, "a chunk is longer than its size");
        c->state = DATA_LF;
        return 0;
    default:
        break;
    }
    if (ch != '\n')
        return refuse(f, 400, "a carriage return without line feed in the body's framing");
    if (c->state == TRAILER_LF && c->line == 0)
        return 1;
    if (c->state == DATA_LF) {
        c->state = SIZE;
        c->digits = 0;
        c->left = 0;
    } else {
        c->state = c->state == SIZE_LF && c->left > 0 ? DATA : TRAILER;
    }
    c->line = 0;
    return 0;
}

int
http_chunk_decode(struct http_chunk *c, const char *p, size_t n, struct buf *body, size_t *ret_used,
                  struct http_fault *fault)
{
    size_t i = 0, take;
    int rc;

    while (i < n) {
        if (c->state != DATA) {
            rc = on_byte(c, p[i++], fault);
            if (rc != 0) {
                *ret_used = i;
                return rc;
            }
            continue;
        }
        if ((size_t)c->left > body->max - body->len)
            return refuse(fault, 413, "the body is too large");
        take = n - i < (size_t)c->left ? n - i : (size_t)c->left;
        buf_append(body, p + i, take);
        i += take;
        c->left -= (int64_t)take;
        if (c->left == 0)
            c->state = DATA_CR;
    }
    *ret_used = n;
    return 0;
}
