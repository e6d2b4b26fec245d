#include "common/linq/translate.h"

#include "common/linq/suggest.h"

#include <stdio.h>
#include <string.h>

bool
expr_has_column(const struct expr *e)
{
    bool yes = e->kind == EX_COLUMN;

    for (size_t i = 0; i < e->n && !yes; i++)
        yes = expr_has_column(e->args[i]);
    return yes;
}

bool
expr_is_aggregate(const struct expr *e)
{
    return e->kind == EX_CALL && (e->fn->flags & FN_AGG) != 0;
}

const struct expr *
expr_find_aggregate(const struct expr *e)
{
    const struct expr *found = expr_is_aggregate(e) ? e : NULL;

    for (size_t i = 0; i < e->n && found == NULL; i++)
        found = expr_find_aggregate(e->args[i]);
    return found;
}

static bool
is_number(enum linq_type t)
{
    return t == LINQ_INT || t == LINQ_FLOAT;
}

/* Type t, or null, which goes with everything. */
static bool
fits(enum linq_type have, enum linq_type t)
{
    return have == t || have == LINQ_NULL;
}

static bool
fits_number(enum linq_type have)
{
    return is_number(have) || have == LINQ_NULL;
}

/* --- columns and literals -------------------------------------------------------------------- */

static const char *
name_of(const void *ctx, size_t i)
{
    const struct ptrs *cols = ctx;
    const struct col *c = cols->items[i];

    return c->name != NULL ? c->name : "";
}

static int
fail_column(const struct scope *s, const struct expr *e)
{
    char near[256];

    suggest(e->s, name_of, s->cols, s->cols->n, near, sizeof(near));
    linq_fail(s->tr->err, s->tr->q->text, e->at, E_NOT_FOUND, "unknown column '%.80s'%s%s%s", e->s,
              near[0] != '\0' ? "; did you mean " : "", near, near[0] != '\0' ? "?" : "");
    snprintf(s->tr->err->expected, sizeof(s->tr->err->expected), "%s", near);
    return E_NOT_FOUND;
}

static void
use_column(struct col *c, struct val *ret)
{
    for (struct col *below = c->plain ? c->src : NULL; below != NULL && !below->live;
         below = below->plain ? below->src : NULL)
        below->live = true;
    ret->sql = c->sql;
    ret->type = c->type;
    ret->elem = c->elem;
    ret->leaf = c->type != LINQ_IP4;
}

static int
column_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct col *c = frame_find(s->cols, e->s);

    if (c == NULL)
        return fail_column(s, e);
    use_column(c, ret);
    return 0;
}

static int
literal_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;

    ret->leaf = true;
    switch ((enum expr_kind)e->kind) {
    case EX_NULL:
        ret->sql = "NULL";
        ret->type = LINQ_NULL;
        return 0;
    case EX_BOOL:
        ret->sql = e->i != 0 ? "TRUE" : "FALSE";
        ret->type = LINQ_BOOL;
        return 0;
    case EX_INT:
        ret->type = LINQ_INT;
        break;
    case EX_DURATION:
        ret->type = LINQ_DURATION;
        break;
    case EX_IP4:
        ret->type = LINQ_IP4;
        break;
    case EX_FLOAT:
        ret->sql = form_real(tr, e->d);
        ret->type = LINQ_FLOAT;
        return 0;
    case EX_STR:
        ret->sql = form_text(tr, e->s);
        ret->type = LINQ_STR;
        return 0;
    case EX_NET4:
        ret->sql = form_text(tr, arena_printf(&tr->arena, "%d.%d.%d.%d/%d", (int)(e->i >> 24),
                                              (int)(e->i >> 16 & 255), (int)(e->i >> 8 & 255),
                                              (int)(e->i & 255), e->bits));
        ret->type = LINQ_NET4;
        return 0;
    default:
        return tr_fail(tr, e, "no literal");
    }
    ret->sql = form_int(tr, e->i);
    return 0;
}

/* [a, b]: elements of one type. */
static int
array_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    struct val *v = arena_alloc(&tr->arena, (e->n + 1) * sizeof(*v));
    struct buf out = BUF_INIT(SQL_MAX_BYTES);
    int rc;

    ret->type = LINQ_ARRAY;
    ret->elem = LINQ_NULL;
    for (size_t i = 0; i < e->n; i++) {
        if ((rc = expr_sql(s, e->args[i], &v[i])) < 0)
            return rc;
        if (i > 0 && (rc = coerce_same(tr, &v[0], &v[i], "an array")) < 0)
            return rc;
    }
    buf_putc(&out, '[');
    for (size_t i = 0; i < e->n; i++) {
        coerce_widen(tr, &v[i]);
        buf_printf(&out, "%s%s", i == 0 ? "" : ", ", v[i].sql);
        ret->elem = v[0].type;
    }
    buf_putc(&out, ']');
    tr->too_big |= out.failed;
    ret->sql = arena_strdup(&tr->arena, buf_str(&out));
    buf_done(&out);
    return 0;
}

/* --- comparisons ----------------------------------------------------------------------------- */

static const enum form COMPARE_FORMS[OP_COUNT] = {
    [OP_EQ] = FORM_EQ, [OP_NE] = FORM_NE, [OP_LT] = FORM_LT,
    [OP_LE] = FORM_LE, [OP_GT] = FORM_GT, [OP_GE] = FORM_GE,
};

static int
chain_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    const char **parts = arena_alloc(&tr->arena, e->n * sizeof(*parts));
    struct val left, right, a, b;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &left)) < 0)
        return rc;
    for (size_t i = 0; i + 1 < e->n; i++) {
        if ((rc = expr_sql(s, e->args[i + 1], &right)) < 0)
            return rc;
        a = left;
        b = right;
        if ((rc = coerce_compare(tr, &a, &b, false)) < 0)
            return rc;
        parts[i] =
            arena_printf(&tr->arena, "(%s)", form2(tr, COMPARE_FORMS[e->ops[i]], a.sql, b.sql));
        if (tr->too_big)
            return 0;
        left = right;
    }
    ret->sql = form_join(tr, parts, e->n - 1, " AND ");
    ret->type = LINQ_BOOL;
    return 0;
}

static int
and_or_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    const char **parts = arena_alloc(&tr->arena, e->n * sizeof(*parts));
    const char *word = e->op == OP_AND ? "and" : "or";
    struct val v;
    int rc;

    for (size_t i = 0; i < e->n; i++) {
        if ((rc = expr_sql(s, e->args[i], &v)) < 0 || (rc = coerce_bool(tr, &v, word)) < 0)
            return rc;
        parts[i] = v.sql;
    }
    ret->sql = form_join(tr, parts, e->n, e->op == OP_AND ? " AND " : " OR ");
    ret->type = LINQ_BOOL;
    return 0;
}

static int
not_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct val v;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &v)) < 0 || (rc = coerce_bool(s->tr, &v, "not")) < 0)
        return rc;
    ret->sql = form1(s->tr, FORM_NOT, v.sql);
    ret->type = LINQ_BOOL;
    return 0;
}

/* --- membership: in, <-, ->, has ------------------------------------------------------------- */

static const char *
in_net(struct tr *tr, const struct val *x, const struct expr *net)
{
    int64_t size = INT64_C(1) << (32 - net->bits);

    return arena_printf(
        &tr->arena, "(%s)",
        form3(tr, FORM_BETWEEN, x->sql, form_int(tr, net->i), form_int(tr, net->i + size - 1)));
}

/* x in {a, b, 10.0.0.0/8}: plain values as one IN list, networks as ranges. */
static int
in_list(const struct scope *s, struct val *x, const struct expr *set, struct val *ret)
{
    struct tr *tr = s->tr;
    struct ptrs parts = {0};
    struct buf list = BUF_INIT(SQL_MAX_BYTES);
    struct val v;
    int rc = 0;

    for (size_t i = 0; i < set->n; i++) {
        const struct expr *m = set->args[i];

        if (m->kind == EX_NET4 && x->type == LINQ_IP4) {
            ptrs_add(&tr->arena, &parts, (void *)(uintptr_t)in_net(tr, x, m));
            continue;
        }
        if ((rc = expr_sql(s, m, &v)) < 0 || (rc = coerce_compare(tr, x, &v, true)) < 0)
            goto out;
        buf_puts(&list, list.len == 0 ? "" : ", ");
        buf_puts(&list, v.sql);
    }
    tr->too_big |= list.failed;
    if (list.len > 0 && !tr->too_big)
        ptrs_add(&tr->arena, &parts,
                 arena_printf(&tr->arena, "(%s IN (%s))", x->sql, buf_str(&list)));
    ret->sql =
        parts.n == 0 ? "FALSE" : form_join(tr, (const char *const *)parts.items, parts.n, " OR ");
    ret->type = LINQ_BOOL;
out:
    buf_done(&list);
    return rc;
}

/* {"a", "b"} in text, has(text, "a", "b"): any of them is in it. */
static int
any_in_text(const struct scope *s, struct expr *const *args, size_t n, enum form form,
            const struct val *text, struct val *ret)
{
    struct tr *tr = s->tr;
    const char **parts = arena_alloc(&tr->arena, (n + 1) * sizeof(*parts));
    struct val v;
    int rc;

    for (size_t i = 0; i < n; i++) {
        if ((rc = expr_sql(s, args[i], &v)) < 0)
            return rc;
        if (!fits(v.type, LINQ_STR))
            return tr_fail(tr, v.e, "%s is searched for texts only, %s is none", tr_show(tr, text),
                           tr_show(tr, &v));
        coerce_null_text(tr, &v);
        parts[i] = form2(tr, form, text->sql, v.sql);
    }
    ret->sql = n == 0 ? "FALSE" : form_join(tr, parts, n, " OR ");
    ret->type = LINQ_BOOL;
    return 0;
}

/* Whether x may be looked for in column c of a subquery. */
static int
check_sought(struct tr *tr, const struct val *x, const struct col *c)
{
    if (x->type == c->type || x->type == LINQ_NULL || (is_number(x->type) && is_number(c->type)))
        return 0;
    return tr_fail(tr, x->e, "cannot look for %s among values of '%s' (%s)", tr_show(tr, x),
                   c->name, linq_type_name(c->type));
}

/* (a, b) in (from ...): among the rows of its last columns, as many as the tuple has; rows with a
 * null among them are left out. */
static int
in_subquery_tuple(const struct scope *s, const struct expr *left, const struct expr *sub,
                  struct val *ret)
{
    struct tr *tr = s->tr;
    const char **keys = arena_alloc(&tr->arena, left->n * sizeof(*keys));
    const char **names = arena_alloc(&tr->arena, left->n * sizeof(*names));
    const char **filled = arena_alloc(&tr->arena, left->n * sizeof(*filled));
    const char **known = arena_alloc(&tr->arena, left->n * sizeof(*known));
    struct val *v = arena_alloc(&tr->arena, left->n * sizeof(*v));
    struct ptrs cols = {0};
    const char *sql;
    int rc;

    for (size_t i = 0; i < left->n; i++)
        if ((rc = expr_sql(s, left->args[i], &v[i])) < 0)
            return rc;
    if ((rc = subquery_sql(tr, sub->sub, left->n, &sql, &cols)) < 0)
        return rc;
    for (size_t i = 0; i < left->n; i++) {
        const struct col *c = cols.items[i];

        if ((rc = check_sought(tr, &v[i], c)) < 0)
            return rc;
        keys[i] = v[i].sql;
        names[i] = arena_printf(&tr->arena, "t.%s", form_ident(tr, c->alias));
        filled[i] = form1(tr, FORM_NOT_NULL, names[i]);
        known[i] = form1(tr, FORM_NOT_NULL, keys[i]);
    }
    ret->sql = form_fill(tr, tr->dialect->forms[FORM_IN_TUPLES],
                         (const char *[]){form_join(tr, keys, left->n, ", "), sql,
                                          form_join(tr, names, left->n, ", "),
                                          form_join(tr, filled, left->n, " AND "),
                                          form_join(tr, known, left->n, " AND ")},
                         5);
    ret->type = LINQ_BOOL;
    return 0;
}

/* x in (from ... ): x among the values of its last column. */
static int
in_subquery(const struct scope *s, const struct expr *left, const struct expr *sub, struct val *ret)
{
    struct tr *tr = s->tr;
    struct ptrs cols = {0};
    struct val x;
    const char *sql;
    int rc;

    if (left->kind == EX_TUPLE)
        return in_subquery_tuple(s, left, sub, ret);
    if ((rc = expr_sql(s, left, &x)) < 0 || (rc = subquery_sql(tr, sub->sub, 1, &sql, &cols)) < 0)
        return rc;
    const struct col *c = cols.items[0];

    if ((rc = check_sought(tr, &x, c)) < 0)
        return rc;
    ret->sql = form3(tr, FORM_IN_ROWS, x.sql, sql, form_ident(tr, c->alias));
    ret->type = LINQ_BOOL;
    return 0;
}

static int
in_value(const struct scope *s, struct val *x, struct val *c, struct val *ret)
{
    struct tr *tr = s->tr;
    static const char wants[] = "a set, an array, a network, a text or a subquery";

    ret->type = LINQ_BOOL;
    if (x->type == LINQ_IP4 && c->e->kind == EX_NET4) {
        ret->sql = in_net(tr, x, c->e);
        return 0;
    }
    if (c->type == LINQ_STR && fits(x->type, LINQ_STR)) {
        coerce_null_text(tr, x);
        ret->sql = form2(tr, FORM_HAS, c->sql, x->sql);
        return 0;
    }
    if (c->type == LINQ_ARRAY && (c->elem == x->type || x->type == LINQ_NULL ||
                                  (is_number(c->elem) && is_number(x->type)))) {
        ret->sql = form2(tr, FORM_ARRAY_HAS, c->sql, x->sql);
        return 0;
    }
    if (c->type == LINQ_NET4 && x->type == LINQ_STR)
        return tr_fail(tr, x->e, "cannot look for %s in %s: write ip4(...) around the text",
                       tr_show(tr, x), tr_show(tr, c));
    if (c->type == LINQ_STR || c->type == LINQ_ARRAY || c->type == LINQ_NET4)
        return tr_fail(tr, x->e, "cannot look for %s in %s", tr_show(tr, x), tr_show(tr, c));
    return tr_fail(tr, c->e, "%s holds nothing: it should be %s", tr_show(tr, c), wants);
}

/* Whether elem is in container, however the query wrote it. */
static int
member_sql(const struct scope *s, const struct expr *elem, const struct expr *container,
           struct val *ret)
{
    struct val x, c;
    int rc;

    if (container->kind == EX_SUBQUERY)
        return in_subquery(s, elem, container, ret);
    if (elem->kind == EX_SET || elem->kind == EX_ARRAY) {
        if ((rc = expr_sql(s, container, &c)) < 0)
            return rc;
        if (c.type == LINQ_STR)
            return any_in_text(s, elem->args, elem->n, FORM_HAS, &c, ret);
    }
    if ((rc = expr_sql(s, elem, &x)) < 0)
        return rc;
    if (container->kind == EX_SET || container->kind == EX_ARRAY)
        return in_list(s, &x, container, ret);
    if ((rc = expr_sql(s, container, &c)) < 0)
        return rc;
    return in_value(s, &x, &c, ret);
}

static int
in_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    return member_sql(s, e->args[0], e->args[1], ret);
}

/* has(text, a, b, ...), weakhas: more than two only where they are called as functions. */
static int
has_any_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    struct val text;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &text)) < 0)
        return rc;
    if (!fits(text.type, LINQ_STR))
        return tr_fail(tr, text.e, "several values are searched for in a text only, %s is none",
                       tr_show(tr, &text));
    coerce_null_text(tr, &text);
    return any_in_text(s, e->args + 1, e->n - 1, e->op == OP_HAS ? FORM_HAS : FORM_IHAS, &text,
                       ret);
}

static int
has_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    return e->n > 2 ? has_any_sql(s, e, ret) : member_sql(s, e->args[1], e->args[0], ret);
}

/* --- operators by types ---------------------------------------------------------------------- */

/* What an operator does with two types; the first row that fits. */
static const struct binary {
    enum op op;
    char a, b; /* i int, f number, s str, t timestamp, d duration, r regex, a array */
    enum linq_type ret;
    enum form form;
    bool swap;
} BINARY[] = {
    {OP_ADD, 'i', 'i', LINQ_INT, FORM_ADD, false},
    {OP_ADD, 'f', 'f', LINQ_FLOAT, FORM_ADD, false},
    {OP_ADD, 't', 'd', LINQ_TIMESTAMP, FORM_TIME_ADD, false},
    {OP_ADD, 'd', 't', LINQ_TIMESTAMP, FORM_TIME_ADD, true},
    {OP_ADD, 'd', 'd', LINQ_DURATION, FORM_ADD, false},
    {OP_ADD, 's', 's', LINQ_STR, FORM_CONCAT, false},
    {OP_SUB, 'i', 'i', LINQ_INT, FORM_SUB, false},
    {OP_SUB, 'f', 'f', LINQ_FLOAT, FORM_SUB, false},
    {OP_SUB, 't', 't', LINQ_DURATION, FORM_TIME_DIFF, false},
    {OP_SUB, 't', 'd', LINQ_TIMESTAMP, FORM_TIME_SUB, false},
    {OP_SUB, 'd', 'd', LINQ_DURATION, FORM_SUB, false},
    {OP_MUL, 'i', 'i', LINQ_INT, FORM_MUL, false},
    {OP_MUL, 'f', 'f', LINQ_FLOAT, FORM_MUL, false},
    {OP_MUL, 'd', 'i', LINQ_DURATION, FORM_MUL, false},
    {OP_MUL, 'i', 'd', LINQ_DURATION, FORM_MUL, false},
    {OP_DIV, 'i', 'i', LINQ_INT, FORM_IDIV, false},
    {OP_DIV, 'f', 'f', LINQ_FLOAT, FORM_RDIV, false},
    {OP_DIV, 'd', 'i', LINQ_DURATION, FORM_IDIV, false},
    {OP_DIV, 'd', 'd', LINQ_INT, FORM_IDIV, false},
    {OP_RDIV, 'f', 'f', LINQ_FLOAT, FORM_RDIV, false},
    {OP_RDIV, 'd', 'd', LINQ_FLOAT, FORM_RDIV, false},
    {OP_REM, 'i', 'i', LINQ_INT, FORM_REM, false},
    {OP_REM, 'f', 'f', LINQ_FLOAT, FORM_REM, false},
    {OP_REM, 'd', 'd', LINQ_DURATION, FORM_REM, false},
    {OP_MOD, 'i', 'i', LINQ_INT, FORM_MOD, false},
    {OP_MOD, 'f', 'f', LINQ_FLOAT, FORM_MOD, false},
    {OP_BAND, 'i', 'i', LINQ_INT, FORM_BAND, false},
    {OP_BOR, 'i', 'i', LINQ_INT, FORM_BOR, false},
    {OP_BXOR, 'i', 'i', LINQ_INT, FORM_BXOR, false},
    {OP_SHL, 'i', 'i', LINQ_INT, FORM_SHL, false},
    {OP_SHR, 'i', 'i', LINQ_INT, FORM_SHR, false},
    {OP_USHR, 'i', 'i', LINQ_INT, FORM_USHR, false},
    {OP_IHAS, 's', 's', LINQ_BOOL, FORM_IHAS, false},
    {OP_MATCH, 's', 'r', LINQ_BOOL, FORM_MATCH, false},
    {OP_AT, 'a', 'i', LINQ_UNKNOWN, FORM_AT, false},
};

static bool
letter_fits(char letter, enum linq_type t)
{
    static const struct {
        char letter;
        enum linq_type type;
    } letters[] = {
        {'i', LINQ_INT},      {'s', LINQ_STR},   {'t', LINQ_TIMESTAMP},
        {'d', LINQ_DURATION}, {'r', LINQ_REGEX}, {'a', LINQ_ARRAY},
    };

    if (letter == 'f')
        return fits_number(t);
    for (size_t i = 0; i < ARRAY_LEN(letters); i++)
        if (letters[i].letter == letter)
            return fits(t, letters[i].type);
    return false;
}

static const char *
op_mark(enum op op)
{
    static const char *const marks[OP_COUNT] = {
        [OP_IHAS] = "->>", [OP_MATCH] = "~", [OP_BOR] = "|",    [OP_BXOR] = "^", [OP_BAND] = "&",
        [OP_SHL] = "<<",   [OP_SHR] = ">>",  [OP_USHR] = ">>>", [OP_ADD] = "+",  [OP_SUB] = "-",
        [OP_MUL] = "*",    [OP_DIV] = "/",   [OP_RDIV] = "\\",  [OP_REM] = "%",  [OP_MOD] = "%%",
        [OP_NEG] = "-",    [OP_BNOT] = "~",  [OP_AT] = "[]",
    };

    return marks[op] != NULL ? marks[op] : "?";
}

static int
fail_binary(struct tr *tr, enum op op, const struct val *a, const struct val *b)
{
    const char *hint = "";

    if (op == OP_MATCH && b->type == LINQ_STR)
        hint = ": write re(\"...\") around the regular expression";
    else if (op == OP_ADD && (a->type == LINQ_STR || b->type == LINQ_STR))
        hint = ": write str(...) to join texts, int(...) or float(...) to add";
    return tr_fail(tr, a->e, "'%s' does not work on %s and %s%s", op_mark(op), tr_show(tr, a),
                   tr_show(tr, b), hint);
}

static int
binary_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    struct val a, b;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &a)) < 0 || (rc = expr_sql(s, e->args[1], &b)) < 0)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(BINARY); i++) {
        const struct binary *bin = &BINARY[i];

        if (bin->op != e->op || !letter_fits(bin->a, a.type) || !letter_fits(bin->b, b.type))
            continue;
        coerce_widen(tr, &a);
        coerce_widen(tr, &b);
        ret->sql =
            bin->swap ? form2(tr, bin->form, b.sql, a.sql) : form2(tr, bin->form, a.sql, b.sql);
        ret->type = bin->ret;
        if (e->op == OP_AT) {
            ret->type = a.elem == LINQ_UNKNOWN || a.elem == LINQ_NULL ? LINQ_STR : a.elem;
            if (ret->type == LINQ_STR)
                ret->sql = form1(tr, FORM_TEXT, ret->sql);
        }
        return 0;
    }
    return fail_binary(tr, (enum op)e->op, &a, &b);
}

static int
ihas_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    return e->n > 2 ? has_any_sql(s, e, ret) : binary_sql(s, e, ret);
}

static int
else_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct val a, b;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &a)) < 0 || (rc = expr_sql(s, e->args[1], &b)) < 0 ||
        (rc = coerce_same(s->tr, &a, &b, "?:")) < 0)
        return rc;
    ret->sql = form2(s->tr, FORM_ELSE, a.sql, b.sql);
    ret->type = a.type;
    ret->elem = a.elem;
    return 0;
}

static int
unary_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct tr *tr = s->tr;
    struct val v;
    int rc;

    if ((rc = expr_sql(s, e->args[0], &v)) < 0)
        return rc;
    if (!fits(v.type, LINQ_INT) &&
        (e->op == OP_BNOT || (v.type != LINQ_FLOAT && v.type != LINQ_DURATION)))
        return tr_fail(tr, v.e, "'%s' does not work on %s", op_mark((enum op)e->op),
                       tr_show(tr, &v));
    coerce_widen(tr, &v);
    ret->sql = form1(tr, e->op == OP_NEG ? FORM_NEG : FORM_BNOT, v.sql);
    ret->type = v.type;
    return 0;
}

typedef int (*expr_fn)(const struct scope *s, const struct expr *e, struct val *ret);

static const expr_fn OPERATORS[OP_COUNT] = {
    [OP_OR] = and_or_sql,  [OP_AND] = and_or_sql, [OP_NOT] = not_sql,     [OP_HAS] = has_sql,
    [OP_MEMBER] = in_sql,  [OP_IN] = in_sql,      [OP_IHAS] = ihas_sql,   [OP_MATCH] = binary_sql,
    [OP_ELSE] = else_sql,  [OP_BOR] = binary_sql, [OP_BXOR] = binary_sql, [OP_BAND] = binary_sql,
    [OP_SHL] = binary_sql, [OP_SHR] = binary_sql, [OP_USHR] = binary_sql, [OP_ADD] = binary_sql,
    [OP_SUB] = binary_sql, [OP_MUL] = binary_sql, [OP_DIV] = binary_sql,  [OP_RDIV] = binary_sql,
    [OP_REM] = binary_sql, [OP_MOD] = binary_sql, [OP_NEG] = unary_sql,   [OP_BNOT] = unary_sql,
    [OP_AT] = binary_sql,
};

int
expr_sql(const struct scope *s, const struct expr *e, struct val *ret)
{
    struct col *c;
    int rc = 0;

    *ret = (struct val){.sql = "NULL", .e = e};
    if (s->tr->too_big)
        return 0;
    c = frame_find_text(s->tr, s->cols, e);
    if (c != NULL) {
        use_column(c, ret);
        return 0;
    }
    switch ((enum expr_kind)e->kind) {
    case EX_COLUMN:
        rc = column_sql(s, e, ret);
        break;
    case EX_CALL:
        rc = call_sql(s, e, ret);
        break;
    case EX_CHAIN:
        rc = chain_sql(s, e, ret);
        break;
    case EX_OP:
        rc = OPERATORS[e->op](s, e, ret);
        break;
    case EX_ARRAY:
        rc = array_sql(s, e, ret);
        break;
    case EX_SET:
        rc = tr_fail(s->tr, e, "a set stands beside 'in', '->' or '<-' only");
        break;
    case EX_MAP:
        rc = tr_fail(s->tr, e, "maps are not supported");
        break;
    case EX_TUPLE:
        rc = tr_fail(s->tr, e, "tuples are not supported");
        break;
    case EX_SUBQUERY:
        rc = tr_fail(s->tr, e, "a subquery stands beside 'in', '->' or '<-' only");
        break;
    default:
        rc = literal_sql(s, e, ret);
        break;
    }
    ret->e = e;
    return rc;
}
