#ifndef WORKER_ENGINE_ENGINE_H
#define WORKER_ENGINE_ENGINE_H

/*
 * What runs queries: a table of functions, found by name (registry.c). The runner never names an
 * engine. Order of calls: open, snapshot, prepare, materialise where the plan says so and there is
 * no result yet, then next until it gives 0 rows, close. Used from one thread; interrupt alone may
 * come from another thread or a signal handler's loop, at any time between open and close.
 *
 * A batch is column-wise and borrowed until the next call of next() or close().
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/linq/linq.h"

#include <stdbool.h>
#include <stdint.h>

/* How a column lies in memory. */
enum column_kind {
    COL_BOOL, /* uint8_t 0/1 */
    COL_I8,
    COL_I16,
    COL_I32,
    COL_I64,
    COL_U8,
    COL_U16,
    COL_U32,
    COL_U64,
    COL_I128, /* struct { uint64_t lower; int64_t upper; } */
    COL_F32,
    COL_F64,
    COL_TIMESTAMP, /* int64_t microseconds since 1970 UTC */
    COL_DATE,      /* int32_t days since 1970 */
    COL_DURATION,  /* int64_t milliseconds */
    COL_STR,       /* struct engine_str of UTF-8 bytes */
    COL_IP4,       /* uint32_t host order */
};

/* The engine's string cell; read it with engine_str_data/len (DuckDB: 16 bytes, inline to 12). */
struct engine_str {
    union {
        struct {
            uint32_t len;
            char prefix[4];
            const char *ptr;
        } far;
        struct {
            uint32_t len;
            char bytes[12];
        } near;
    } v;
};

static inline uint32_t
engine_str_len(const struct engine_str *s)
{
    return s->v.near.len;
}

static inline const char *
engine_str_data(const struct engine_str *s)
{
    return s->v.near.len <= 12 ? s->v.near.bytes : s->v.far.ptr;
}

struct engine_column {
    enum column_kind kind;
    const void *data;         /* rows cells of the kind's type */
    const uint64_t *validity; /* bit i of word i / 64 set = not null; NULL = no nulls */
};

struct engine_batch {
    size_t rows;
    size_t column_count;
    struct engine_column *columns;
};

/* One query, as the runner got it from the supervisor. Borrowed until close. */
struct engine_query {
    const char *job_id;
    const char *linq;
    const struct linq_binding *binding;
    const char *const *table_globs; /* which tables the caller may read; NULL-terminated */
    const char *domain;             /* stands for {domain} in the data root */
    const char *scratch_dir; /* the slot: temporary files, the result of a materialised run */
    bool have_result;        /* scratch_dir/result.parquet holds the materialised result */
    int64_t skip_rows;       /* resume: rows of the result to leave out */
};

struct engine; /* an opened instance */

struct engine_ops {
    const char *name;
    int (*open)(const struct config *cfg, const struct engine_query *q, struct engine **ret,
                struct errinfo *ei);
    /* The files the tables consist of, as text for the job record (JSON, caller frees): name,
     * size, mtime in ns, inode. With a stored one given, exactly its files are read: what arrived
     * since is not the job's, and E_CONFLICT names the first of them that is gone or changed. */
    int (*snapshot)(struct engine *e, const char *stored, char **ret, struct errinfo *ei);
    /* Translates, prepares, locks the sandbox. Afterwards columns, class and exact are known.
     * E_INVALID / E_NOT_FOUND: words about the LINQ query. */
    int (*prepare)(struct engine *e, struct errinfo *ei);
    const struct linq_sql *(*plan)(const struct engine *e);
    /* Materialised queries: runs to scratch_dir/result.parquet, fsynced. Rows in *ret_rows. */
    int (*materialise)(struct engine *e, int64_t *ret_rows, struct errinfo *ei);
    /* Next batch; rows == 0 at the end. E_CANCELLED after interrupt. */
    int (*next)(struct engine *e, const struct engine_batch **ret, struct errinfo *ei);
    void (*interrupt)(struct engine *e);
    void (*close)(struct engine *e);
    const char *(*version)(void); /* part of the resume point: another version, another order */
};

const struct engine_ops *engine_find(const char *name); /* NULL: unknown */

#endif
