#ifndef LINQ_EXPLAIN_H
#define LINQ_EXPLAIN_H

/*
 * What can be said about a query before anything is known of its tables' columns: its syntax tree,
 * the tables that it reads and its class. For people at a terminal and editors; not a format that
 * programs should take apart. Pure functions, no I/O.
 */

#include "common/base/buf.h"
#include "common/linq/linq.h"

/* The class that linq_to_sql will find: it depends on the clauses alone. */
enum linq_class linq_class_of(const struct linq_query *q);
const char *linq_class_name(enum linq_class c); /* "row-wise", "materialised" */

/* Appends three parts: "tree:" with one node a line, two blanks a level; "tables: a, b"; and
 * "class: row-wise". E_NOSPACE where out is full. */
int linq_explain(const struct linq_query *q, struct buf *out) MUST_CHECK;
/* Appends the tables and the class only. */
int linq_explain_brief(const struct linq_query *q, struct buf *out) MUST_CHECK;

/*
 * Appends the line of the query where the error is, with a caret below the place:
 *
 *   from t wher x = 3
 *          ^
 *
 * The caret stands below the right character whatever bytes it has; tabs stay tabs, so that both
 * lines move alike; other control characters are shown as a dot. Of a long line the part around the
 * place is shown. Nothing is appended where the error has no place.
 */
void linq_error_caret(const char *text, size_t len, const struct linq_error *err, struct buf *out);

#endif
