#include "common/linq/parser.h"

#include "common/linq/functions.h"
#include "common/linq/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Loosest first. Comparisons are one level: a <= b < c is a chain. */
enum precedence {
    PREC_OR = 1,
    PREC_AND,
    PREC_NOT,
    PREC_COMPARE,
    PREC_ELSE,
    PREC_BOR,
    PREC_BXOR,
    PREC_BAND,
    PREC_SHIFT,
    PREC_SUM,
    PREC_PRODUCT,
};

static const struct infix {
    const char *mark;
    enum op op;
    int prec;
} INFIX[] = {
    {"=", OP_EQ, PREC_COMPARE},     {"==", OP_EQ, PREC_COMPARE},     {"!=", OP_NE, PREC_COMPARE},
    {"/=", OP_NE, PREC_COMPARE},    {"<", OP_LT, PREC_COMPARE},      {"<=", OP_LE, PREC_COMPARE},
    {">", OP_GT, PREC_COMPARE},     {">=", OP_GE, PREC_COMPARE},     {"->", OP_HAS, PREC_COMPARE},
    {"->>", OP_IHAS, PREC_COMPARE}, {"<-", OP_MEMBER, PREC_COMPARE}, {"~", OP_MATCH, PREC_COMPARE},
    {"?:", OP_ELSE, PREC_ELSE},     {"|", OP_BOR, PREC_BOR},         {"^", OP_BXOR, PREC_BXOR},
    {"&", OP_BAND, PREC_BAND},      {"<<", OP_SHL, PREC_SHIFT},      {">>", OP_SHR, PREC_SHIFT},
    {">>>", OP_USHR, PREC_SHIFT},   {"+", OP_ADD, PREC_SUM},         {"-", OP_SUB, PREC_SUM},
    {"*", OP_MUL, PREC_PRODUCT},    {"/", OP_DIV, PREC_PRODUCT},     {"\\", OP_RDIV, PREC_PRODUCT},
    {"%", OP_REM, PREC_PRODUCT},    {"%%", OP_MOD, PREC_PRODUCT},
};

static const struct infix INFIX_WORDS[] = {
    {"or", OP_OR, PREC_OR},
    {"and", OP_AND, PREC_AND},
    {"in", OP_IN, PREC_COMPARE},
};

static const char EXPRESSION[] = "an expression (a column, a value or a function)";

static int parse_prec(struct parser *p, int min, struct expr **ret);

static struct expr *
new_expr(struct parser *p, enum expr_kind kind, struct place at)
{
    struct expr *e = arena_alloc(&p->q->arena, sizeof(*e));

    e->kind = (unsigned char)kind;
    e->depth = 1;
    e->at = at;
    return e;
}

/* Closes a node: its place ends where the last token ended, its depth follows from its parts. */
static int
finish(struct parser *p, struct expr *e, struct expr **ret)
{
    int below = e->kind == EX_SUBQUERY ? e->sub->depth : 0;

    for (size_t i = 0; i < e->n; i++)
        if (e->args[i]->depth > below)
            below = e->args[i]->depth;
    e->depth = (short)(below + 1);
    if (p->pos > 0)
        e->at.end = p->toks[p->pos - 1].at.end;
    if (e->depth > LINQ_DEPTH_MAX)
        return linq_fail(p->err, p->q->text, e->at, E_INVALID,
                         "the expression is nested more than %d deep", LINQ_DEPTH_MAX);
    *ret = e;
    return 0;
}

static void
set_args(struct parser *p, struct expr *e, struct ptrs *args)
{
    e->n = (uint32_t)args->n;
    e->args = arena_alloc(&p->q->arena, (args->n + 1) * sizeof(*e->args));
    for (size_t i = 0; i < args->n; i++)
        e->args[i] = args->items[i];
}

static struct expr *
new_op(struct parser *p, enum op op, struct place at, struct expr *a, struct expr *b)
{
    struct expr *e = new_expr(p, EX_OP, at);
    struct ptrs args = {0};

    e->op = (unsigned char)op;
    ptrs_add(&p->q->arena, &args, a);
    if (b != NULL)
        ptrs_add(&p->q->arena, &args, b);
    set_args(p, e, &args);
    return e;
}

/* `a, b, c` up to the closing mark, which is eaten. */
static int
parse_list(struct parser *p, const char *close, const char *expected, struct ptrs *args)
{
    struct expr *e;
    int rc;

    if (parser_accept(p, close))
        return 0;
    for (;;) {
        if ((rc = parse_expr(p, &e)) < 0)
            return rc;
        ptrs_add(&p->q->arena, args, e);
        if (parser_accept(p, close))
            return 0;
        if (!parser_accept(p, ","))
            return parser_fail(p, expected, NULL);
    }
}

/* --- calls ----------------------------------------------------------------------------------- */

static int
fail_unknown(struct parser *p, const struct token *name)
{
    char near[200], note[280];
    const char *reason = func_refused(name->s);

    if (reason != NULL)
        return linq_fail(p->err, p->q->text, name->at, E_INVALID,
                         "function '%.60s' is not supported: %s", name->s, reason);
    suggest(name->s, func_served_name, NULL, func_served_count(), near, sizeof(near));
    snprintf(note, sizeof(note), "%s%s%s", near[0] != '\0' ? "; did you mean " : "", near,
             near[0] != '\0' ? "?" : "");
    linq_fail(p->err, p->q->text, name->at, E_INVALID, "unknown function '%.60s'%s", name->s, note);
    snprintf(p->err->expected, sizeof(p->err->expected), "%s", near);
    return E_INVALID;
}

static int
fail_arity(struct parser *p, const struct token *name, size_t got, const char *signature)
{
    linq_fail(p->err, p->q->text, name->at, E_INVALID,
              "%.60s with %zu argument%s: it is called as %s", name->s, got, got == 1 ? "" : "s",
              signature);
    snprintf(p->err->expected, sizeof(p->err->expected), "%s", signature);
    return E_INVALID;
}

/* eq(a, b) and the like: the operator that they stand for. */
static int
operator_call(struct parser *p, const struct token *name, const struct func_op *f,
              struct ptrs *args, struct expr **ret)
{
    struct expr *e;

    if (f->args > 0 ? args->n != (size_t)f->args : args->n < 2)
        return fail_arity(p, name, args->n,
                          arena_printf(&p->q->arena, "%s(%s)", f->name,
                                       f->args == 1   ? "any"
                                       : f->args == 2 ? "any, any"
                                       : f->args < 0  ? "any, any, ..."
                                                      : "bool, bool, ..."));
    e = new_expr(p, EX_OP, name->at);
    e->op = (unsigned char)f->op;
    set_args(p, e, args);
    if (f->op >= OP_EQ && f->op <= OP_GE) {
        e->kind = EX_CHAIN;
        e->ops = &e->op;
    }
    return finish(p, e, ret);
}

static int
parse_call(struct parser *p, const struct token *name, struct expr **ret)
{
    const struct linq_func *fn = func_find(name->s);
    const struct func_op *op = func_find_op(name->s);
    struct ptrs args = {0};
    struct expr *e;
    int rc, min, max;

    if (fn == NULL && op == NULL)
        return fail_unknown(p, name);
    if ((rc = parser_expect(p, "(", "'('")) < 0 ||
        (rc = parse_list(p, ")", "',' or ')'", &args)) < 0)
        return rc;
    if (op != NULL)
        return operator_call(p, name, op, &args, ret);
    func_arity(fn, &min, &max);
    if (args.n < (size_t)min || args.n > (size_t)max)
        return fail_arity(p, name, args.n, func_signature(&p->q->arena, fn));
    e = new_expr(p, EX_CALL, name->at);
    e->fn = fn;
    set_args(p, e, &args);
    return finish(p, e, ret);
}

/* --- primaries ------------------------------------------------------------------------------- */

static bool
starts_subquery(const struct parser *p)
{
    return parser_is_word(p, "from") || parser_is_word(p, "select") || parser_is_word(p, "where");
}

/* Behind '(': a subquery, an expression, or a tuple. */
static int
parse_paren(struct parser *p, struct place at, struct expr **ret)
{
    struct ptrs args = {0};
    struct pipeline *sub;
    struct expr *e;
    int rc;

    if (starts_subquery(p)) {
        if ((rc = parse_pipeline(p, true, &sub)) < 0 ||
            (rc = parser_expect(p, ")", "a clause, or ')' at the end of the subquery")) < 0)
            return rc;
        e = new_expr(p, EX_SUBQUERY, at);
        e->sub = sub;
        return finish(p, e, ret);
    }
    if (parser_is(p, ")"))
        return parser_fail(p, EXPRESSION, NULL);
    if ((rc = parse_list(p, ")", "an operator, ',' or ')'", &args)) < 0)
        return rc;
    if (args.n == 1) {
        *ret = args.items[0];
        return 0;
    }
    e = new_expr(p, EX_TUPLE, at);
    set_args(p, e, &args);
    return finish(p, e, ret);
}

/* Behind '{': {a, b} or {k: v, l: w}. */
static int
parse_braces(struct parser *p, struct place at, struct expr **ret)
{
    struct expr *e = new_expr(p, EX_SET, at), *part;
    struct ptrs args = {0};
    int rc;

    while (!parser_accept(p, "}")) {
        if (args.n > 0 && (rc = parser_expect(p, ",", "',' or '}'")) < 0)
            return rc;
        if ((rc = parse_expr(p, &part)) < 0)
            return rc;
        ptrs_add(&p->q->arena, &args, part);
        if (args.n == 1 && parser_is(p, ":"))
            e->kind = EX_MAP;
        if (e->kind == EX_MAP) {
            if ((rc = parser_expect(p, ":", "':' and a value")) < 0 ||
                (rc = parse_expr(p, &part)) < 0)
                return rc;
            ptrs_add(&p->q->arena, &args, part);
        }
    }
    set_args(p, e, &args);
    return finish(p, e, ret);
}

static int
parse_punct(struct parser *p, const struct token *t, struct expr **ret)
{
    struct ptrs args = {0};
    struct expr *e;
    int rc;

    if (parser_accept(p, "("))
        return parse_paren(p, t->at, ret);
    if (parser_accept(p, "{"))
        return parse_braces(p, t->at, ret);
    if (parser_accept(p, "[")) {
        if ((rc = parse_list(p, "]", "',' or ']'", &args)) < 0)
            return rc;
        e = new_expr(p, EX_ARRAY, t->at);
        set_args(p, e, &args);
        return finish(p, e, ret);
    }
    if (parser_is(p, "?"))
        return parser_fail(p, EXPRESSION, "parameters are not supported");
    return parser_fail(p, EXPRESSION, NULL);
}

static int
parse_word(struct parser *p, const struct token *t, struct expr **ret)
{
    static const struct {
        const char *word;
        enum expr_kind kind;
        int64_t i;
    } constants[] = {{"true", EX_BOOL, 1}, {"false", EX_BOOL, 0}, {"null", EX_NULL, 0}};
    const struct token *next = parser_peek(p, 1);
    bool call = next->kind == T_PUNCT && strcmp(next->s, "(") == 0;
    bool operator_word = call && func_find_op(t->s) != NULL;
    struct expr *e;

    for (size_t i = 0; t->kind == T_WORD && i < ARRAY_LEN(constants); i++)
        if (strcmp(t->s, constants[i].word) == 0) {
            e = new_expr(p, constants[i].kind, t->at);
            e->i = constants[i].i;
            p->pos++;
            return finish(p, e, ret);
        }
    if (t->kind == T_WORD && parser_reserved(t->s) && !operator_word)
        return parser_fail(p, EXPRESSION, "a column of that name is written in `backticks`");
    p->pos++;
    if (call && (t->kind == T_WORD || func_find(t->s) != NULL || func_find_op(t->s) != NULL))
        return parse_call(p, t, ret);
    e = new_expr(p, EX_COLUMN, t->at);
    e->s = t->s;
    return finish(p, e, ret);
}

static int
parse_primary(struct parser *p, struct expr **ret)
{
    static const unsigned char literals[] = {
        [T_STR] = EX_STR,           [T_INT] = EX_INT, [T_FLOAT] = EX_FLOAT,
        [T_DURATION] = EX_DURATION, [T_IP4] = EX_IP4, [T_NET4] = EX_NET4,
    };
    const struct token *t = parser_peek(p, 0);
    struct expr *e;

    switch ((enum token_kind)t->kind) {
    case T_STR:
    case T_INT:
    case T_FLOAT:
    case T_DURATION:
    case T_IP4:
    case T_NET4:
        e = new_expr(p, (enum expr_kind)literals[t->kind], t->at);
        if (t->kind == T_STR)
            e->s = t->s;
        else if (t->kind == T_FLOAT)
            e->d = t->d;
        else
            e->i = t->i;
        e->bits = t->bits;
        p->pos++;
        return finish(p, e, ret);
    case T_WORD:
    case T_QUOTED:
        return parse_word(p, t, ret);
    case T_PUNCT:
        return parse_punct(p, t, ret);
    case T_END:
    case T_BAD:
        break;
    }
    return parser_fail(p, EXPRESSION, NULL);
}

static int
parse_postfix(struct parser *p, struct expr **ret)
{
    struct place at = parser_peek(p, 0)->at;
    struct expr *e, *index;
    int rc;

    if ((rc = parse_primary(p, &e)) < 0)
        return rc;
    while (parser_accept(p, "[")) {
        if ((rc = parse_expr(p, &index)) < 0 || (rc = parser_expect(p, "]", "']'")) < 0)
            return rc;
        if ((rc = finish(p, new_op(p, OP_AT, at, e, index), &e)) < 0)
            return rc;
    }
    *ret = e;
    return 0;
}

/* --- operators ------------------------------------------------------------------------------- */

/* Prefix operators: -x and ~x bind tighter than any infix one, `not` looser than comparisons. */
static int
parse_prefix(struct parser *p, struct expr **ret)
{
    const struct token *t = parser_peek(p, 0);
    enum op op = OP_NONE;
    struct expr *e;
    int rc;

    if ((rc = parser_enter(p)) < 0)
        return rc;
    if (parser_accept(p, "-"))
        op = OP_NEG;
    else if (parser_accept(p, "~"))
        op = OP_BNOT;
    else if (parser_accept_word(p, "not"))
        op = OP_NOT;
    if (op == OP_NONE)
        rc = parse_postfix(p, &e);
    else
        rc = op == OP_NOT ? parse_prec(p, PREC_COMPARE, &e) : parse_prefix(p, &e);
    if (rc == 0 && op == OP_NEG && (e->kind == EX_INT || e->kind == EX_FLOAT)) {
        if (e->kind == EX_INT)
            e->i = -e->i;
        else
            e->d = -e->d;
        e->at.off = t->at.off;
        e->at.line = t->at.line;
        e->at.column = t->at.column;
    } else if (rc == 0 && op != OP_NONE) {
        rc = finish(p, new_op(p, op, t->at, e, NULL), &e);
    }
    p->depth--;
    *ret = rc == 0 ? e : NULL;
    return rc;
}

static const struct infix *
peek_infix(const struct parser *p)
{
    const struct token *t = parser_peek(p, 0);

    if (t->kind == T_PUNCT)
        for (size_t i = 0; i < ARRAY_LEN(INFIX); i++)
            if (t->s[0] == INFIX[i].mark[0] && strcmp(t->s, INFIX[i].mark) == 0)
                return &INFIX[i];
    if (t->kind == T_WORD)
        for (size_t i = 0; i < ARRAY_LEN(INFIX_WORDS); i++)
            if (t->s[0] == INFIX_WORDS[i].mark[0] && strcmp(t->s, INFIX_WORDS[i].mark) == 0)
                return &INFIX_WORDS[i];
    return NULL;
}

/* `a op b op c ...` of equal and/or: one flat node. The first operand is parsed already. */
static int
parse_flat(struct parser *p, const struct infix *in, struct place at, struct expr **inout)
{
    struct expr *e = new_expr(p, EX_OP, at), *part;
    struct ptrs args = {0};
    int rc;

    e->op = (unsigned char)in->op;
    ptrs_add(&p->q->arena, &args, *inout);
    while (parser_accept_word(p, in->mark)) {
        if ((rc = parse_prec(p, in->prec + 1, &part)) < 0)
            return rc;
        ptrs_add(&p->q->arena, &args, part);
    }
    set_args(p, e, &args);
    return finish(p, e, inout);
}

static bool
is_order(const struct infix *in)
{
    return in != NULL && in->op >= OP_EQ && in->op <= OP_GE;
}

/* `a <= b < c ...`: one flat node. */
static int
parse_chain(struct parser *p, struct place at, struct expr **inout)
{
    struct expr *e = new_expr(p, EX_CHAIN, at), *part;
    const struct infix *in;
    struct ptrs args = {0}, ops = {0};
    unsigned char *list;
    int rc;

    ptrs_add(&p->q->arena, &args, *inout);
    while (is_order(in = peek_infix(p))) {
        p->pos++;
        if ((rc = parse_prec(p, PREC_COMPARE + 1, &part)) < 0)
            return rc;
        ptrs_add(&p->q->arena, &args, part);
        ptrs_add(&p->q->arena, &ops, (void *)(uintptr_t)in);
    }
    set_args(p, e, &args);
    e->ops = list = arena_alloc(&p->q->arena, ops.n);
    for (size_t i = 0; i < ops.n; i++)
        list[i] = (unsigned char)((const struct infix *)ops.items[i])->op;
    return finish(p, e, inout);
}

/* `a not in b`. */
static int
parse_not_in(struct parser *p, struct place at, struct expr **inout)
{
    struct expr *right, *in;
    int rc;

    p->pos += 2;
    if ((rc = parse_prec(p, PREC_COMPARE + 1, &right)) < 0 ||
        (rc = finish(p, new_op(p, OP_IN, at, *inout, right), &in)) < 0)
        return rc;
    return finish(p, new_op(p, OP_NOT, at, in, NULL), inout);
}

static bool
is_not_in(const struct parser *p)
{
    const struct token *t = parser_peek(p, 1);

    return parser_is_word(p, "not") && t->kind == T_WORD && strcmp(t->s, "in") == 0;
}

/* Precedence climbing: operators that bind at least as tight as min. */
static int
parse_prec(struct parser *p, int min, struct expr **ret)
{
    struct place at = parser_peek(p, 0)->at;
    const struct infix *in;
    struct expr *e, *right;
    int rc;

    if ((rc = parse_prefix(p, &e)) < 0)
        return rc;
    for (;;) {
        if (min <= PREC_COMPARE && is_not_in(p)) {
            if ((rc = parse_not_in(p, at, &e)) < 0)
                return rc;
            continue;
        }
        in = peek_infix(p);
        if (in == NULL || in->prec < min)
            break;
        if (in->prec <= PREC_AND) {
            rc = parse_flat(p, in, at, &e);
        } else if (is_order(in)) {
            rc = parse_chain(p, at, &e);
        } else {
            p->pos++;
            if ((rc = parse_prec(p, in->prec + 1, &right)) == 0)
                rc = finish(p, new_op(p, in->op, at, e, right), &e);
        }
        if (rc < 0)
            return rc;
    }
    *ret = e;
    return 0;
}

int
parse_expr(struct parser *p, struct expr **ret)
{
    return parse_prec(p, PREC_OR, ret);
}
