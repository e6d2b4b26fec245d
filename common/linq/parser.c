#include "common/linq/parser.h"

#include "common/base/buf.h"
#include "common/linq/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const RESERVED[] = {
    "from", "select", "where", "group", "every", "by",   "order", "limit", "offset", "pragma",
    "as",   "and",    "or",    "not",   "in",    "true", "false", "null",  "then",
};

static const char CLAUSES[] = "select, where, group, every, order by, limit, offset, pragma";

/* --- tokens ---------------------------------------------------------------------------------- */

const struct token *
parser_peek(const struct parser *p, size_t ahead)
{
    return &p->toks[p->pos + ahead < p->n ? p->pos + ahead : p->n - 1];
}

bool
parser_is(const struct parser *p, const char *punct)
{
    const struct token *t = parser_peek(p, 0);

    return t->kind == T_PUNCT && strcmp(t->s, punct) == 0;
}

bool
parser_is_word(const struct parser *p, const char *word)
{
    const struct token *t = parser_peek(p, 0);

    return t->kind == T_WORD && strcmp(t->s, word) == 0;
}

bool
parser_accept(struct parser *p, const char *punct)
{
    bool yes = parser_is(p, punct);

    p->pos += yes;
    return yes;
}

bool
parser_accept_word(struct parser *p, const char *word)
{
    bool yes = parser_is_word(p, word);

    p->pos += yes;
    return yes;
}

int
parser_fail(struct parser *p, const char *expected, const char *note)
{
    const struct token *t = parser_peek(p, 0);

    if (t->kind != T_BAD)
        return linq_fail_found(p->err, p->q->text, t->at, expected, note);
    if (t->at.end == t->at.off) { /* bytes that cannot be shown */
        linq_fail(p->err, p->q->text, t->at, E_INVALID, "found %s", t->s);
        p->err->found[0] = '\0';
        return E_INVALID;
    }
    linq_fail_found(p->err, p->q->text, t->at, NULL, NULL);
    linq_fail(p->err, p->q->text, t->at, E_INVALID, "found '%s', %s",
              arena_strdup(&p->q->arena, p->err->found), t->s);
    return E_INVALID;
}

int
parser_expect(struct parser *p, const char *punct, const char *expected)
{
    return parser_accept(p, punct) ? 0 : parser_fail(p, expected, NULL);
}

int
parser_enter(struct parser *p)
{
    if (++p->depth > LINQ_DEPTH_MAX)
        return linq_fail(p->err, p->q->text, parser_peek(p, 0)->at, E_INVALID,
                         "the query is nested more than %d deep", LINQ_DEPTH_MAX);
    return 0;
}

bool
parser_reserved(const char *word)
{
    for (size_t i = 0; i < ARRAY_LEN(RESERVED); i++)
        if (strcmp(word, RESERVED[i]) == 0)
            return true;
    return false;
}

/* --- parts of clauses ------------------------------------------------------------------------ */

/* A name: a word that is not reserved, or anything in backticks. */
static int
parse_name(struct parser *p, const char *expected, const char **ret)
{
    const struct token *t = parser_peek(p, 0);

    if (t->kind == T_WORD && parser_reserved(t->s))
        return parser_fail(p, expected, "a name like this is written in `backticks`");
    if (t->kind != T_WORD && t->kind != T_QUOTED)
        return parser_fail(p, expected, NULL);
    p->pos++;
    *ret = t->s;
    return 0;
}

static int
add_item(struct parser *p, struct buf *items, const struct item *it)
{
    if (++p->columns > LINQ_COLUMNS_MAX)
        return linq_fail(p->err, p->q->text, it->at, E_INVALID, "more than %d columns",
                         LINQ_COLUMNS_MAX);
    buf_append(items, it, sizeof(*it));
    return 0;
}

enum item_form {
    ITEM_SELECT, /* expr [as name], or * */
    ITEM_GROUP,  /* expr [as name] */
    ITEM_ORDER,  /* expr [asc|desc] */
    ITEM_WHERE,  /* expr */
};

static int
parse_item(struct parser *p, enum item_form form, struct item *it)
{
    size_t from = p->pos;
    int rc;

    *it = (struct item){.at = parser_peek(p, 0)->at};
    if (form == ITEM_SELECT && parser_accept(p, "*"))
        return 0;
    if ((rc = parse_expr(p, &it->e)) < 0)
        return rc;
    it->at.end = p->toks[p->pos - 1].at.end;
    it->text = it->e->kind == EX_COLUMN
                   ? it->e->s
                   : lexer_text(&p->q->arena, p->q->text, p->toks + from, p->pos - from);
    if (form == ITEM_ORDER) {
        it->desc = parser_accept_word(p, "desc");
        if (!it->desc)
            parser_accept_word(p, "asc");
    } else if (form != ITEM_WHERE && parser_accept_word(p, "as")) {
        return parse_name(p, "a name for the column", &it->alias);
    }
    return 0;
}

static int
parse_items(struct parser *p, enum item_form form, struct clause *c)
{
    struct buf items = BUF_INIT(LINQ_TEXT_MAX * sizeof(struct item));
    struct item it;
    int rc;

    do {
        if ((rc = parse_item(p, form, &it)) < 0)
            goto out;
        if (form == ITEM_WHERE)
            buf_append(&items, &it, sizeof(it));
        else if ((rc = add_item(p, &items, &it)) < 0)
            goto out;
    } while (parser_accept(p, ","));
    c->n = items.len / sizeof(it);
    c->items = arena_alloc(&p->q->arena, items.len);
    memcpy(c->items, items.data, items.len);
out:
    buf_done(&items);
    return rc;
}

static int
parse_period(struct parser *p, int64_t *ret_ms)
{
    static const char expected[] = "a period (5m, 1h, 1d), 0 or -";
    const struct token *t = parser_peek(p, 0);

    *ret_ms = 0;
    if (parser_accept(p, "-"))
        return 0;
    if ((t->kind != T_DURATION && t->kind != T_INT) || (t->kind == T_INT && t->i != 0))
        return parser_fail(p, expected, NULL);
    /* time_bucket counts in microseconds */
    if (t->i > INT64_MAX / 1000)
        return linq_fail(p->err, p->q->text, t->at, E_INVALID, "the period is too long");
    *ret_ms = t->i;
    p->pos++;
    return 0;
}

static int
parse_select(struct parser *p, struct clause *c)
{
    return parse_items(p, ITEM_SELECT, c);
}

static int
parse_where(struct parser *p, struct clause *c)
{
    return parse_items(p, ITEM_WHERE, c);
}

static int
parse_group(struct parser *p, struct clause *c)
{
    int rc;

    if (parser_accept_word(p, "every") && (rc = parse_period(p, &c->every_ms)) < 0)
        return rc;
    return parser_accept_word(p, "by") ? parse_items(p, ITEM_GROUP, c) : 0;
}

static int
parse_every(struct parser *p, struct clause *c)
{
    return parse_period(p, &c->every_ms);
}

static int
parse_order(struct parser *p, struct clause *c)
{
    if (!parser_accept_word(p, "by"))
        return parser_fail(p, "'by'", NULL);
    return parse_items(p, ITEM_ORDER, c);
}

static int
parse_number(struct parser *p, struct clause *c)
{
    const struct token *t = parser_peek(p, 0);

    if (t->kind != T_INT)
        return parser_fail(p, "a whole number", NULL);
    c->number = t->i;
    p->pos++;
    return 0;
}

/* key [":" value] {"," ...}; nothing of it is kept. A key is words joined by dots; a value is one
 * literal or name, which may have arguments in parentheses. */
static int
skip_pragma_value(struct parser *p)
{
    int open = 0;

    if (parser_is(p, "-"))
        p->pos++;
    do {
        const struct token *t = parser_peek(p, 0);

        if (t->kind == T_END || t->kind == T_BAD)
            return parser_fail(p, open > 0 ? "')'" : "the value of the pragma", NULL);
        if (open == 0 && t->kind == T_PUNCT)
            return parser_fail(p, "the value of the pragma", NULL);
        p->pos++;
        while (open == 0 && (t->kind == T_WORD || t->kind == T_QUOTED) && parser_is(p, ".")) {
            p->pos++;
            t = parser_peek(p, 0);
            p->pos += t->kind == T_WORD || t->kind == T_QUOTED;
        }
        if (open == 0 && parser_accept(p, "("))
            open = 1;
        else if (t->kind == T_PUNCT)
            open += (t->s[0] == '(') - (t->s[0] == ')');
    } while (open > 0);
    return 0;
}

static int
parse_pragma(struct parser *p, struct clause *c UNUSED)
{
    static const char expected[] = "the name of a pragma";
    const struct token *t;
    int rc;

    do {
        do {
            t = parser_peek(p, 0);
            if (t->kind != T_WORD && t->kind != T_QUOTED)
                return parser_fail(p, expected, NULL);
            p->pos++;
        } while (parser_accept(p, "."));
        if (parser_accept(p, ":") && (rc = skip_pragma_value(p)) < 0)
            return rc;
    } while (parser_accept(p, ","));
    return 0;
}

/* --- clauses --------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    int kind; /* enum clause_kind; -1: not kept */
    int (*parse)(struct parser *p, struct clause *c);
} CLAUSE_FORMS[] = {
    {"select", CL_SELECT, parse_select}, {"where", CL_WHERE, parse_where},
    {"group", CL_GROUP, parse_group},    {"every", CL_EVERY, parse_every},
    {"order", CL_ORDER, parse_order},    {"limit", CL_LIMIT, parse_number},
    {"offset", CL_OFFSET, parse_number}, {"pragma", -1, parse_pragma},
};

static void
remember_table(struct parser *p, const char *name)
{
    for (size_t i = 0; i < p->q->tables.n; i++)
        if (strcmp(p->q->tables.items[i], name) == 0)
            return;
    ptrs_add(&p->q->arena, &p->q->tables, arena_strdup(&p->q->arena, name));
}

/* Parts become folder names and identifiers of engines: no path may be built from them. */
static bool
part_is_safe(const char *s)
{
    if (s[0] == '.')
        return false;
    for (; *s != '\0'; s++)
        if (*s == '/' || *s == '\\' || (unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

static int
parse_table(struct parser *p, struct pipeline *pl)
{
    struct buf name = BUF_INIT(1024);
    const struct token *t;
    bool adjacent;
    int rc = 0;

    pl->table_at = parser_peek(p, 0)->at;
    do {
        t = parser_peek(p, 0);
        /* a.limit is a table, "a. limit 5" is a dot too much */
        adjacent = name.len > 0 && p->toks[p->pos - 1].at.end == t->at.off;
        if ((t->kind != T_WORD || (!adjacent && parser_reserved(t->s))) && t->kind != T_QUOTED) {
            rc = parser_fail(p, "the name of a table", NULL);
            goto out;
        }
        if (!part_is_safe(t->s)) {
            rc = linq_fail(p->err, p->q->text, t->at, E_INVALID,
                           "a part of a table name holds no slash and does not begin with a dot");
            goto out;
        }
        if (name.len > 0)
            buf_putc(&name, '.');
        buf_puts(&name, t->s);
        p->pos++;
    } while (parser_accept(p, "."));
    pl->table_at.end = p->toks[p->pos - 1].at.end;
    if (name.len > 255 || name.failed)
        rc = linq_fail(p->err, p->q->text, pl->table_at, E_INVALID,
                       "the name of the table is longer than 255 bytes");
    pl->table = arena_strdup(&p->q->arena, buf_str(&name));
    remember_table(p, pl->table);
out:
    buf_done(&name);
    return rc;
}

static const char *
clause_word(const void *ctx UNUSED, size_t i)
{
    return i < ARRAY_LEN(CLAUSE_FORMS) ? CLAUSE_FORMS[i].word : "from";
}

static int
fail_clause(struct parser *p, const struct pipeline *pl, bool subquery, bool in_list)
{
    const struct token *t = parser_peek(p, 0);
    char near[200], note[240] = "";
    bool first = p->pos == 0;
    const char *expected =
        first ? "from, select, where or pragma"
              : arena_printf(&p->q->arena, "%s%s%s or %s", in_list ? "an operator, ',', " : "",
                             pl->table == NULL ? "from, " : "", CLAUSES,
                             subquery ? "')' at the end of the subquery" : "the end of the query");

    if (t->kind == T_WORD && parser_is_word(p, "then"))
        return parser_fail(p, expected, "'then' is not supported");
    if (t->kind == T_WORD) {
        suggest(t->s, clause_word, NULL, ARRAY_LEN(CLAUSE_FORMS) + 1, near, sizeof(near));
        if (near[0] != '\0')
            snprintf(note, sizeof(note), "did you mean %s?", near);
    }
    return parser_fail(p, expected, note[0] != '\0' ? note : NULL);
}

/* One clause; *ret_kept false where it leaves no trace (pragma). c holds the clause before it. */
static int
parse_clause(struct parser *p, const struct pipeline *pl, bool subquery, struct clause *c,
             bool *ret_kept)
{
    for (size_t i = 0; i < ARRAY_LEN(CLAUSE_FORMS); i++) {
        if (!parser_is_word(p, CLAUSE_FORMS[i].word))
            continue;
        *c = (struct clause){.at = parser_peek(p, 0)->at, .every_ms = EVERY_ABSENT};
        p->pos++;
        *ret_kept = CLAUSE_FORMS[i].kind >= 0;
        if (*ret_kept)
            c->kind = (enum clause_kind)CLAUSE_FORMS[i].kind;
        return CLAUSE_FORMS[i].parse(p, c);
    }
    return fail_clause(p, pl, subquery, c->n > 0);
}

static int
parse_from(struct parser *p, struct pipeline *pl, struct place at)
{
    if (pl->table != NULL)
        return linq_fail(p->err, p->q->text, at, E_INVALID,
                         "a second 'from': a query reads one table (a subquery stands in "
                         "parentheses)");
    return parse_table(p, pl);
}

/* `every` says the period of the group before it. */
static int
check_every(struct parser *p, const struct pipeline *pl)
{
    bool grouped = false;

    for (size_t i = 0; i < pl->n; i++) {
        const struct clause *c = &pl->clauses[i];

        if (c->kind == CL_GROUP)
            grouped = true;
        if (c->kind == CL_EVERY && !grouped && c->every_ms > 0)
            return linq_fail(p->err, p->q->text, c->at, E_INVALID,
                             "'every' without a group before it: write group every ...");
    }
    return 0;
}

int
parse_pipeline(struct parser *p, bool subquery, struct pipeline **ret)
{
    struct pipeline *pl = arena_alloc(&p->q->arena, sizeof(*pl));
    struct buf clauses = BUF_INIT(LINQ_TEXT_MAX * sizeof(struct clause));
    struct clause c = {0};
    int rc;
    bool kept = false;

    if ((rc = parser_enter(p)) < 0)
        goto out;
    for (;;) {
        const struct token *t = parser_peek(p, 0);

        if (t->kind == T_END || (subquery ? parser_is(p, ")") : parser_is(p, ";")))
            break;
        if (parser_accept_word(p, "from")) {
            rc = parse_from(p, pl, t->at);
            c.n = 0;
        } else {
            rc = parse_clause(p, pl, subquery, &c, &kept);
            if (rc == 0 && kept)
                buf_append(&clauses, &c, sizeof(c));
        }
        if (rc < 0)
            goto out;
    }
    if (pl->table == NULL) {
        rc = parser_fail(p, "from and the name of a table", NULL);
        goto out;
    }
    pl->n = clauses.len / sizeof(c);
    pl->clauses = arena_alloc(&p->q->arena, clauses.len);
    if (pl->n > 0)
        memcpy(pl->clauses, clauses.data, clauses.len);
    for (size_t i = 0; i < pl->n; i++)
        for (size_t k = 0; k < pl->clauses[i].n; k++)
            if (pl->clauses[i].items[k].e != NULL && pl->clauses[i].items[k].e->depth > pl->depth)
                pl->depth = pl->clauses[i].items[k].e->depth;
    rc = check_every(p, pl);
    p->depth--;
    *ret = pl;
out:
    buf_done(&clauses);
    return rc;
}

/* --- entry ----------------------------------------------------------------------------------- */

/* The main table first: a subquery may stand in front of it in the text. */
static void
main_table_first(struct linq_query *q)
{
    for (size_t i = 1; i < q->tables.n; i++)
        if (strcmp(q->tables.items[i], q->main->table) == 0) {
            void *main_table = q->tables.items[i];

            memmove(&q->tables.items[1], &q->tables.items[0], i * sizeof(void *));
            q->tables.items[0] = main_table;
        }
}

int
linq_parse(const char *text, size_t len, struct linq_query **ret, struct linq_error *err)
{
    struct linq_query *q;
    struct parser p;
    int rc;

    memset(err, 0, sizeof(*err));
    if (len > LINQ_TEXT_MAX)
        return linq_fail(err, "", (struct place){0}, E_INVALID,
                         "the query has %zu bytes; the limit is %d", len, LINQ_TEXT_MAX);
    q = mem_zalloc(sizeof(*q));
    q->text = arena_strndup(&q->arena, text, len);
    p = (struct parser){.q = q, .err = err};
    p.toks = lexer_run(&q->arena, q->text, len, &p.n);
    if ((rc = parse_pipeline(&p, false, &q->main)) < 0)
        goto out;
    parser_accept(&p, ";");
    if (parser_peek(&p, 0)->kind != T_END) {
        rc = parser_fail(&p, "the end of the query", NULL);
        goto out;
    }
    main_table_first(q);
    *ret = q;
out:
    free(p.toks);
    if (rc < 0)
        linq_free(q);
    return rc;
}

void
linq_free(struct linq_query *q)
{
    if (q == NULL)
        return;
    arena_done(&q->arena);
    free(q);
}

size_t
linq_table_count(const struct linq_query *q)
{
    return q->tables.n;
}

const char *
linq_table_name(const struct linq_query *q, size_t i)
{
    return i < q->tables.n ? q->tables.items[i] : NULL;
}
