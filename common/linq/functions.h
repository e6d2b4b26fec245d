#ifndef LINQ_FUNCTIONS_H
#define LINQ_FUNCTIONS_H

/*
 * The functions of the language: one row for each way to call one. Serving another function is
 * another row here and a line in LANGUAGE.md (a test holds the two together).
 *
 * args, one letter an argument:
 *   b bool   i int   f int or float   s str   t timestamp   d duration   p ip4   a array
 *   r regex (of re())   h bytes   j json   * any type
 *   q a path: jqcompile("...") or its text   m a template: template("...") or its text
 *   S I N Z: a literal str, int, number, time zone (its value must be known before the query runs)
 *   ? the arguments from here on may be left out    + the last one may be repeated
 * Rows of one name stand together; the first whose arguments fit is taken, so that the narrower
 * type comes first (sum of int before sum of float).
 *
 * Forms are SQL with $1, $2, ... for the arguments, or NULL where the engine has no exact form.
 * `$L` is the first argument, a timestamp, in the zone of a Z argument if one is given.
 */

#include "common/linq/ast.h"

enum func_flags {
    FN_AGG = 1,     /* an aggregate */
    FN_INEXACT = 2, /* may differ between two runs over the same rows (order, rounding) */
};

/* Return types that follow from the arguments. */
#define RET_ARG1   ((enum linq_type)100) /* the type of the first argument */
#define RET_ARRAY1 ((enum linq_type)101) /* an array of the first argument's type */

/* What a template cannot say; handlers in call_sql.c and call_special.c, in this order. */
enum func_special {
    SP_NONE,
    SP_NOW,
    SP_DAY, /* today, tomorrow, yesterday: number in the form */
    SP_IFTHENELSE,
    SP_DECODE,
    SP_FORMATDATE,
    SP_PERCENTILE, /* number in the form, or the second argument */
    SP_STR,
    SP_RE,
    SP_IP4,
    SP_MIDNIGHT,
    SP_PARSEDATE,
    SP_MKARRAY,
    SP_ELEMENT,
    SP_TEMPLATE,
    SP_SUBS,
    SP_JQCOMPILE,
    SP_JQEVAL,
    SP_LABEL,
};

struct linq_func {
    const char *name;
    const char *args;
    enum linq_type ret;
    unsigned flags;
    enum func_special special;
    const char *forms[LINQ_CLICKHOUSE + 1]; /* by enum linq_dialect */
};

/* The first row of that name, case ignored; NULL if there is none. */
const struct linq_func *func_find(const char *name);
/* The next row of the same name, NULL behind the last. */
const struct linq_func *func_next(const struct linq_func *f);

/* Fewest and most arguments that some row of the name takes (most: INT_MAX if it has no end). */
void func_arity(const struct linq_func *first, int *ret_min, int *ret_max);
/* "substring(str, int[, int])", rows joined by " or ". */
char *func_signature(struct arena *a, const struct linq_func *first);

/* Functions that are another way to write an operator: eq(a, b) is a = b. */
struct func_op {
    const char *name;
    enum op op;
    int args; /* 1, 2; 0: two or more; -2: two, or more of which any will do */
};
const struct func_op *func_find_op(const char *name);

/* Known names that are not served: "not supported: <reason>"; NULL for an unknown name. */
const char *func_refused(const char *name);

/* All names, for "did you mean" and for the test of LANGUAGE.md: served ones (rows' names may
 * repeat), then operators' names, then refused ones. */
size_t func_served_count(void);
const char *func_served_name(const void *ctx, size_t i);
size_t func_refused_count(void);
void func_refused_name(size_t i, char out[64]);

#endif
