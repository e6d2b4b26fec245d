#include "common/linq/civil.h"
#include "common/linq/translate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what is shown --------------------------------------------------------------------------- */

static void
hide_implicit(struct frame *f)
{
    for (size_t i = 0; i < f->top->cols.n; i++) {
        struct col *c = f->top->cols.items[i];

        if (c->implicit)
            c->out = 0;
        c->implicit = false;
    }
}

/* A select shows c. Before a group, everything that was not selected is hidden by it; after one,
 * the keys stay unless the select names one of them. */
static void
show(struct frame *f, struct col *c, bool names_key)
{
    if (f->group == NULL || names_key)
        hide_implicit(f);
    c->implicit = false;
    if (c->out == 0)
        c->out = ++f->next_out;
}

static void
show_all(struct frame *f)
{
    for (size_t i = 0; i < f->top->cols.n; i++) {
        struct col *c = f->top->cols.items[i];

        c->implicit = false;
        if (c->out == 0 && c->name != NULL)
            c->out = ++f->next_out;
    }
}

/* --- select ---------------------------------------------------------------------------------- */

static int
translate(struct frame *f, const struct expr *e, struct val *v)
{
    struct scope s = {.tr = f->tr};
    int rc;

    if ((rc = frame_prepare(f, e)) < 0)
        return rc;
    s.cols = &f->top->cols;
    return expr_sql(&s, e, v);
}

/* The column that e is already: by name, by its text, or as an aggregate. */
static int
existing(struct frame *f, const struct expr *e, struct col **ret)
{
    *ret = NULL;
    if (e->kind == EX_COLUMN)
        *ret = frame_find(&f->top->cols, e->s);
    else
        *ret = frame_find_text(f->tr, &f->top->cols, e);
    if (*ret == NULL && expr_is_aggregate(e))
        return frame_aggregate(f, e, ret);
    return 0;
}

/* A second name for a column. */
static int
copy_column(struct frame *f, const struct expr *e, const char *name, struct col **ret)
{
    struct val v;
    struct col *c;
    int rc;

    if ((rc = existing(f, e, &c)) < 0)
        return rc;
    if ((!c->plain || f->top->grouped) && (rc = frame_wrap(f)) < 0)
        return rc;
    if ((rc = existing(f, e, &c)) < 0)
        return rc;
    v = (struct val){.sql = c->sql, .type = c->type, .elem = c->elem};
    *ret = frame_add(f, f->top, name, &v);
    (*ret)->plain = true;
    (*ret)->src = c->src;
    (*ret)->is_key = c->is_key;
    return 0;
}

static int begin_group(struct frame *f, const struct clause *group, int64_t every_ms);

static int
select_item(struct frame *f, const struct item *it)
{
    const char *name = it->alias != NULL ? it->alias : it->text;
    struct col *c;
    struct val v;
    int rc;

    if (f->group == NULL && expr_find_aggregate(it->e) != NULL &&
        (rc = begin_group(f, NULL, 0)) < 0)
        return rc;
    if ((rc = existing(f, it->e, &c)) < 0)
        return rc;
    if (c != NULL) {
        bool names_key = c->is_key;

        if (c->name == NULL && frame_find(&f->top->cols, name) == NULL)
            c->name = name;
        else if ((c->name == NULL || strcmp(c->name, name) != 0) &&
                 (rc = copy_column(f, it->e, name, &c)) < 0)
            return rc;
        show(f, c, names_key);
        return 0;
    }
    if ((rc = translate(f, it->e, &v)) < 0)
        return rc;
    c = frame_add(f, f->top, name, &v);
    if (it->alias == NULL)
        c->text = it->text;
    show(f, c, false);
    return 0;
}

static int
check_aliases(struct tr *tr, const struct clause *c)
{
    for (size_t i = 0; i < c->n; i++)
        for (size_t k = 0; k < i && c->items[i].alias != NULL; k++)
            if (c->items[k].alias != NULL && strcmp(c->items[i].alias, c->items[k].alias) == 0)
                return linq_fail(tr->err, tr->q->text, c->items[i].at, E_INVALID,
                                 "two columns are named '%.80s'", c->items[i].alias);
    return 0;
}

static int
select_clause(struct frame *f, const struct clause *c)
{
    int rc = check_aliases(f->tr, c);

    for (size_t i = 0; i < c->n && rc == 0; i++) {
        if (c->items[i].e == NULL)
            show_all(f);
        else
            rc = select_item(f, &c->items[i]);
    }
    return rc;
}

/* --- where ----------------------------------------------------------------------------------- */

static int
where_clause(struct frame *f, const struct clause *c)
{
    struct val v;
    int rc;

    if ((frame_is_cut(f->top) || f->top->grouped) && (rc = frame_wrap(f)) < 0)
        return rc;
    for (size_t i = 0; i < c->n; i++) {
        if ((rc = translate(f, c->items[i].e, &v)) < 0 ||
            (rc = coerce_bool(f->tr, &v, "where")) < 0)
            return rc;
        ptrs_add(&f->tr->arena, &f->top->where, (void *)(uintptr_t)v.sql);
    }
    return 0;
}

/* --- group ----------------------------------------------------------------------------------- */

static void
add_key(struct frame *f, struct col *key)
{
    struct order *o = arena_alloc(&f->tr->arena, sizeof(*o));

    key->is_key = key->implicit = true;
    key->out = ++f->next_out;
    ptrs_add(&f->tr->arena, &f->top->keys, key);
    *o = (struct order){.col = key};
    ptrs_add(&f->tr->arena, &f->order, o);
}

static int
add_bucket(struct frame *f, struct level *grouped, struct place at, int64_t every_ms)
{
    struct tr *tr = f->tr;
    struct col *time = frame_time(f), *key;
    struct val v = {.type = LINQ_TIMESTAMP};
    int64_t origin = 0;

    if (time == NULL)
        return linq_fail(tr->err, tr->q->text, at, E_INVALID,
                         "there is no time column here to make periods of");
    /* whole days begin at midnight of the request's time zone, shorter periods in UTC */
    if (every_ms % CIVIL_DAY_MS == 0)
        origin = -tr->binding->tz_offset_min * CIVIL_MINUTE_MS;
    if (time->plain)
        for (struct col *c = time->src; c != NULL; c = c->plain ? c->src : NULL)
            c->live = true;
    v.sql = form3(tr, FORM_BUCKET, form_int(tr, every_ms), time->sql, form_time(tr, origin));
    key = frame_add(f, grouped, time->name, &v);
    key->is_time = true;
    add_key(f, key);
    return 0;
}

static int
add_group_item(struct frame *f, struct level *grouped, const struct item *it)
{
    struct scope s = {.tr = f->tr, .cols = &f->top->cols};
    const char *name = it->alias != NULL ? it->alias : it->text;
    struct col *key;
    struct val v;
    int rc;

    if (frame_find(&grouped->cols, name) != NULL)
        return 0; /* named twice, or the time column beside its bucket */
    if (expr_find_aggregate(it->e) != NULL && frame_find_text(f->tr, &f->top->cols, it->e) == NULL)
        return tr_fail(f->tr, expr_find_aggregate(it->e), "an aggregate is no key of a group");
    if ((rc = expr_sql(&s, it->e, &v)) < 0)
        return rc;
    /* a bare number in GROUP BY or ORDER BY would be the number of a column */
    if (!expr_has_column(it->e))
        v.sql = form2(f->tr, FORM_ELSE, v.sql, v.sql);
    key = frame_add(f, grouped, name, &v);
    if (it->alias == NULL && it->e->kind != EX_COLUMN)
        key->text = it->text;
    add_key(f, key);
    return 0;
}

/* Makes the top level a grouped one. group NULL: no keys, one row. */
static int
begin_group(struct frame *f, const struct clause *group, int64_t every_ms)
{
    struct level made = {0}, *top;
    int rc = 0;

    for (size_t i = 0; group != NULL && i < group->n && rc == 0; i++)
        if (expr_find_aggregate(group->items[i].e) == NULL)
            rc = frame_prepare(f, group->items[i].e);
    if (rc == 0 && (f->top->grouped || frame_is_cut(f->top) || frame_has_computed(f->top)))
        rc = frame_wrap(f);
    f->order.n = 0;
    f->next_out = 0;
    top = f->top;
    if (rc == 0 && every_ms > 0)
        rc = add_bucket(f, &made, group->at, every_ms);
    for (size_t i = 0; group != NULL && i < group->n && rc == 0; i++)
        rc = add_group_item(f, &made, &group->items[i]);
    if (rc < 0)
        return rc;
    top->in_cols = top->cols;
    top->cols = made.cols;
    top->grouped = true;
    f->group = top;
    f->order_complete = true;
    return 0;
}

/* The period of the group at clause i: its own, or that of the last `every` behind it. */
static int64_t
period_of(const struct pipeline *pl, size_t i)
{
    int64_t every = pl->clauses[i].every_ms;

    for (size_t k = i + 1; k < pl->n && pl->clauses[k].kind != CL_GROUP; k++)
        if (pl->clauses[k].kind == CL_EVERY)
            every = pl->clauses[k].every_ms;
    return every > 0 ? every : 0;
}

/* --- order, limit ---------------------------------------------------------------------------- */

static int
order_clause(struct frame *f, const struct clause *c)
{
    struct order *o;
    struct val v;
    int rc;

    if ((frame_is_cut(f->top) || f->top->grouped) && (rc = frame_wrap(f)) < 0)
        return rc;
    f->order.n = 0;
    f->order_complete = false;
    f->ordered_by_user = true;
    for (size_t i = 0; i < c->n; i++) {
        struct col *col;

        if ((rc = frame_prepare(f, c->items[i].e)) < 0 ||
            (rc = existing(f, c->items[i].e, &col)) < 0)
            return rc;
        if (col == NULL) {
            if ((rc = translate(f, c->items[i].e, &v)) < 0)
                return rc;
            col = frame_add(f, f->top, NULL, &v);
        }
        o = arena_alloc(&f->tr->arena, sizeof(*o));
        *o = (struct order){col, c->items[i].desc};
        ptrs_add(&f->tr->arena, &f->order, o);
    }
    return frame_has_computed(f->top) ? frame_wrap(f) : 0;
}

static int
cut(struct frame *f, int64_t limit, int64_t offset)
{
    struct level *l = f->top;
    int rc;

    if (l->limit >= 0 || (l->offset >= 0 && offset >= 0)) {
        if ((rc = frame_wrap(f)) < 0)
            return rc;
        l = f->top;
    }
    if (limit >= 0)
        l->limit = limit;
    if (offset >= 0)
        l->offset = offset;
    l->order = (struct ptrs){0};
    for (size_t i = 0; i < f->order.n; i++)
        ptrs_add(&f->tr->arena, &l->order, f->order.items[i]);
    l->order_complete = f->order_complete;
    if (f->order.n == 0 && !(f->group != NULL && f->group->keys.n == 0))
        f->tr->unordered_cut = true;
    return 0;
}

/* --- pipelines ------------------------------------------------------------------------------- */

static int
run_clause(struct frame *f, size_t i)
{
    const struct clause *c = &f->pl->clauses[i];

    switch (c->kind) {
    case CL_SELECT:
        return select_clause(f, c);
    case CL_WHERE:
        return where_clause(f, c);
    case CL_GROUP:
        return begin_group(f, c, period_of(f->pl, i));
    case CL_ORDER:
        return order_clause(f, c);
    case CL_LIMIT:
        return cut(f, c->number, -1);
    case CL_OFFSET:
        return cut(f, -1, c->number);
    case CL_EVERY: /* taken by its group */
        break;
    }
    return 0;
}

static int
run_pipeline(struct frame *f, struct tr *tr, const struct pipeline *pl)
{
    int rc = frame_open(f, tr, pl);

    for (size_t i = 0; i < pl->n && rc == 0; i++) {
        rc = run_clause(f, i);
        if (rc == 0 && tr->too_big)
            rc = linq_fail(tr->err, tr->q->text, pl->clauses[i].at, E_INVALID,
                           "the query is too large when it is translated");
    }
    return rc;
}

int
subquery_sql(struct tr *tr, const struct pipeline *pl, size_t want, const char **ret_sql,
             struct ptrs *ret_cols)
{
    struct frame f;
    struct ptrs outs = {0};
    int rc = run_pipeline(&f, tr, pl);

    if (rc < 0)
        return rc;
    frame_outputs(&f, &outs);
    if (outs.n < want)
        return linq_fail(tr->err, tr->q->text, pl->table_at, E_INVALID,
                         "the subquery has %zu columns, %zu are needed", outs.n, want);
    for (size_t i = 0; i < outs.n; i++) {
        if (i < outs.n - want)
            ((struct col *)outs.items[i])->out = 0;
        else
            ptrs_add(&tr->arena, ret_cols, outs.items[i]);
    }
    *ret_sql = frame_render(&f, true);
    return 0;
}

static int
finish(struct frame *f, struct linq_sql *ret)
{
    struct tr *tr = f->tr;
    const struct linq_binding *b = tr->binding;
    struct ptrs outs = {0};
    const char *sql;
    int rc;

    /* the request's own cut, in one level of its own or on the free one */
    if (b->skip > 0 || b->limit >= 0) {
        if (frame_is_cut(f->top) && (rc = frame_wrap(f)) < 0)
            return rc;
        if ((rc = cut(f, b->limit, b->skip > 0 ? b->skip : -1)) < 0)
            return rc;
    }
    frame_outputs(f, &outs);
    if (outs.n == 0)
        return linq_fail(tr->err, tr->q->text, f->pl->table_at, E_INVALID,
                         "the result has no columns: select something");
    if (outs.n > LINQ_COLUMNS_MAX)
        return linq_fail(tr->err, tr->q->text, f->pl->table_at, E_INVALID,
                         "the result has more than %d columns", LINQ_COLUMNS_MAX);
    sql = frame_render(f, false);
    if (tr->too_big)
        return linq_fail(tr->err, tr->q->text, f->pl->table_at, E_INVALID,
                         "the query is too large when it is translated");
    *ret = (struct linq_sql){.sql = mem_strdup(sql), .time_index = -1, .column_count = outs.n};
    ret->columns = mem_alloc(outs.n * sizeof(*ret->columns));
    for (size_t i = 0; i < outs.n; i++) {
        const struct col *c = outs.items[i];

        ret->columns[i] =
            (struct linq_column){mem_strdup(c->name), c->type == LINQ_BYTES ? LINQ_STR : c->type};
        if (c->is_time)
            ret->time_index = (int)i;
    }
    ret->class_ = f->group != NULL || f->ordered_by_user ? LINQ_MATERIALISED : LINQ_ROW_WISE;
    ret->exact = !tr->inexact && !(ret->class_ == LINQ_MATERIALISED && tr->unordered_cut);
    return 0;
}

static const struct dialect *const DIALECTS[] = {
    [LINQ_DUCKDB] = &dialect_duckdb,
    [LINQ_CLICKHOUSE] = NULL,
};

int
linq_to_sql(const struct linq_query *q, enum linq_dialect dialect,
            const struct linq_catalog *catalog, const struct linq_binding *binding,
            struct linq_sql *ret, struct linq_error *err)
{
    struct tr tr = {.q = q, .catalog = catalog, .binding = binding, .err = err};
    struct frame f;
    int rc;

    memset(err, 0, sizeof(*err));
    if ((size_t)dialect >= ARRAY_LEN(DIALECTS) || DIALECTS[dialect] == NULL)
        return linq_fail(err, q->text, (struct place){0}, E_INVALID,
                         "queries for this engine are not translated");
    tr.dialect = DIALECTS[dialect];
    tr.dialect_id = dialect;
    rc = run_pipeline(&f, &tr, q->main);
    if (rc == 0)
        rc = finish(&f, ret);
    arena_done(&tr.arena);
    return rc;
}

void
linq_sql_done(struct linq_sql *s)
{
    for (size_t i = 0; i < s->column_count; i++)
        free(s->columns[i].name);
    free(s->columns);
    free(s->sql);
    *s = (struct linq_sql){.time_index = -1};
}
