#ifndef LINQ_AST_H
#define LINQ_AST_H

/*
 * The syntax tree of one query, and the arena that holds it. A tree is built once by the parser
 * and only read afterwards; everything in it lives as long as its arena, so nothing is freed node
 * by node and a deep tree costs no deep recursion to drop.
 *
 * Depth: every node knows the height of the tree below it (subqueries included); the parser
 * refuses more than LINQ_DEPTH_MAX, so that whoever walks the tree may recurse. `and`, `or` and
 * comparison chains are flat lists and may be long.
 */

#include "common/base/attrs.h"
#include "common/linq/linq.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- arena ----------------------------------------------------------------------------------- */

struct arena_block;
struct arena {
    struct arena_block *head;
};

void arena_done(struct arena *a);
void *arena_alloc(struct arena *a, size_t n); /* zeroed, aligned for any type */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_strdup(struct arena *a, const char *s);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A growing list of pointers inside an arena. */
struct ptrs {
    void **items;
    size_t n, cap;
};
void ptrs_add(struct arena *a, struct ptrs *p, void *item);

/* --- places ---------------------------------------------------------------------------------- */

/* Bytes [off, end) of the text; line and column count from 1, column in characters. */
struct place {
    uint32_t off, end;
    int line, column;
};

/* --- expressions ----------------------------------------------------------------------------- */

enum op {
    OP_NONE,
    OP_OR,
    OP_AND,
    OP_NOT,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_HAS,    /* a -> b: b in a */
    OP_IHAS,   /* a ->> b: the same, ignoring case */
    OP_MEMBER, /* a <- b: a in b */
    OP_IN,
    OP_MATCH, /* a ~ re("...") */
    OP_ELSE,  /* a ?: b */
    OP_BOR,
    OP_BXOR,
    OP_BAND,
    OP_SHL,
    OP_SHR,
    OP_USHR,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,  /* integer division of two integers */
    OP_RDIV, /* real division */
    OP_REM,  /* sign of the left side */
    OP_MOD,  /* sign of the right side */
    OP_NEG,
    OP_BNOT,
    OP_AT, /* a[b] */
    OP_COUNT,
};

enum expr_kind {
    EX_NULL,
    EX_BOOL,     /* i */
    EX_INT,      /* i */
    EX_FLOAT,    /* d */
    EX_STR,      /* s */
    EX_DURATION, /* i: milliseconds */
    EX_IP4,      /* i: the address as a number */
    EX_NET4,     /* i: first address, bits */
    EX_COLUMN,   /* s */
    EX_ARRAY,    /* args */
    EX_SET,      /* args */
    EX_MAP,      /* args: key, value, key, value ... */
    EX_TUPLE,    /* args */
    EX_CALL,     /* fn, args */
    EX_OP,       /* op, args: one, two, or for and/or any number */
    EX_CHAIN,    /* args a, b, c ... with ops[0] between a and b, ops[1] between b and c */
    EX_SUBQUERY, /* sub */
};

struct linq_func;
struct pipeline;

struct expr {
    unsigned char kind, op; /* enum expr_kind, enum op */
    unsigned char bits;     /* EX_NET4 */
    short depth;
    uint32_t n; /* of args */
    union {
        int64_t i;
        double d;
        const char *s;
        const struct linq_func *fn; /* the first row of that name */
        const struct pipeline *sub;
        const unsigned char *ops; /* enum op */
    };
    struct expr **args;
    struct place at;
};

/* --- clauses --------------------------------------------------------------------------------- */

enum clause_kind {
    CL_SELECT,
    CL_WHERE,
    CL_GROUP,
    CL_EVERY,
    CL_ORDER,
    CL_LIMIT,
    CL_OFFSET,
};

struct item {
    struct expr *e;    /* NULL: `*` */
    const char *alias; /* NULL: none given */
    const char *text;  /* the expression as written, blanks made even: name of a column without
                        * alias */
    bool desc;
    struct place at;
};

#define EVERY_ABSENT (-1) /* no `every` was written; 0: `every -` or `every 0` */

struct clause {
    enum clause_kind kind;
    struct place at;
    struct item *items;
    size_t n;
    int64_t every_ms; /* CL_GROUP, CL_EVERY */
    int64_t number;   /* CL_LIMIT, CL_OFFSET */
};

/* One query or subquery: the table, then its clauses in the order in which they work. `pragma`
 * leaves no trace. */
struct pipeline {
    const char *table;
    struct place table_at;
    struct clause *clauses;
    size_t n;
    int depth; /* of its deepest expression */
};

struct linq_query {
    struct arena arena;
    const char *text; /* a copy, NUL-terminated */
    struct pipeline *main;
    struct ptrs tables; /* char *, distinct, main first */
};

/* Fills err with "line L, column C: found 'x', expected y" and returns E_INVALID. expected may be
 * NULL; note, if given, is put behind. */
int linq_fail_found(struct linq_error *err, const char *text, struct place at, const char *expected,
                    const char *note);

/* Fills err with "line L, column C: words" and returns code. */
int linq_fail(struct linq_error *err, const char *text, struct place at, enum errc code,
              const char *fmt, ...) PRINTF_LIKE(5, 6);

#endif
