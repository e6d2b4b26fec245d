#include "common/linq/civil.h"
#include "common/linq/translate.h"

#include <inttypes.h>
#include <string.h>

/* The content of b as arena text; remembers when it did not fit. */
static const char *
keep(struct tr *tr, struct buf *b)
{
    const char *s = "NULL";

    if (b->failed)
        tr->too_big = true;
    if (!tr->too_big)
        s = arena_strndup(&tr->arena, buf_str(b), b->len);
    buf_done(b);
    return s;
}

const char *
form_fill(struct tr *tr, const char *form, const char *const *args, size_t n)
{
    struct buf out = BUF_INIT(SQL_MAX_BYTES);

    for (const char *p = form; *p != '\0' && !out.failed; p++) {
        size_t i = p[0] != '$' ? n : p[1] == 'L' ? 0 : (size_t)(unsigned char)p[1] - '1';

        if (i < n) {
            buf_puts(&out, args[i]);
            p++;
        } else {
            buf_putc(&out, *p);
        }
    }
    return keep(tr, &out);
}

const char *
form1(struct tr *tr, enum form f, const char *a)
{
    return form_fill(tr, tr->dialect->forms[f], (const char *[]){a}, 1);
}

const char *
form2(struct tr *tr, enum form f, const char *a, const char *b)
{
    return form_fill(tr, tr->dialect->forms[f], (const char *[]){a, b}, 2);
}

const char *
form3(struct tr *tr, enum form f, const char *a, const char *b, const char *c)
{
    return form_fill(tr, tr->dialect->forms[f], (const char *[]){a, b, c}, 3);
}

const char *
form_ident(struct tr *tr, const char *name)
{
    struct buf out = BUF_INIT(SQL_MAX_BYTES);

    tr->dialect->ident(&out, name);
    return keep(tr, &out);
}

const char *
form_text(struct tr *tr, const char *s)
{
    struct buf out = BUF_INIT(SQL_MAX_BYTES);

    tr->dialect->text(&out, s);
    return keep(tr, &out);
}

const char *
form_time(struct tr *tr, int64_t ms)
{
    struct buf out = BUF_INIT(64);

    tr->dialect->time(&out, ms < CIVIL_MIN_MS   ? CIVIL_MIN_MS
                            : ms > CIVIL_MAX_MS ? CIVIL_MAX_MS
                                                : ms);
    return keep(tr, &out);
}

const char *
form_int(struct tr *tr, int64_t i)
{
    return arena_printf(&tr->arena, i < 0 ? "(%" PRId64 ")" : "%" PRId64, i);
}

const char *
form_real(struct tr *tr, double d)
{
    struct buf out = BUF_INIT(64);

    if (d < 0)
        buf_putc(&out, '(');
    tr->dialect->real(&out, d);
    if (d < 0)
        buf_putc(&out, ')');
    return keep(tr, &out);
}

const char *
form_join(struct tr *tr, const char *const *parts, size_t n, const char *sep)
{
    struct buf out = BUF_INIT(SQL_MAX_BYTES);

    if (n == 1)
        return parts[0];
    buf_putc(&out, '(');
    for (size_t i = 0; i < n && !out.failed; i++) {
        if (i > 0)
            buf_puts(&out, sep);
        buf_puts(&out, parts[i]);
    }
    buf_putc(&out, ')');
    return keep(tr, &out);
}
