#include "common/linq/civil.h"
#include "common/linq/lexer.h"
#include "common/linq/translate.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *
linq_type_name(enum linq_type t)
{
    static const char *const names[] = {
        [LINQ_UNKNOWN] = "unknown",   [LINQ_BOOL] = "bool",   [LINQ_INT] = "int",
        [LINQ_FLOAT] = "float",       [LINQ_STR] = "str",     [LINQ_TIMESTAMP] = "timestamp",
        [LINQ_DURATION] = "duration", [LINQ_IP4] = "ip4",     [LINQ_NET4] = "net4",
        [LINQ_IP6] = "ip6",           [LINQ_ARRAY] = "array", [LINQ_JSON] = "json",
        [LINQ_REGEX] = "regex",       [LINQ_NULL] = "null",   [LINQ_BYTES] = "bytes",
    };

    return (size_t)t < ARRAY_LEN(names) && names[t] != NULL ? names[t] : "unknown";
}

int
tr_fail(struct tr *tr, const struct expr *e, const char *fmt, ...)
{
    va_list ap;
    char words[600];

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    return linq_fail(tr->err, tr->q->text, e->at, E_INVALID, "%s", words);
}

const char *
tr_show(struct tr *tr, const struct val *v)
{
    const char *text = tr->q->text + v->e->at.off;
    size_t n = v->e->at.end - v->e->at.off, cut = n < 60 ? n : 57;

    while (cut < n && cut > 0 && ((unsigned char)text[cut] & 0xc0) == 0x80)
        cut--;
    return arena_printf(&tr->arena, "%.*s%s (%s)", (int)cut, text, cut < n ? "..." : "",
                        linq_type_name(v->type));
}

static bool
is_number(enum linq_type t)
{
    return t == LINQ_INT || t == LINQ_FLOAT;
}

/* --- text as something else ------------------------------------------------------------------ */

/* A number written like one of the language, a sign in front allowed. */
static bool
number_of(struct tr *tr, const char *s, struct val *ret)
{
    const char *p = s + (*s == '-' || *s == '+');
    size_t whole = strspn(p, "0123456789"), rest = whole;
    char *end;

    if (whole == 0 || strlen(s) > 60)
        return false;
    if (p[rest] == '.')
        rest += 1 + strspn(p + rest + 1, "0123456789");
    if (p[rest] == '\0' && rest == whole) {
        errno = 0;
        long long i = strtoll(s, &end, 10);

        if (errno == 0) {
            ret->sql = form_int(tr, i);
            ret->type = LINQ_INT;
            return true;
        }
    }
    if ((p[rest] | 0x20) == 'e') {
        rest++;
        rest += p[rest] == '-' || p[rest] == '+';
        rest += strspn(p + rest, "0123456789");
    }
    double d = strtod(s, &end);

    if (p[rest] != '\0' || *end != '\0' || !isfinite(d))
        return false;
    ret->sql = form_real(tr, d);
    ret->type = LINQ_FLOAT;
    return true;
}

static bool
time_of(struct tr *tr, const char *s, struct val *ret)
{
    int64_t ms;
    size_t n = civil_parse(s, &ms);

    if (n == 0 || s[n] != '\0')
        return false;
    ret->sql = form_time(tr, ms);
    ret->type = LINQ_TIMESTAMP;
    return true;
}

static bool
ip_of(struct tr *tr, const char *s, struct val *ret)
{
    int64_t ip;

    if (!lexer_ip4(s, strlen(s), &ip))
        return false;
    ret->sql = form_int(tr, ip);
    ret->type = LINQ_IP4;
    return true;
}

static bool
bool_of(struct tr *tr UNUSED, const char *s, struct val *ret)
{
    if (strcmp(s, "true") != 0 && strcmp(s, "false") != 0)
        return false;
    ret->sql = strcmp(s, "true") == 0 ? "TRUE" : "FALSE";
    ret->type = LINQ_BOOL;
    return true;
}

static bool
bytes_of(struct tr *tr, const char *s, struct val *ret)
{
    size_t n = strlen(s);

    if (n % 2 != 0 || strspn(s, "0123456789abcdefABCDEF") != n)
        return false;
    ret->sql = form1(tr, FORM_BYTES_OF_TEXT, form_text(tr, s));
    ret->type = LINQ_BYTES;
    return true;
}

/* How text meets another type: a literal at once, anything else row by row. */
static const struct meeting {
    enum linq_type other;
    bool (*literal)(struct tr *tr, const char *s, struct val *ret);
    enum form form;
    const char *wanted;
} MEETINGS[] = {
    {LINQ_INT, number_of, FORM_NUMBER_OF_TEXT, "the text is no number"},
    {LINQ_FLOAT, number_of, FORM_NUMBER_OF_TEXT, "the text is no number"},
    {LINQ_TIMESTAMP, time_of, FORM_TIME_OF_TEXT,
     "a time is written \"YYYY-MM-DD\" or \"YYYY-MM-DD HH:mm:ss\""},
    {LINQ_IP4, ip_of, FORM_IP_OF_TEXT, "the text is no IPv4 address"},
    {LINQ_BOOL, bool_of, FORM_BOOL_OF_TEXT, "the text is neither \"true\" nor \"false\""},
    {LINQ_BYTES, bytes_of, FORM_BYTES_OF_TEXT, "the text is no row of hex digits"},
};

static int
fail_compare(struct tr *tr, const struct val *a, const struct val *b, const char *why)
{
    return tr_fail(tr, a->e, "cannot compare %s with %s%s%s", tr_show(tr, a), tr_show(tr, b),
                   why != NULL ? ": " : "", why != NULL ? why : "");
}

/* Turns the text into the other's type. */
static int
meet(struct tr *tr, struct val *text, const struct val *other, const struct val *a,
     const struct val *b)
{
    for (size_t i = 0; i < ARRAY_LEN(MEETINGS); i++) {
        const struct meeting *m = &MEETINGS[i];

        if (m->other != other->type)
            continue;
        if (text->e->kind == EX_STR) {
            struct val was = *text;

            if (m->literal(tr, text->e->s, text))
                return 0;
            return fail_compare(tr, a == text ? &was : a, b == text ? &was : b, m->wanted);
        }
        text->sql = form1(tr, m->form, text->sql);
        text->type = other->type;
        text->leaf = false;
        return 0;
    }
    return fail_compare(tr, a, b, NULL);
}

/* Arrays go together if their elements do. */
static bool
same_elements(const struct val *a, const struct val *b)
{
    return a->type != LINQ_ARRAY || a->elem == b->elem || a->elem == LINQ_NULL ||
           b->elem == LINQ_NULL;
}

int
coerce_compare(struct tr *tr, struct val *a, struct val *b, bool only_right)
{
    static const char hint_ip[] = "write ip4(...) around the text";

    if (a->type == LINQ_NULL || b->type == LINQ_NULL)
        return 0;
    if (is_number(a->type) && is_number(b->type))
        return 0;
    if (a->type == b->type && same_elements(a, b) && a->type != LINQ_UNKNOWN &&
        a->type != LINQ_REGEX && a->type != LINQ_NET4)
        return 0;
    if (b->type == LINQ_STR)
        return meet(tr, b, a, a, b);
    if (a->type == LINQ_STR && !only_right)
        return meet(tr, a, b, a, b);
    return fail_compare(tr, a, b,
                        a->type == LINQ_STR && b->type == LINQ_IP4         ? hint_ip
                        : a->type == LINQ_TIMESTAMP && b->type == LINQ_INT ? "write timestamp(...) "
                                                                             "around the number"
                        : a->type == LINQ_STR && is_number(b->type) ? "write the values as text"
                                                                    : NULL);
}

void
coerce_null_text(const struct tr *tr, struct val *v)
{
    if (v->type == LINQ_NULL)
        v->sql = tr->dialect->null_text;
}

void
coerce_widen(struct tr *tr, struct val *v)
{
    if (v->leaf && v->type == LINQ_INT)
        v->sql = form1(tr, FORM_BIGINT, v->sql);
    else if (v->leaf && v->type == LINQ_FLOAT && v->e->kind == EX_COLUMN)
        v->sql = form1(tr, FORM_DOUBLE, v->sql);
    v->leaf = v->leaf && !is_number(v->type);
}

int
coerce_same(struct tr *tr, struct val *a, struct val *b, const char *what)
{
    coerce_widen(tr, a);
    coerce_widen(tr, b);
    if (a->type == LINQ_NULL) {
        a->type = b->type;
        a->elem = b->elem;
        return 0;
    }
    if (b->type == LINQ_NULL || (a->type == b->type && !is_number(a->type) && same_elements(a, b)))
        return 0;
    if (!is_number(a->type) || !is_number(b->type))
        return tr_fail(tr, b->e, "%s: %s and %s are of different types", what, tr_show(tr, a),
                       tr_show(tr, b));
    if (a->type != b->type) {
        a->sql = form1(tr, FORM_DOUBLE, a->sql);
        b->sql = form1(tr, FORM_DOUBLE, b->sql);
        a->type = b->type = LINQ_FLOAT;
    }
    return 0;
}

int
coerce_bool(struct tr *tr, const struct val *v, const char *where)
{
    if (v->type == LINQ_BOOL || v->type == LINQ_NULL)
        return 0;
    return tr_fail(tr, v->e, "%s takes a condition, %s is none", where, tr_show(tr, v));
}

int
coerce_text(struct tr *tr, struct val *v)
{
    static const struct {
        enum linq_type type;
        enum form form;
    } forms[] = {
        {LINQ_INT, FORM_TEXT},
        {LINQ_FLOAT, FORM_TEXT},
        {LINQ_BOOL, FORM_TEXT},
        {LINQ_DURATION, FORM_TEXT},
        {LINQ_TIMESTAMP, FORM_TEXT_OF_TIME},
        {LINQ_IP4, FORM_TEXT_OF_IP},
        {LINQ_ARRAY, FORM_TEXT_OF_ARRAY},
        {LINQ_JSON, FORM_TEXT},
        {LINQ_NULL, FORM_TEXT},
        {LINQ_BYTES, FORM_TEXT_OF_BYTES},
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++)
        if (forms[i].type == v->type) {
            v->sql = form1(tr, forms[i].form, v->sql);
            v->type = LINQ_STR;
            v->leaf = false;
        }
    if (v->type != LINQ_STR && v->type != LINQ_NET4)
        return tr_fail(tr, v->e, "%s cannot be shown as text", tr_show(tr, v));
    v->type = LINQ_STR;
    return 0;
}
