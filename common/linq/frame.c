#include "common/linq/translate.h"

#include "common/linq/civil.h"
#include "common/linq/lexer.h"
#include "common/linq/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

struct col *
frame_find(const struct ptrs *cols, const char *name)
{
    for (size_t i = 0; i < cols->n; i++) {
        struct col *c = cols->items[i];

        if (c->name != NULL && strcmp(c->name, name) == 0)
            return c;
    }
    return NULL;
}

/* The text of e, blanks made even as in a column's name. */
static const char *
even_text(struct tr *tr, const struct expr *e)
{
    const char *written = tr->q->text + e->at.off, *even;
    size_t n;
    struct token *toks = lexer_run(&tr->arena, written, e->at.end - e->at.off, &n);

    even = lexer_text(&tr->arena, written, toks, n - 1);
    free(toks);
    return even;
}

struct col *
frame_find_text(struct tr *tr, const struct ptrs *cols, const struct expr *e)
{
    const char *written = tr->q->text + e->at.off, *even = NULL;

    if (e->kind != EX_CALL && e->kind != EX_OP && e->kind != EX_CHAIN)
        return NULL;
    for (size_t i = 0; i < cols->n; i++) {
        struct col *c = cols->items[i];

        if (c->text == NULL || c->text[0] != written[0])
            continue;
        if (even == NULL) {
            even = even_text(tr, e);
        }
        if (strcmp(c->text, even) == 0)
            return c;
    }
    return NULL;
}

struct col *
frame_time(const struct frame *f)
{
    for (size_t i = 0; i < f->top->cols.n; i++) {
        struct col *c = f->top->cols.items[i];

        if (c->is_time && c->name != NULL)
            return c;
    }
    return NULL;
}

bool
frame_has_computed(const struct level *l)
{
    for (size_t i = 0; i < l->cols.n; i++)
        if (!((struct col *)l->cols.items[i])->plain)
            return true;
    return false;
}

bool
frame_is_cut(const struct level *l)
{
    return l->limit >= 0 || l->offset >= 0;
}

static const char *
column_ref(struct tr *tr, const char *alias)
{
    return arena_printf(&tr->arena, "t.%s", form_ident(tr, alias));
}

/* An SQL name that no other column of the level has: engines ignore case, the language does not. */
static const char *
unique_alias(struct tr *tr, const struct level *l, const char *want)
{
    const char *alias = want;
    bool taken;
    int k = 1;

    do {
        taken = false;
        for (size_t i = 0; i < l->cols.n && !taken; i++)
            taken = strcasecmp(((struct col *)l->cols.items[i])->alias, alias) == 0;
        if (taken)
            alias = arena_printf(&tr->arena, "%s_%d", want, ++k);
    } while (taken);
    return alias;
}

static struct level *
new_level(struct tr *tr, struct level *below)
{
    struct level *l = arena_alloc(&tr->arena, sizeof(*l));

    l->below = below;
    l->limit = l->offset = -1;
    l->height = below != NULL ? below->height + 1 : 1;
    return l;
}

/* The time range on the lowest level, so that the engine prunes by it. */
static void
add_range(struct frame *f, const struct col *time)
{
    struct tr *tr = f->tr;
    int64_t from = tr->binding->from_ms, to = tr->binding->to_ms;

    if (from > CIVIL_MIN_MS)
        ptrs_add(&tr->arena, &f->top->where,
                 (void *)(uintptr_t)form2(tr, FORM_GE, time->sql, form_time(tr, from)));
    if (to <= CIVIL_MAX_MS)
        ptrs_add(&tr->arena, &f->top->where,
                 (void *)(uintptr_t)form2(tr, FORM_LT, time->sql, form_time(tr, to)));
}

static int
ask_catalog(struct frame *f, const struct linq_column **ret, size_t *ret_n)
{
    struct tr *tr = f->tr;
    struct errinfo ei = ERRINFO_INIT;
    int rc = tr->catalog->columns(tr->catalog->ctx, f->pl->table, ret, ret_n, &ei);

    if (rc < 0)
        return linq_fail(tr->err, tr->q->text, f->pl->table_at, (enum errc)rc, "%.600s", ei.msg);
    return 0;
}

int
frame_open(struct frame *f, struct tr *tr, const struct pipeline *pl)
{
    const struct linq_column *columns;
    const char *time_name;
    size_t n;
    int rc;

    *f = (struct frame){.tr = tr, .pl = pl};
    if ((rc = ask_catalog(f, &columns, &n)) < 0)
        return rc;
    time_name = tr->catalog->time_column(tr->catalog->ctx, pl->table);
    f->top = new_level(tr, NULL);
    f->top->relation = arena_strdup(&tr->arena, tr->catalog->relation(tr->catalog->ctx, pl->table));
    for (size_t i = 0; i < n; i++) {
        struct col *c = arena_alloc(&tr->arena, sizeof(*c));

        *c = (struct col){.name = arena_strdup(&tr->arena, columns[i].name),
                          .type = columns[i].type,
                          .out = ++f->next_out,
                          .plain = columns[i].type != LINQ_IP4,
                          .implicit = true};
        c->alias = unique_alias(tr, f->top, c->name);
        c->sql = column_ref(tr, c->name);
        c->is_time = time_name != NULL && strcmp(time_name, c->name) == 0;
        if (c->is_time)
            add_range(f, c);
        if (c->type == LINQ_IP4) /* kept as text, a number inside the query */
            c->sql = form1(tr, FORM_IP_OF_TEXT, c->sql);
        ptrs_add(&tr->arena, &f->top->cols, c);
    }
    return 0;
}

static struct col *
plain_above(struct tr *tr, struct col *below)
{
    struct col *c = arena_alloc(&tr->arena, sizeof(*c));

    *c = *below;
    c->src = below;
    c->sql = column_ref(tr, below->alias);
    c->plain = true;
    c->live = false;
    return c;
}

int
frame_wrap(struct frame *f)
{
    struct tr *tr = f->tr;
    struct level *old = f->top, *l = new_level(tr, old);

    if (l->height > LEVELS_MAX)
        return linq_fail(tr->err, tr->q->text, f->pl->table_at, E_INVALID,
                         "the query has more than %d steps that build on each other", LEVELS_MAX);
    for (size_t i = 0; i < old->cols.n; i++) {
        struct col *was = old->cols.items[i], *c = plain_above(tr, was);

        ptrs_add(&tr->arena, &l->cols, c);
        for (size_t k = 0; k < f->order.n; k++) {
            const struct order *o = f->order.items[k];

            if (o->col == was) {
                struct order *moved = arena_alloc(&tr->arena, sizeof(*moved));

                *moved = (struct order){c, o->desc};
                f->order.items[k] = moved;
            }
        }
    }
    f->top = l;
    return 0;
}

void
frame_rename(struct frame *f UNUSED, struct level *l, struct col *c, const char *name)
{
    struct col *old = frame_find(&l->cols, name);

    if (old == c)
        return;
    if (old != NULL) {
        /* the new one stands where the old one stood */
        if (old->out != 0 && !old->implicit)
            c->out = old->out;
        old->name = NULL;
        old->out = 0;
        for (size_t i = 0; i < l->cols.n; i++) {
            struct col *other = l->cols.items[i];

            if (!other->aggregate) /* their texts may speak of the old one */
                other->text = NULL;
        }
    }
    c->name = name;
}

struct col *
frame_add(struct frame *f, struct level *l, const char *name, const struct val *v)
{
    struct tr *tr = f->tr;
    struct col *c = arena_alloc(&tr->arena, sizeof(*c));

    *c = (struct col){.sql = v->sql, .type = v->type, .elem = v->elem};
    c->alias = unique_alias(tr, l, name != NULL ? name : "_value");
    if (name != NULL)
        frame_rename(f, l, c, name);
    ptrs_add(&tr->arena, &l->cols, c);
    return c;
}

/* The column c of level l (at or below the top) as it is seen on top, passed up where needed. */
static struct col *
pass_up(struct frame *f, struct level *l, struct col *c)
{
    struct level *above = f->top;
    struct col *up;

    if (l == f->top)
        return c;
    while (above->below != l)
        above = above->below;
    for (size_t i = 0; i < above->cols.n; i++) {
        up = above->cols.items[i];
        if (up->src == c && up->plain)
            return pass_up(f, above, up);
    }
    up = plain_above(f->tr, c);
    up->alias = unique_alias(f->tr, above, c->alias);
    ptrs_add(&f->tr->arena, &above->cols, up);
    return pass_up(f, above, up);
}

int
frame_aggregate(struct frame *f, const struct expr *call, struct col **ret)
{
    struct tr *tr = f->tr;
    struct scope s = {.tr = tr, .aggregates = true};
    struct col *c;
    struct val v;
    int rc;

    if (f->group == NULL)
        return tr_fail(tr, call,
                       "%s is an aggregate: it stands behind a group, or in a select without one",
                       call->fn->name);
    c = frame_find_text(tr, &f->group->cols, call);
    if (c == NULL || !c->aggregate) {
        s.cols = &f->group->in_cols;
        if ((rc = call_sql(&s, call, &v)) < 0)
            return rc;
        c = frame_add(f, f->group, NULL, &v);
        c->alias = unique_alias(tr, f->group, call->fn->name);
        c->aggregate = true;
        c->text = even_text(tr, call);
    }
    *ret = pass_up(f, f->group, c);
    return 0;
}

/* Whether e names a computed column of the top level; aggregates are made on the way. */
static int
names_computed(struct frame *f, const struct expr *e, bool *yes)
{
    struct col *c = frame_find_text(f->tr, &f->top->cols, e);
    int rc = 0;

    if (c == NULL && expr_is_aggregate(e) && (rc = frame_aggregate(f, e, &c)) < 0)
        return rc;
    if (c == NULL && e->kind == EX_COLUMN)
        c = frame_find(&f->top->cols, e->s);
    if (c != NULL) {
        *yes |= !c->plain;
        return 0;
    }
    for (size_t i = 0; i < e->n && rc == 0; i++)
        rc = names_computed(f, e->args[i], yes);
    return rc;
}

int
frame_prepare(struct frame *f, const struct expr *e)
{
    bool computed = f->top->grouped;
    int rc = names_computed(f, e, &computed);

    return rc == 0 && computed ? frame_wrap(f) : rc;
}

/* --- rendering ------------------------------------------------------------------------------- */

static void
mark_live(struct col *c)
{
    for (; c != NULL && !c->live; c = c->plain ? c->src : NULL)
        c->live = true;
}

static int
by_out(const void *a, const void *b)
{
    const struct col *x = *(struct col *const *)a, *y = *(struct col *const *)b;

    return (x->out > y->out) - (x->out < y->out);
}

void
frame_outputs(struct frame *f, struct ptrs *ret)
{
    for (size_t i = 0; i < f->top->cols.n; i++) {
        struct col *c = f->top->cols.items[i];

        if (c->out > 0)
            ptrs_add(&f->tr->arena, ret, c);
    }
    if (ret->n > 1)
        qsort(ret->items, ret->n, sizeof(*ret->items), by_out);
}

/* What the reader of the result sees: addresses, arrays and bytes as text. */
static const char *
shown(struct tr *tr, const struct col *c)
{
    struct val v = {.sql = c->sql, .type = c->type};

    if (c->type == LINQ_IP4)
        return form1(tr, FORM_TEXT_OF_IP, v.sql);
    if (c->type == LINQ_ARRAY)
        return form1(tr, FORM_TEXT_OF_ARRAY, v.sql);
    if (c->type == LINQ_BYTES)
        return form1(tr, FORM_TEXT_OF_BYTES, v.sql);
    if (c->type == LINQ_JSON)
        return form1(tr, FORM_TEXT, v.sql);
    if (c->type == LINQ_NULL)
        return tr->dialect->null_text;
    return v.sql;
}

static void
put_list(struct buf *out, const struct ptrs *texts, const char *word, const char *sep)
{
    for (size_t i = 0; i < texts->n && !out->failed; i++) {
        buf_puts(out, i == 0 ? word : sep);
        buf_puts(out, texts->items[i]);
    }
}

/* Keys first, then, where rows may be equal in them, every column of the list by its number. */
static void
put_order(struct tr *tr, struct buf *out, const struct ptrs *order, bool complete, size_t columns)
{
    struct ptrs keys = {0};

    for (size_t i = 0; i < order->n; i++) {
        const struct order *o = order->items[i];

        ptrs_add(&tr->arena, &keys,
                 (void *)(uintptr_t)form1(tr, o->desc ? FORM_DESC : FORM_ASC, o->col->sql));
    }
    for (size_t i = 1; order->n > 0 && !complete && i <= columns; i++)
        ptrs_add(&tr->arena, &keys,
                 (void *)(uintptr_t)form1(tr, FORM_ASC, form_int(tr, (int64_t)i)));
    put_list(out, &keys, " ORDER BY ", ", ");
}

static void
put_columns(struct frame *f, struct buf *out, const struct level *l, const struct ptrs *outs,
            bool sub)
{
    struct tr *tr = f->tr;

    for (size_t i = 0; i < outs->n && !out->failed; i++) {
        const struct col *c = outs->items[i];
        bool last_step = l == f->top && !sub;

        buf_printf(out, "%s%s AS %s", i == 0 ? "" : ", ", last_step ? shown(tr, c) : c->sql,
                   form_ident(tr, last_step ? c->name : c->alias));
    }
    if (outs->n == 0)
        buf_puts(out, l->grouped && l->keys.n == 0 ? "count(*) AS _" : "1 AS _");
}

static void
put_level(struct frame *f, struct buf *out, const struct level *l, const struct ptrs *outs,
          const char *from, bool sub)
{
    struct tr *tr = f->tr;
    const struct ptrs *order = l == f->top ? &f->order : &l->order;
    bool complete = l == f->top ? f->order_complete : l->order_complete;
    struct ptrs keys = {0};

    buf_puts(out, "SELECT ");
    put_columns(f, out, l, outs, sub);
    buf_printf(out, " FROM %s AS t", from);
    put_list(out, &l->where, " WHERE ", " AND ");
    for (size_t i = 0; i < l->keys.n; i++)
        ptrs_add(&tr->arena, &keys, (void *)(uintptr_t)((struct col *)l->keys.items[i])->sql);
    put_list(out, &keys, " GROUP BY ", ", ");
    if (l == f->top ? !sub || frame_is_cut(l) : frame_is_cut(l))
        put_order(tr, out, order, complete, outs->n);
    if (l->limit >= 0)
        buf_printf(out, " LIMIT %" PRId64, l->limit);
    if (l->offset >= 0)
        buf_printf(out, " OFFSET %" PRId64, l->offset);
}

static void
mark_order(const struct ptrs *order)
{
    for (size_t i = 0; i < order->n; i++) {
        const struct col *c = ((const struct order *)order->items[i])->col;

        if (c->plain)
            mark_live(c->src);
    }
}

const char *
frame_render(struct frame *f, bool sub)
{
    struct tr *tr = f->tr;
    struct ptrs levels = {0}, outs = {0};
    const char *from = NULL;

    frame_outputs(f, &outs);
    for (size_t i = 0; i < outs.n; i++)
        mark_live(outs.items[i]);
    mark_order(&f->order);
    for (struct level *l = f->top; l != NULL; l = l->below) {
        mark_order(&l->order);
        ptrs_add(&tr->arena, &levels, l);
    }
    for (size_t i = levels.n; i-- > 0;) {
        const struct level *l = levels.items[i];
        struct buf out = BUF_INIT(SQL_MAX_BYTES);
        struct ptrs live = {0};

        for (size_t k = 0; k < l->cols.n; k++)
            if (((struct col *)l->cols.items[k])->live)
                ptrs_add(&tr->arena, &live, l->cols.items[k]);
        put_level(f, &out, l, l == f->top ? &outs : &live,
                  l->below == NULL ? l->relation : arena_printf(&tr->arena, "(%s)", from), sub);
        tr->too_big |= out.failed;
        from = arena_strdup(&tr->arena, buf_str(&out));
        buf_done(&out);
        if (tr->too_big)
            break;
    }
    return from;
}
