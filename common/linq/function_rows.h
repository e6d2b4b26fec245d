#ifndef LINQ_FUNCTION_ROWS_H
#define LINQ_FUNCTION_ROWS_H

/*
 * How the tables of functions are written, private to functions*.c. A table ends with a row whose
 * name is NULL; rows of one name stand together in one table.
 */

#include "common/linq/functions.h"

extern const struct linq_func func_rows_aggregate[];
extern const struct linq_func func_rows_text[];
extern const struct linq_func func_rows_value[];
extern const struct linq_func func_rows_time[];
extern const struct linq_func func_rows_net[];

/* A scalar function, an aggregate, one that is not exact; and one made by a handler. */
#define SCALAR(name, args, ret, duckdb)                                                            \
    {                                                                                              \
        name, args, ret, 0, SP_NONE,                                                               \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define AGG(name, args, ret, duckdb)                                                               \
    {                                                                                              \
        name, args, ret, FN_AGG, SP_NONE,                                                          \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define AGG_INEXACT(name, args, ret, duckdb)                                                       \
    {                                                                                              \
        name, args, ret, FN_AGG | FN_INEXACT, SP_NONE,                                             \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define SPECIAL(name, args, ret, flags, special, duckdb)                                           \
    {                                                                                              \
        name, args, ret, flags, special,                                                           \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }

#define BOOL  LINQ_BOOL
#define INT   LINQ_INT
#define FLOAT LINQ_FLOAT
#define STR   LINQ_STR
#define TS    LINQ_TIMESTAMP
#define DUR   LINQ_DURATION
#define ARR   LINQ_ARRAY

/* Within what the engine takes as a position or a number of digits. */
#define POSITION(n) "least(greatest(" n ", 0), 2147483646)"
#define DIGITS(n)   "CAST(least(greatest(" n ", -400), 400) AS INTEGER)"

#endif
