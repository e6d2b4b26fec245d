#include "common/linq/explain.h"

#include "common/linq/ast.h"
#include "common/linq/functions.h"

#include <inttypes.h>
#include <string.h>

#define LINE_BEFORE 60 /* characters of a line that are shown before the place, and behind it */

/* --- the tree -------------------------------------------------------------------------------- */

static const char *const OP_NAMES[OP_COUNT] = {
    [OP_OR] = "or",        [OP_AND] = "and",       [OP_NOT] = "not",  [OP_EQ] = "=",
    [OP_NE] = "!=",        [OP_LT] = "<",          [OP_LE] = "<=",    [OP_GT] = ">",
    [OP_GE] = ">=",        [OP_HAS] = "->",        [OP_IHAS] = "->>", [OP_MEMBER] = "<-",
    [OP_IN] = "in",        [OP_MATCH] = "~",       [OP_ELSE] = "?:",  [OP_BOR] = "|",
    [OP_BXOR] = "^",       [OP_BAND] = "&",        [OP_SHL] = "<<",   [OP_SHR] = ">>",
    [OP_USHR] = ">>>",     [OP_ADD] = "+",         [OP_SUB] = "-",    [OP_MUL] = "*",
    [OP_DIV] = "/",        [OP_RDIV] = "\\",       [OP_REM] = "%",    [OP_MOD] = "%%",
    [OP_NEG] = "- (sign)", [OP_BNOT] = "~ (bits)", [OP_AT] = "[]",
};

static const char *const CLAUSE_NAMES[] = {
    [CL_SELECT] = "select", [CL_WHERE] = "where", [CL_GROUP] = "group",   [CL_EVERY] = "every",
    [CL_ORDER] = "order",   [CL_LIMIT] = "limit", [CL_OFFSET] = "offset",
};

static const char *const LIST_NAMES[] = {
    [EX_ARRAY] = "array",
    [EX_SET] = "set",
    [EX_MAP] = "map",
    [EX_TUPLE] = "tuple",
};

static void
indent(struct buf *out, int level)
{
    for (int i = 0; i < level; i++)
        buf_puts(out, "  ");
}

/* Text of the query, so that a line stays one. */
static void
put_quoted(struct buf *out, const char *s)
{
    buf_putc(out, '"');
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            buf_putc(out, '\\');
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            buf_printf(out, "\\u%04x", (unsigned)(unsigned char)*s);
        else
            buf_putc(out, *s);
    }
    buf_putc(out, '"');
}

static void
put_ip(struct buf *out, int64_t ip)
{
    buf_printf(out, "%d.%d.%d.%d", (int)(ip >> 24 & 255), (int)(ip >> 16 & 255),
               (int)(ip >> 8 & 255), (int)(ip & 255));
}

static void
put_literal(struct buf *out, const struct expr *e)
{
    switch ((enum expr_kind)e->kind) {
    case EX_NULL:
        buf_puts(out, "null");
        break;
    case EX_BOOL:
        buf_printf(out, "bool %s", e->i != 0 ? "true" : "false");
        break;
    case EX_INT:
        buf_printf(out, "int %" PRId64, e->i);
        break;
    case EX_FLOAT:
        buf_printf(out, "float %.17g", e->d);
        break;
    case EX_STR:
        buf_puts(out, "str ");
        put_quoted(out, e->s);
        break;
    case EX_DURATION:
        buf_printf(out, "duration %" PRId64 "ms", e->i);
        break;
    case EX_IP4:
        buf_puts(out, "ip4 ");
        put_ip(out, e->i);
        break;
    default:
        buf_puts(out, "net4 ");
        put_ip(out, e->i);
        buf_printf(out, "/%d", e->bits);
        break;
    }
}

static void put_pipeline(struct buf *out, const struct pipeline *pl, int level);

static void
put_chain(struct buf *out, const struct expr *e)
{
    buf_puts(out, e->n == 2 ? "compare" : "compare in a chain");
    for (size_t i = 0; i + 1 < e->n; i++)
        buf_printf(out, " %s", OP_NAMES[e->ops[i]]);
}

static void
put_expr(struct buf *out, const struct expr *e, int level)
{
    if (out->failed)
        return;
    indent(out, level);
    switch ((enum expr_kind)e->kind) {
    case EX_COLUMN:
        buf_puts(out, "column ");
        put_quoted(out, e->s);
        break;
    case EX_CALL:
        buf_printf(out, "%s %s", (e->fn->flags & FN_AGG) != 0 ? "aggregate" : "function",
                   e->fn->name);
        break;
    case EX_OP:
        buf_printf(out, "operator %s", OP_NAMES[e->op]);
        break;
    case EX_CHAIN:
        put_chain(out, e);
        break;
    case EX_ARRAY:
    case EX_SET:
    case EX_MAP:
    case EX_TUPLE:
        buf_puts(out, LIST_NAMES[e->kind]);
        break;
    case EX_SUBQUERY:
        buf_puts(out, "subquery\n");
        put_pipeline(out, e->sub, level + 1);
        return;
    default:
        put_literal(out, e);
        break;
    }
    buf_putc(out, '\n');
    for (size_t i = 0; i < e->n; i++)
        put_expr(out, e->args[i], level + 1);
}

static void
put_item(struct buf *out, const struct item *it, int level)
{
    if (it->e == NULL) {
        indent(out, level);
        buf_puts(out, "*\n");
        return;
    }
    if (it->alias != NULL || it->desc) {
        indent(out, level);
        if (it->alias != NULL) {
            buf_puts(out, "as ");
            put_quoted(out, it->alias);
        } else {
            buf_puts(out, "descending");
        }
        buf_putc(out, '\n');
        level++;
    }
    put_expr(out, it->e, level);
}

static void
put_clause(struct buf *out, const struct clause *c, int level)
{
    indent(out, level);
    buf_puts(out, CLAUSE_NAMES[c->kind]);
    if (c->kind == CL_LIMIT || c->kind == CL_OFFSET)
        buf_printf(out, " %" PRId64, c->number);
    if ((c->kind == CL_GROUP || c->kind == CL_EVERY) && c->every_ms != EVERY_ABSENT)
        buf_printf(out, "%s %" PRId64 "ms", c->kind == CL_GROUP ? " every" : "", c->every_ms);
    buf_putc(out, '\n');
    for (size_t i = 0; i < c->n; i++)
        put_item(out, &c->items[i], level + 1);
}

static void
put_pipeline(struct buf *out, const struct pipeline *pl, int level)
{
    indent(out, level);
    buf_puts(out, "from ");
    put_quoted(out, pl->table);
    buf_putc(out, '\n');
    for (size_t i = 0; i < pl->n && !out->failed; i++)
        put_clause(out, &pl->clauses[i], level);
}

/* --- the class ------------------------------------------------------------------------------- */

/* As expr_find_aggregate of the translator, which needs no columns either. */
static bool
has_aggregate(const struct expr *e)
{
    bool yes = e->kind == EX_CALL && (e->fn->flags & FN_AGG) != 0;

    for (size_t i = 0; i < e->n && !yes; i++)
        yes = has_aggregate(e->args[i]);
    return yes;
}

enum linq_class
linq_class_of(const struct linq_query *q)
{
    const struct pipeline *pl = q->main;

    for (size_t i = 0; i < pl->n; i++) {
        const struct clause *c = &pl->clauses[i];

        if (c->kind == CL_GROUP || c->kind == CL_ORDER)
            return LINQ_MATERIALISED;
        for (size_t k = 0; c->kind == CL_SELECT && k < c->n; k++)
            if (c->items[k].e != NULL && has_aggregate(c->items[k].e))
                return LINQ_MATERIALISED;
    }
    return LINQ_ROW_WISE;
}

const char *
linq_class_name(enum linq_class c)
{
    return c == LINQ_ROW_WISE ? "row-wise" : "materialised";
}

int
linq_explain_brief(const struct linq_query *q, struct buf *out)
{
    buf_puts(out, "tables: ");
    for (size_t i = 0; i < linq_table_count(q); i++)
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", linq_table_name(q, i));
    buf_printf(out, "\nclass: %s\n", linq_class_name(linq_class_of(q)));
    return out->failed ? E_NOSPACE : 0;
}

int
linq_explain(const struct linq_query *q, struct buf *out)
{
    buf_puts(out, "tree:\n");
    put_pipeline(out, q->main, 1);
    return linq_explain_brief(q, out);
}

/* --- the place of an error ------------------------------------------------------------------- */

static bool
starts_character(char c)
{
    return ((unsigned char)c & 0xc0) != 0x80;
}

/* Bytes of the character at p. */
static size_t
character(const char *p, const char *end)
{
    size_t n = 1;

    while (p + n < end && !starts_character(p[n]))
        n++;
    return n;
}

void
linq_error_caret(const char *text, size_t len, const struct linq_error *err, struct buf *out)
{
    const char *line = text, *end = text + len, *p;
    struct buf below = BUF_INIT(4096);
    int column = 1;

    if (err->line < 1 || err->column < 1)
        return;
    for (int i = 1; i < err->line; i++) {
        p = memchr(line, '\n', (size_t)(end - line));
        if (p == NULL)
            return;
        line = p + 1;
    }
    p = memchr(line, '\n', (size_t)(end - line));
    if (p != NULL)
        end = p;
    for (p = line; p < end && column <= err->column + LINE_BEFORE; column++) {
        size_t n = character(p, end);
        bool control = (unsigned char)*p < 0x20 || *p == 0x7f;

        if (column >= err->column - LINE_BEFORE) {
            if (control && *p != '\t')
                buf_putc(out, '.');
            else
                buf_append(out, p, n);
            if (column < err->column)
                buf_putc(&below, *p == '\t' ? '\t' : ' ');
        }
        p += n;
    }
    buf_printf(out, "\n%s^\n", buf_str(&below));
    buf_done(&below);
}
