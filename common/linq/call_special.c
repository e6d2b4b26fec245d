#include "common/linq/call.h"

#include "common/linq/civil.h"
#include "common/linq/zone.h"

#include <stdlib.h>
#include <string.h>

/* --- time ------------------------------------------------------------------------------------ */

/* A local time of the zone of the argument at `zone`, back in UTC. */
static const char *
to_utc(const struct call *c, const char *local, size_t zone)
{
    const char *name;
    int east;

    if (zone >= c->n)
        return local;
    name = c->v[zone].e->s;
    if (!zone_fixed(name, &east))
        return form2(c->tr, FORM_FROM_ZONE, local, form_text(c->tr, name));
    return form2(c->tr, FORM_TIME_SUB, local, form_int(c->tr, east * CIVIL_MINUTE_MS));
}

int
call_midnight(struct call *c, struct val *ret)
{
    const char *local = call_local_time(c->tr, c->v, c->n, 1);

    ret->sql = to_utc(c, form_fill(c->tr, c->form, &local, 1), 1);
    return 0;
}

int
call_parsedate(struct call *c, struct val *ret)
{
    struct buf pattern = BUF_INIT(4096);
    int rc = call_date_pattern(c, c->v[1].e->s, &pattern);

    if (rc == 0 && pattern.failed)
        rc = tr_fail(c->tr, c->v[1].e, "parsedate: the pattern is too long");
    if (rc == 0) {
        const char *args[] = {c->v[0].sql, form_text(c->tr, buf_str(&pattern))};

        ret->sql = to_utc(c, form_fill(c->tr, c->form, args, 2), 2);
    }
    buf_done(&pattern);
    return rc;
}

/* --- arrays ---------------------------------------------------------------------------------- */

int
call_mkarray(struct call *c, struct val *ret)
{
    struct tr *tr = c->tr;
    struct buf out = BUF_INIT(SQL_MAX_BYTES);
    int rc;

    /* twice: a float among the elements makes the ones before it floats too */
    for (int round = 0; round < 2; round++)
        for (size_t i = 1; i < c->n; i++)
            if ((rc = coerce_same(tr, &c->v[0], &c->v[i], "an array")) < 0)
                return rc;
    coerce_widen(tr, &c->v[0]);
    buf_putc(&out, '[');
    for (size_t i = 0; i < c->n && !out.failed; i++)
        buf_printf(&out, "%s%s", i == 0 ? "" : ", ", c->v[i].sql);
    buf_putc(&out, ']');
    tr->too_big |= out.failed;
    ret->elem = c->v[0].type;
    ret->sql = form_fill(tr, c->form, (const char *[]){arena_strdup(&tr->arena, buf_str(&out))}, 1);
    buf_done(&out);
    return 0;
}

int
call_element(struct call *c, struct val *ret)
{
    enum linq_type elem = c->v[0].elem;

    ret->type = elem == LINQ_UNKNOWN || elem == LINQ_NULL ? LINQ_STR : elem;
    ret->sql = form_fill(c->tr, c->form, (const char *[]){c->v[0].sql}, 1);
    if (ret->type == LINQ_STR)
        ret->sql = form1(c->tr, FORM_TEXT, ret->sql);
    return 0;
}

/* --- substitution ---------------------------------------------------------------------------- */

/* The highest group that the template names, -1 where it is no template. */
static int
template_groups(const struct call *c, const struct expr *at, const char *s)
{
    int most = 0;

    for (; *s != '\0'; s++) {
        if (*s == '$' && ((s[1] >= '0' && s[1] <= '9') || s[1] == '{')) {
            tr_fail(c->tr, at, "a template names groups as \\\\1, not as $1");
            return -1;
        }
        if (*s != '\\')
            continue;
        s++;
        if (*s >= '0' && *s <= '9') {
            most = *s - '0' > most ? *s - '0' : most;
        } else if (*s != '\\') {
            tr_fail(c->tr, at, "behind a backslash of a template stands a digit or a backslash");
            return -1;
        }
    }
    return most;
}

/* Groups that capture in a regular expression that re() has taken. */
static int
regex_groups(const char *p)
{
    int n = 0;

    for (bool in_class = false; *p != '\0'; p++) {
        if (*p == '\\' && p[1] != '\0') {
            p++;
        } else if (in_class) {
            in_class = *p != ']';
        } else if (*p == '[') {
            in_class = true;
            p += p[1] == '^';
            p += p[1] == ']';
        } else if (*p == '(') {
            n += p[1] != '?' || p[2] == 'P';
        }
    }
    return n;
}

int
call_template(struct call *c, struct val *ret)
{
    if (template_groups(c, c->v[0].e, c->v[0].e->s) < 0)
        return E_INVALID;
    ret->sql = c->v[0].sql;
    return 0;
}

int
call_subs(struct call *c, struct val *ret)
{
    const struct expr *re = c->v[1].e, *t = c->v[2].e;
    const char *args[4];
    int most;

    if (t->kind == EX_CALL)
        t = t->args[0];
    most = template_groups(c, t, t->s);
    if (most < 0)
        return E_INVALID;
    if (re->kind != EX_CALL || re->n != 1)
        return tr_fail(c->tr, re, "%s takes re(\"...\") itself", c->fn->name);
    if (regex_groups(re->args[0]->s) < most)
        return tr_fail(c->tr, t, "the template names group %d, the regular expression has %d", most,
                       regex_groups(re->args[0]->s));
    for (size_t i = 0; i < c->n; i++)
        args[i] = c->v[i].sql;
    ret->sql = form_fill(c->tr, c->form, args, c->n);
    return 0;
}

/* --- JSON ------------------------------------------------------------------------------------ */

/* One name of a path, up to `end` bytes of s. */
static bool
path_name(const char *s, size_t n, struct buf *out)
{
    if (n == 0 || memchr(s, '"', n) != NULL || memchr(s, '\\', n) != NULL ||
        memchr(s, '*', n) != NULL)
        return false;
    buf_puts(out, ".\"");
    buf_append(out, s, n);
    buf_putc(out, '"');
    return true;
}

/* [n], [-n] or ["name"]; its length, 0 where it is none of them. */
static size_t
path_bracket(const char *s, struct buf *out)
{
    size_t n;

    if (s[1] == '"') {
        const char *close = strstr(s + 2, "\"]");

        if (close == NULL || !path_name(s + 2, (size_t)(close - s) - 2, out))
            return 0;
        return (size_t)(close - s) + 2;
    }
    n = 1 + (s[1] == '-');
    n += strspn(s + n, "0123456789");
    if (n > 9 || s[n] != ']' || s[n - 1] < '0' || s[n - 1] > '9')
        return 0;
    buf_printf(out, s[1] == '-' ? "[#%.*s]" : "[%.*s]", (int)n - 1, s + 1);
    return n + 1;
}

/* .name or ."name"; its length, 0 where it is none. */
static size_t
path_dot(const char *s, struct buf *out)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789";
    size_t n;

    if (s[1] == '"') {
        n = strcspn(s + 2, "\"");
        return s[2 + n] == '"' && path_name(s + 2, n, out) ? n + 3 : 0;
    }
    n = strspn(s + 1, letters);
    if (s[1] >= '0' && s[1] <= '9')
        return 0;
    return path_name(s + 1, n, out) ? n + 1 : 0;
}

/* A plain path of jq, .a.b[0]."c d", as the path of the engine. */
static bool
jq_path(const char *s, struct buf *out)
{
    size_t n;

    if (*s != '.')
        return false;
    buf_putc(out, '$');
    s += s[1] == '\0' || s[1] == '['; /* `.` alone is the whole, `.[0]` its element */
    while (*s != '\0') {
        n = *s == '[' ? path_bracket(s, out) : *s == '.' ? path_dot(s, out) : 0;
        if (n == 0)
            return false;
        s += n;
        s += *s == '?'; /* what is not there is null with it and without */
        if (s[0] == '.' && s[1] == '[')
            s++;
    }
    return !out->failed;
}

int
call_jqcompile(struct call *c, struct val *ret)
{
    struct buf path = BUF_INIT(LINQ_TEXT_MAX);
    int rc = 0;

    if (jq_path(c->v[0].e->s, &path))
        ret->sql = form_text(c->tr, buf_str(&path));
    else
        rc =
            tr_fail(c->tr, c->v[0].e,
                    "jq programs other than plain paths such as .a.b[0].\"c d\" are not supported");
    buf_done(&path);
    return rc;
}

int
call_jqeval(struct call *c, struct val *ret)
{
    const char *args[] = {c->v[0].sql, c->v[1].sql};

    if (c->v[0].e->kind == EX_STR) {
        struct val path = {.sql = "NULL"};
        int rc = call_jqcompile(c, &path);

        if (rc < 0)
            return rc;
        args[0] = path.sql;
    }
    ret->sql = form_fill(c->tr, c->form, args, 2);
    return 0;
}

int
call_label(struct call *c, struct val *ret)
{
    struct buf path = BUF_INIT(LINQ_TEXT_MAX);
    const char *key = c->v[1].e->s;
    int rc = 0;

    buf_putc(&path, '$');
    if (path_name(key, strlen(key), &path))
        ret->sql = form_fill(c->tr, c->form,
                             (const char *[]){c->v[0].sql, form_text(c->tr, buf_str(&path))}, 2);
    else
        rc = tr_fail(c->tr, c->v[1].e,
                     "label: names that are empty or hold a quote, a backslash or * are not found");
    buf_done(&path);
    return rc;
}
