#include "common/linq/call.h"

#include "common/linq/civil.h"
#include "common/linq/linq_time.h"
#include "common/linq/zone.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 9 /* what a form can name */

/* --- which row fits -------------------------------------------------------------------------- */

static bool
zone_fits(const struct expr *e)
{
    int offset;

    return e->kind == EX_STR && linq_time_zone(e->s, 0, &offset, NULL) == 0;
}

static bool
letter_fits(char letter, const struct val *v)
{
    static const struct {
        char letter;
        enum linq_type type;
    } types[] = {
        {'b', LINQ_BOOL},     {'i', LINQ_INT},  {'s', LINQ_STR},   {'t', LINQ_TIMESTAMP},
        {'d', LINQ_DURATION}, {'p', LINQ_IP4},  {'a', LINQ_ARRAY}, {'r', LINQ_REGEX},
        {'h', LINQ_BYTES},    {'j', LINQ_JSON},
    };
    static const struct {
        char letter;
        enum expr_kind kind;
    } literals[] = {{'S', EX_STR}, {'I', EX_INT}, {'N', EX_INT}, {'N', EX_FLOAT}};

    if (letter == '*')
        return true;
    if (letter == 'Z')
        return zone_fits(v->e);
    if (letter == 'q' || letter == 'm')
        return v->e->kind == EX_STR ||
               (v->e->kind == EX_CALL &&
                strcmp(v->e->fn->name, letter == 'q' ? "jqcompile" : "template") == 0);
    for (size_t i = 0; i < ARRAY_LEN(literals); i++)
        if (literals[i].letter == letter && literals[i].kind == v->e->kind)
            return letter == 'S' || v->e->i >= 0;
    if (strchr("SIN", letter) != NULL)
        return false;
    if (v->type == LINQ_NULL)
        return true;
    if (letter == 'f')
        return v->type == LINQ_INT || v->type == LINQ_FLOAT;
    if (letter == 's' && v->type == LINQ_BYTES) /* as its hex text */
        return true;
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        if (types[i].letter == letter)
            return types[i].type == v->type;
    return false;
}

static bool
row_fits(const struct linq_func *f, const struct val *v, size_t n)
{
    const char *p = f->args;
    bool optional = false;

    for (size_t i = 0; i < n; i++) {
        if (*p == '?') {
            optional = true;
            p++;
        }
        if (*p == '+') /* the letter before it, again and again */
            p--;
        if (*p == '\0' || !letter_fits(*p, &v[i]))
            return false;
        p++;
    }
    return *p == '\0' || *p == '+' || *p == '?' || optional;
}

/* --- special ones ---------------------------------------------------------------------------- */

static int
now_call(struct call *c, struct val *ret)
{
    ret->sql = form_time(c->tr, c->tr->binding->now_ms);
    return 0;
}

static int
day_call(struct call *c, struct val *ret)
{
    int64_t east = c->tr->binding->tz_offset_min * CIVIL_MINUTE_MS;
    int64_t days = strtoll(c->form, NULL, 10);
    int64_t midnight = civil_floor(c->tr->binding->now_ms + east, CIVIL_DAY_MS) - east;

    ret->sql = form_time(c->tr, midnight + days * CIVIL_DAY_MS);
    return 0;
}

static int
ifthenelse_call(struct call *c, struct val *ret)
{
    struct tr *tr = c->tr;
    struct val otherwise = {.sql = "NULL", .type = LINQ_NULL, .e = c->e};
    int rc;

    if (c->n == 3)
        otherwise = c->v[2];
    if ((rc = coerce_same(tr, &c->v[1], &otherwise, "ifthenelse")) < 0)
        return rc;
    ret->type = c->v[1].type;
    ret->elem = c->v[1].elem;
    ret->sql = form_fill(tr, "CASE WHEN $1 THEN $2 ELSE $3 END",
                         (const char *[]){c->v[0].sql, c->v[1].sql, otherwise.sql}, 3);
    return 0;
}

/* decode(x, v1, r1, v2, r2, ..., [other]) */
static int
decode_call(struct call *c, struct val *ret)
{
    struct tr *tr = c->tr;
    struct buf out = BUF_INIT(SQL_MAX_BYTES);
    struct val *first = &c->v[2];
    bool other = c->n % 2 == 0;
    int rc = 0;

    /* twice: a float among the results makes the ones before it floats too */
    for (int round = 0; round < 2; round++) {
        for (size_t i = 4; i < c->n && rc == 0; i += 2)
            rc = coerce_same(tr, first, &c->v[i], "decode");
        if (rc == 0 && other)
            rc = coerce_same(tr, first, &c->v[c->n - 1], "decode");
    }
    buf_printf(&out, "CASE %s", c->v[0].sql);
    for (size_t i = 1; i + 1 < c->n && rc == 0; i += 2) {
        rc = coerce_compare(tr, &c->v[0], &c->v[i], true);
        buf_printf(&out, " WHEN %s THEN %s", c->v[i].sql, c->v[i + 1].sql);
    }
    buf_printf(&out, " ELSE %s END", other ? c->v[c->n - 1].sql : "NULL");
    tr->too_big |= out.failed;
    ret->sql = arena_strdup(&tr->arena, buf_str(&out));
    ret->type = first->type;
    ret->elem = first->elem;
    buf_done(&out);
    return rc;
}

/* The pattern of formatdate in the pattern of strftime. */
static const struct {
    const char *run, *strftime;
} DATE_RUNS[] = {
    {"YYYY", "%Y"}, {"yyyy", "%Y"}, {"YY", "%y"},  {"yy", "%y"}, {"MMMM", "%B"}, {"MMM", "%b"},
    {"MM", "%m"},   {"M", "%-m"},   {"DDD", "%j"}, {"DD", "%d"}, {"D", "%-d"},   {"dd", "%d"},
    {"d", "%-d"},   {"EEEE", "%A"}, {"EEE", "%a"}, {"EE", "%a"}, {"E", "%a"},    {"HH", "%H"},
    {"H", "%-H"},   {"hh", "%I"},   {"h", "%-I"},  {"mm", "%M"}, {"m", "%-M"},   {"ss", "%S"},
    {"s", "%-S"},   {"SSS", "%g"},  {"a", "%p"},   {"A", "%p"},
};

/* The run of equal letters at p as strftime; its length, or 0 if it has no meaning. */
static size_t
date_run(const char *p, struct buf *out)
{
    size_t n = strspn(p, (char[]){*p, '\0'});

    for (size_t i = 0; i < ARRAY_LEN(DATE_RUNS); i++)
        if (strlen(DATE_RUNS[i].run) == n && strncmp(DATE_RUNS[i].run, p, n) == 0) {
            buf_puts(out, DATE_RUNS[i].strftime);
            return n;
        }
    return 0;
}

int
call_date_pattern(struct call *c, const char *s, struct buf *out)
{
    size_t n;

    while (*s != '\0') {
        bool letter = (*s >= 'a' && *s <= 'z') || (*s >= 'A' && *s <= 'Z');

        if (*s == '\'') { /* 'text as it is' */
            for (s++; *s != '\0' && *s != '\''; s++)
                buf_puts(out, *s == '%' ? "%%" : (char[]){*s, '\0'});
            s += *s == '\'';
        } else if (!letter) {
            buf_puts(out, *s == '%' ? "%%" : (char[]){*s, '\0'});
            s++;
        } else {
            n = date_run(s, out);
            if (n == 0)
                return tr_fail(c->tr, c->v[1].e,
                               "%s: '%.*s' is no part of a date; known are YYYY YY MM M DD "
                               "D HH H hh h mm m ss s SSS a MMM MMMM EEE EEEE, and 'text' between "
                               "single quotes",
                               c->fn->name, (int)strspn(s, (char[]){*s, '\0'}), s);
            s += n;
        }
    }
    return 0;
}

/* Puts the first argument into the zone of the argument at `zone` (0: none). */
const char *
call_local_time(struct tr *tr, const struct val *v, size_t n, size_t zone)
{
    const char *name;
    int east;

    if (zone == 0 || zone >= n)
        return form1(tr, FORM_TIME, v[0].sql);
    name = v[zone].e->s;
    if (!zone_fixed(name, &east))
        return form2(tr, FORM_IN_ZONE, v[0].sql, form_text(tr, name));
    return form2(tr, FORM_IN_OFFSET, v[0].sql, form_int(tr, east * CIVIL_MINUTE_MS));
}

static int
formatdate_call(struct call *c, struct val *ret)
{
    struct buf pattern = BUF_INIT(4096);
    int rc = call_date_pattern(c, c->v[1].e->s, &pattern);

    if (rc == 0 && pattern.failed)
        rc = tr_fail(c->tr, c->v[1].e, "formatdate: the pattern is too long");
    if (rc == 0)
        ret->sql = form_fill(c->tr, c->form,
                             (const char *[]){call_local_time(c->tr, c->v, c->n, 2),
                                              form_text(c->tr, buf_str(&pattern))},
                             2);
    buf_done(&pattern);
    return rc;
}

static int
percentile_call(struct call *c, struct val *ret)
{
    double p = strtod(c->form, NULL);

    if (c->n == 2)
        p = c->v[1].e->kind == EX_INT ? (double)c->v[1].e->i : c->v[1].e->d;
    if (!(p >= 0 && p <= 100))
        return tr_fail(c->tr, c->n == 2 ? c->v[1].e : c->e, "a percentile is between 0 and 100");
    ret->sql = form2(c->tr, FORM_QUANTILE, c->v[0].sql, form_real(c->tr, p / 100));
    return 0;
}

static int
str_call(struct call *c, struct val *ret)
{
    struct val v = c->v[0];
    int rc = coerce_text(c->tr, &v);

    ret->sql = v.sql;
    return rc;
}

/* Constructs that RE2 lacks, found before an engine fails on them. */
static const struct {
    const char *mark, *words;
} NOT_RE2[] = {
    {"(?=", "look-ahead (?=...)"},        {"(?!", "negative look-ahead (?!...)"},
    {"(?<=", "look-behind (?<=...)"},     {"(?<!", "negative look-behind (?<!...)"},
    {"(?>", "an atomic group (?>...)"},   {"(?<", "a named group (?<...); write (?P<name>...)"},
    {"(?#", "a comment (?#...)"},         {"(?P=", "a back-reference (?P=...)"},
    {"*+", "a possessive quantifier *+"}, {"++", "a possessive quantifier ++"},
    {"?+", "a possessive quantifier ?+"}, {"}+", "a possessive quantifier }+"},
};

static const char *
not_re2(const char *p)
{
    for (bool in_class = false; *p != '\0'; p++) {
        if (*p == '\\') {
            if (!in_class && p[1] >= '1' && p[1] <= '9')
                return "a back-reference \\1";
            if (!in_class && p[1] == 'k')
                return "a back-reference \\k";
            if (p[1] != '\0')
                p++;
            continue;
        }
        if (in_class) {
            in_class = *p != ']';
            continue;
        }
        if (*p == '[') {
            in_class = true;
            p += p[1] == '^';
            p += p[1] == ']'; /* a ] that comes first is one of the class */
            continue;
        }
        for (size_t i = 0; i < ARRAY_LEN(NOT_RE2); i++)
            if (strncmp(p, NOT_RE2[i].mark, strlen(NOT_RE2[i].mark)) == 0)
                return NOT_RE2[i].words;
    }
    return NULL;
}

static int
re_call(struct call *c, struct val *ret)
{
    const char *lacks = not_re2(c->v[0].e->s);

    if (lacks != NULL)
        return tr_fail(c->tr, c->v[0].e, "the regular expression uses %s, which RE2 does not have",
                       lacks);
    ret->sql = c->v[0].sql;
    return 0;
}

static int
ip4_call(struct call *c, struct val *ret)
{
    ret->sql = form1(c->tr, FORM_IP_OF_TEXT, c->v[0].sql);
    return 0;
}

static const call_fn SPECIAL[] = {
    [SP_NONE] = NULL,
    [SP_NOW] = now_call,
    [SP_DAY] = day_call,
    [SP_IFTHENELSE] = ifthenelse_call,
    [SP_DECODE] = decode_call,
    [SP_FORMATDATE] = formatdate_call,
    [SP_PERCENTILE] = percentile_call,
    [SP_STR] = str_call,
    [SP_RE] = re_call,
    [SP_IP4] = ip4_call,
    [SP_MIDNIGHT] = call_midnight,
    [SP_PARSEDATE] = call_parsedate,
    [SP_MKARRAY] = call_mkarray,
    [SP_ELEMENT] = call_element,
    [SP_TEMPLATE] = call_template,
    [SP_SUBS] = call_subs,
    [SP_JQCOMPILE] = call_jqcompile,
    [SP_JQEVAL] = call_jqeval,
    [SP_LABEL] = call_label,
};

/* --- calls ----------------------------------------------------------------------------------- */

static int
plain_call(struct call *c, struct val *ret)
{
    const char *args[ARGS_MAX];
    size_t n = c->n < ARGS_MAX ? c->n : ARGS_MAX;

    for (size_t i = 0; i < n; i++) {
        /* SQL widths show through: the abs of a 32-bit column */
        if (c->v[i].e->kind == EX_COLUMN && c->fn->args[0] != '*')
            coerce_widen(c->tr, &c->v[i]);
        args[i] = c->v[i].sql;
    }
    if (strstr(c->form, "$L") != NULL)
        args[0] = call_local_time(c->tr, c->v, c->n, 1);
    ret->sql = form_fill(c->tr, c->form, args, n);
    return 0;
}

static int
fail_types(struct tr *tr, const struct expr *e, const struct val *v, size_t n)
{
    struct buf got = BUF_INIT(400);
    int rc;

    for (size_t i = 0; i < n; i++)
        buf_printf(&got, "%s%s", i == 0 ? "" : ", ", linq_type_name(v[i].type));
    rc = tr_fail(tr, e, "%s(%.200s) does not fit: it is called as %.300s", e->fn->name,
                 buf_str(&got), func_signature(&tr->arena, e->fn));
    snprintf(tr->err->expected, sizeof(tr->err->expected), "%s", func_signature(&tr->arena, e->fn));
    buf_done(&got);
    return rc;
}

/* A null where text is wanted is a null text: engines choose functions by type. Bytes are their hex
 * text there. */
static void
type_texts(struct call *c)
{
    const char *p = c->fn->args;

    for (size_t i = 0; i < c->n; i++, p++) {
        p += *p == '?';
        p -= *p == '+';
        if (*p != 's')
            continue;
        coerce_null_text(c->tr, &c->v[i]);
        if (c->v[i].type == LINQ_BYTES) {
            c->v[i].sql = form1(c->tr, FORM_TEXT_OF_BYTES, c->v[i].sql);
            c->v[i].type = LINQ_STR;
        }
    }
}

static int
check_aggregate(const struct scope *s, const struct expr *e)
{
    if (!expr_is_aggregate(e))
        return 0;
    for (size_t i = 0; i < e->n; i++) {
        const struct expr *inner = expr_find_aggregate(e->args[i]);

        if (inner != NULL && frame_find_text(s->tr, s->cols, inner) == NULL)
            return tr_fail(s->tr, inner, "an aggregate inside an aggregate: group again first");
    }
    return 0;
}

int
call_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    struct call c = {.tr = tr, .e = e, .n = e->n};
    int rc;

    *ret = (struct val){.sql = "NULL", .e = e};
    if ((rc = check_aggregate(s, e)) < 0)
        return rc;
    if (!s->aggregates && expr_is_aggregate(e))
        return tr_fail(tr, e, "%s is an aggregate and cannot stand here", e->fn->name);
    c.v = arena_alloc(&tr->arena, (e->n + 1) * sizeof(*c.v));
    for (size_t i = 0; i < e->n; i++)
        if ((rc = expr_sql(&(struct scope){tr, s->cols, false}, e->args[i], &c.v[i])) < 0)
            return rc;
    for (c.fn = e->fn; c.fn != NULL && !row_fits(c.fn, c.v, e->n);)
        c.fn = func_next(c.fn);
    if (c.fn == NULL)
        return fail_types(tr, e, c.v, e->n);
    type_texts(&c);
    c.form = c.fn->forms[tr->dialect_id];
    if (c.form == NULL)
        return tr_fail(tr, e, "function '%s' is not supported by %s", c.fn->name,
                       tr->dialect->name);
    tr->inexact |= (c.fn->flags & FN_INEXACT) != 0;
    ret->type = c.fn->ret == RET_ARG1     ? c.v[0].type
                : c.fn->ret == RET_ARRAY1 ? LINQ_ARRAY
                                          : c.fn->ret;
    if (c.fn->ret == RET_ARG1)
        ret->elem = c.v[0].elem;
    else if (c.fn->ret == RET_ARRAY1)
        ret->elem = c.v[0].type;
    else if (c.fn->ret == LINQ_ARRAY)
        ret->elem = LINQ_STR;
    return SPECIAL[c.fn->special] != NULL ? SPECIAL[c.fn->special](&c, ret) : plain_call(&c, ret);
}
