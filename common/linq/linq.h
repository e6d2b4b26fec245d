#ifndef LINQ_LINQ_H
#define LINQ_LINQ_H

/*
 * The query language: text -> syntax tree -> SQL of one engine. LANGUAGE.md is the contract.
 *
 * Order of calls: linq_parse (in the API process, at submit, and again in the runner), then
 * linq_tables to see what it reads, then linq_to_sql with the columns of those tables. Pure
 * functions of their arguments: no I/O, no clock, no global state; safe from several threads on
 * different objects.
 *
 * Known at parse: syntax, function names, number of arguments, limits (64 KiB of text, depth 200,
 * 1,000 columns). Known at linq_to_sql, with the tables' columns at hand: unknown columns,
 * impossible types. Both report through struct linq_error.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINQ_TEXT_MAX    65536
#define LINQ_DEPTH_MAX   200
#define LINQ_COLUMNS_MAX 1000

/* What was wrong, where, and what would be right. line and column count from 1, column in
 * characters; 0 where no place applies. */
struct linq_error {
    int line, column;
    char found[80];     /* the offending token as written, cut; "end of query" at the end */
    char expected[400]; /* "a column name or an expression"; "" when nothing useful can be said */
    char msg[768];      /* the whole sentence: "line 1, column 26: found 'wher', expected ..." */
};

struct linq_query; /* a parsed query */

/* E_INVALID fills err. Free with linq_free. text need not be NUL-terminated. */
int linq_parse(const char *text, size_t len, struct linq_query **ret,
               struct linq_error *err) MUST_CHECK;
void linq_free(struct linq_query *q);

/* The distinct tables the query reads, subqueries included, the main one first. Borrowed. */
size_t linq_table_count(const struct linq_query *q);
const char *linq_table_name(const struct linq_query *q, size_t i);

/* Types of the language. A column's engine type is mapped to one of these by the engine: integers
 * of any width are INT, floats and decimals FLOAT, dates and timestamps of any unit TIMESTAMP; what
 * has no match (structs, maps, blobs) is UNKNOWN and can only be selected, counted and tested for
 * null. */
enum linq_type {
    LINQ_UNKNOWN,
    LINQ_BOOL,
    LINQ_INT,
    LINQ_FLOAT,
    LINQ_STR,
    LINQ_TIMESTAMP,
    LINQ_DURATION,
    LINQ_IP4,
    LINQ_NET4,
    LINQ_IP6,
    LINQ_ARRAY,
    LINQ_JSON,
    LINQ_REGEX,
    LINQ_NULL,
    LINQ_BYTES, /* inside a query only: results have the hex text */
};
const char *linq_type_name(enum linq_type t); /* "int", "str", ... */

struct linq_column {
    char *name;
    enum linq_type type;
};

/* Where the translator asks about tables. */
struct linq_catalog {
    void *ctx;
    /* Columns of a table in storage order, borrowed until the translation ends.
     * E_NOT_FOUND with words (nearest names) where the table does not exist for this caller. */
    int (*columns)(void *ctx, const char *table, const struct linq_column **ret, size_t *ret_count,
                   struct errinfo *ei);
    /* Name of the time column; NULL where the table has none. Borrowed. */
    const char *(*time_column)(void *ctx, const char *table);
    /* The SQL of the table's relation, over all of its rows: DuckDB a quoted view name, ClickHouse
     * `a`.`b_c`. It goes into the SQL as it is. Borrowed until the next call. Column names are
     * those of columns(), in the same case; a column of type ip4 is text there. */
    const char *(*relation)(void *ctx, const char *table);
};

/* What is volatile, bound once at submit: constants of the job from then on. */
struct linq_binding {
    int64_t now_ms;     /* now() */
    int64_t from_ms;    /* the range is [from_ms, to_ms) on the time column of every table */
    int64_t to_ms;      /* INT64_MAX: open (continuous) */
    int tz_offset_min;  /* of timeZone, for today(), day buckets: minutes east of UTC */
    const char *job_id; /* seed of rand() */
    int64_t skip;       /* the request's skip/offset, behind everything of the text */
    int64_t limit;      /* the request's limit; -1 = none */
};

enum linq_dialect { LINQ_DUCKDB, LINQ_CLICKHOUSE };

/* Row-wise results stream in storage order and resume by position; materialised ones are made
 * once, in full. */
enum linq_class { LINQ_ROW_WISE, LINQ_MATERIALISED };

struct linq_sql {
    char *sql; /* one SELECT */
    enum linq_class class_;
    bool exact;                  /* the same input gives the same rows in the same order, always:
                                  * every function exact, order complete over all columns */
    struct linq_column *columns; /* of the result, in order. In the engine's rows ip4, net4 and
                                  * arrays (JSON) are text, durations whole milliseconds */
    size_t column_count;
    int time_index; /* result column that is the (unrenamed) time column; -1: none */
};

/* E_INVALID fills err; E_NOT_FOUND (table, column) fills err as well. Free with linq_sql_done. */
int linq_to_sql(const struct linq_query *q, enum linq_dialect dialect,
                const struct linq_catalog *catalog, const struct linq_binding *binding,
                struct linq_sql *ret, struct linq_error *err) MUST_CHECK;
void linq_sql_done(struct linq_sql *s);

#endif
