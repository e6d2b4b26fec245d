#ifndef LINQ_TRANSLATE_H
#define LINQ_TRANSLATE_H

/*
 * The translator's inside: what its files share. Order from the top: to_sql.c (clauses) uses
 * expr_sql.c (operators), call_sql.c (functions) and frame.c (levels of SELECT), all use coerce.c
 * (types) and form.c (text of forms).
 *
 * A query becomes a pile of SELECTs, as few as its meaning allows. A *level* is one SELECT; the
 * *frame* is the pile of one pipeline, seen from its top. Each column of a level is either *plain*,
 * a column of the level below under the same name, or computed. Expressions name plain columns
 * only: where one names a computed column, the frame is wrapped first, which puts a new level on
 * top whose columns are all plain. Nothing is rendered before the end, when it is known which
 * columns are live.
 */

#include "common/base/buf.h"
#include "common/linq/ast.h"
#include "common/linq/dialect.h"
#include "common/linq/functions.h"

#define SQL_MAX_BYTES (4u << 20)
#define LEVELS_MAX    100

struct tr {
    struct arena arena;
    const struct linq_query *q;
    const struct dialect *dialect;
    enum linq_dialect dialect_id;
    const struct linq_catalog *catalog;
    const struct linq_binding *binding;
    struct linq_error *err;
    bool too_big;       /* some text passed SQL_MAX_BYTES: the result is of no use */
    bool inexact;       /* a function that is not exact was used */
    bool unordered_cut; /* limit or offset on rows without an order of their own */
};

/* --- values ---------------------------------------------------------------------------------- */

/* A translated expression. */
struct val {
    const char *sql;
    enum linq_type type;
    enum linq_type elem;  /* of an array; LINQ_UNKNOWN where not known */
    const struct expr *e; /* where it comes from */
    bool leaf;            /* a column or a literal: its SQL type may be narrower than `type` */
};

/* Fills form's $1..$n; $L is $1, which the caller has put into its time zone. */
const char *form_fill(struct tr *tr, const char *form, const char *const *args, size_t n);
const char *form1(struct tr *tr, enum form f, const char *a);
const char *form2(struct tr *tr, enum form f, const char *a, const char *b);
const char *form3(struct tr *tr, enum form f, const char *a, const char *b, const char *c);
const char *form_ident(struct tr *tr, const char *name);
const char *form_text(struct tr *tr, const char *s);
const char *form_time(struct tr *tr, int64_t ms);
const char *form_int(struct tr *tr, int64_t i);
const char *form_real(struct tr *tr, double d);
/* Joins, with parentheses around if there is more than one. */
const char *form_join(struct tr *tr, const char *const *parts, size_t n, const char *sep);

/* --- types (coerce.c) ------------------------------------------------------------------------ */

/* Fails at e: "line, column: words". */
int tr_fail(struct tr *tr, const struct expr *e, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* "'bytes / 2' (int)", the text as written and the type, cut. */
const char *tr_show(struct tr *tr, const struct val *v);

/* Makes two sides comparable or fails naming both. only_right: a may not be changed. */
int coerce_compare(struct tr *tr, struct val *a, struct val *b, bool only_right);
/* Makes b's type the one of a, or both float, for results of ifthenelse and the like. */
int coerce_same(struct tr *tr, struct val *a, struct val *b, const char *what);
/* Widens a leaf to the language's type: 64-bit integers, doubles. */
void coerce_widen(struct tr *tr, struct val *v);
/* Gives a bare null the type of text. */
void coerce_null_text(const struct tr *tr, struct val *v);
int coerce_bool(struct tr *tr, const struct val *v, const char *where);
/* Any value as text, as it is shown. */
int coerce_text(struct tr *tr, struct val *v);

/* --- levels (frame.c) ------------------------------------------------------------------------ */

struct col {
    const char *name;  /* in the language; NULL: cannot be named */
    const char *alias; /* in SQL, unique in its level whatever the case */
    const char *sql;   /* its expression inside its level */
    const char *text;  /* expression text that means this column: of aggregates, and of columns
                        * without alias */
    enum linq_type type, elem;
    struct col *src; /* of a plain column: the one below; NULL on the lowest level */
    int out;         /* place in the result, from 1; 0: not shown */
    bool plain, live, aggregate, is_key, is_time;
    bool implicit; /* shown because nothing was selected yet */
};

struct order {
    struct col *col;
    bool desc;
};

struct level {
    struct level *below;
    const char *relation; /* of the lowest level */
    struct ptrs cols;     /* struct col */
    struct ptrs in_cols;  /* of a grouped level: the columns before the group */
    struct ptrs keys;     /* of a grouped level: struct col */
    struct ptrs where;    /* SQL texts */
    struct ptrs order;    /* struct order; set together with limit or offset */
    bool grouped, order_complete;
    int64_t limit, offset; /* -1: none */
    int height;
};

struct frame {
    struct tr *tr;
    const struct pipeline *pl;
    struct level *top;
    struct level *group; /* the last grouped level */
    struct ptrs order;   /* struct order over columns of top */
    bool order_complete; /* no two rows are equal in it */
    bool ordered_by_user;
    int next_out;
};

int frame_open(struct frame *f, struct tr *tr, const struct pipeline *pl);
int frame_wrap(struct frame *f);
struct col *frame_find(const struct ptrs *cols, const char *name);
struct col *frame_find_text(struct tr *tr, const struct ptrs *cols, const struct expr *e);
struct col *frame_time(const struct frame *f);
bool frame_has_computed(const struct level *l);
bool frame_is_cut(const struct level *l);
/* A column on the top level (or l). name may be NULL. Takes the name from who has it. */
struct col *frame_add(struct frame *f, struct level *l, const char *name, const struct val *v);
void frame_rename(struct frame *f, struct level *l, struct col *c, const char *name);
/* The column that an aggregate call of the last group makes, as seen on top. */
int frame_aggregate(struct frame *f, const struct expr *call, struct col **ret);
/* Makes every column that e names plain on the top level. */
int frame_prepare(struct frame *f, const struct expr *e);
/* Closes the frame: one SELECT over the shown columns. sub: no order, values as they are. */
const char *frame_render(struct frame *f, bool sub);
/* Shown columns in order. */
void frame_outputs(struct frame *f, struct ptrs *ret);

/* --- expressions (expr_sql.c, call_sql.c) ---------------------------------------------------- */

/* Where names are looked up. */
struct scope {
    struct tr *tr;
    const struct ptrs *cols;
    bool aggregates; /* the expression is the argument of an aggregate */
};

int expr_sql(const struct scope *s, const struct expr *e, struct val *ret);
/* A call of a function: arguments are translated here. */
int call_sql(const struct scope *s, const struct expr *e, struct val *ret);
/* SELECT of a subquery with its last `want` columns shown; their types. */
int subquery_sql(struct tr *tr, const struct pipeline *pl, size_t want, const char **ret_sql,
                 struct ptrs *ret_cols);

bool expr_has_column(const struct expr *e);
bool expr_is_aggregate(const struct expr *e);
/* The place of the first aggregate call in e, NULL if none. Subqueries are not looked into. */
const struct expr *expr_find_aggregate(const struct expr *e);

#endif
