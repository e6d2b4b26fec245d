#ifndef LINQ_DIALECT_H
#define LINQ_DIALECT_H

/*
 * How one engine writes what the translator needs: names, literals, and a form for each
 * operation. Another engine is another struct dialect; a form that is NULL is refused by name.
 *
 * In every form the columns of a level stand as `t."name"`. An address (ip4) is a whole number
 * inside a query, a duration a whole number of milliseconds.
 */

#include "common/base/buf.h"
#include "common/linq/linq.h"

enum form {
    /* conversions of $1 */
    FORM_BIGINT,
    FORM_DOUBLE,
    FORM_TEXT,         /* of a number or a bool */
    FORM_TEXT_OF_TIME, /* YYYY-MM-DD HH:mm:ss.SSS */
    FORM_TEXT_OF_IP,
    FORM_TEXT_OF_ARRAY,  /* JSON */
    FORM_TEXT_OF_BYTES,  /* lower-case hex */
    FORM_BYTES_OF_TEXT,  /* null where it is no hex */
    FORM_NUMBER_OF_TEXT, /* null where it is none */
    FORM_TIME_OF_TEXT,
    FORM_IP_OF_TEXT,
    FORM_BOOL_OF_TEXT,
    FORM_TIME, /* any kind of timestamp column as the plain one */
    /* logic and comparison */
    FORM_NOT,
    FORM_EQ,
    FORM_NE,
    FORM_LT,
    FORM_LE,
    FORM_GT,
    FORM_GE,
    FORM_BETWEEN,
    FORM_ELSE, /* $2 where $1 is null */
    FORM_HAS,  /* text $1 holds $2 */
    FORM_IHAS,
    FORM_ARRAY_HAS,
    FORM_MATCH,
    FORM_IN_ROWS,   /* $1 among the rows of the SELECT $2, whose column is $3 */
    FORM_IN_TUPLES, /* $1 among the rows $3 of the SELECT $2 where $4; null unless $5 */
    FORM_NOT_NULL,
    /* numbers */
    FORM_ADD,
    FORM_SUB,
    FORM_MUL,
    FORM_IDIV,
    FORM_RDIV,
    FORM_REM,
    FORM_MOD,
    FORM_NEG,
    FORM_BAND,
    FORM_BOR,
    FORM_BXOR,
    FORM_BNOT,
    FORM_SHL,
    FORM_SHR,
    FORM_USHR,
    /* others */
    FORM_CONCAT,
    FORM_AT,       /* element $2 of array $1, from 0 */
    FORM_TIME_ADD, /* timestamp and ms */
    FORM_TIME_SUB,
    FORM_TIME_DIFF, /* ms between timestamps */
    FORM_BUCKET,    /* $1 ms, $2 the time, $3 the origin */
    FORM_IN_ZONE,   /* $1 a time in UTC, $2 the name of a zone */
    FORM_IN_OFFSET, /* $1 a time in UTC, $2 ms east */
    FORM_FROM_ZONE, /* $1 a local time, $2 the name of its zone: UTC */
    FORM_QUANTILE,  /* $1 values, $2 in 0..1 */
    FORM_ASC,       /* sort keys: nulls last */
    FORM_DESC,
    FORM_COUNT,
};

struct dialect {
    const char *name;
    void (*ident)(struct buf *out, const char *name);
    void (*text)(struct buf *out, const char *s); /* a literal; s is UTF-8 without NUL */
    void (*real)(struct buf *out, double d);      /* finite */
    void (*time)(struct buf *out, int64_t ms);    /* within CIVIL_MIN_MS..CIVIL_MAX_MS */
    const char *null_text;                        /* a null whose type is text */
    const char *forms[FORM_COUNT];
};

extern const struct dialect dialect_duckdb;

#endif
