#ifndef WORKER_ENGINE_ENGINE_DUCKDB_SESSION_H
#define WORKER_ENGINE_ENGINE_DUCKDB_SESSION_H

/*
 * One in-memory DuckDB with one connection: statements, result columns, batches, its types and its
 * errors in our terms. The only module that knows duckdb.h; it knows nothing of tables or jobs.
 *
 * Used from one thread, session_interrupt excepted. Errors are words for the user; sets E_CANCELLED
 * after an interrupt, E_INVALID where the query or the data does not fit, E_PERMANENT where the
 * engine or the files fail, E_NOSPACE when the disk is full.
 */

#include "common/base/buf.h"
#include "worker/engine/engine.h"

struct session;

/* How a value must be cast on its way. */
enum session_cast {
    CAST_NONE,
    CAST_VARCHAR,
    CAST_TIMESTAMP,
    CAST_JSON,      /* nested values, for later functions */
    CAST_JSON_TEXT, /* nested values, as text */
    CAST_MS,        /* an interval as milliseconds */
    CAST_BIGINT,
    CAST_UINTEGER,
};

/* A column of a relation or of a result. */
struct session_column {
    char *name;
    enum linq_type linq;         /* what the language sees */
    enum session_cast in_view;   /* ... after this cast */
    enum session_cast in_result; /* what the encoder needs */
    enum column_kind kind;       /* ... and how the column lies in memory after it */
};

/* Reads memory_limit and max_temp of section duckdb.
 * Single-threaded, insertion order kept, UTC, no extensions, no secrets. data_root is cut out of
 * messages. E_PERMANENT: the library is too old or refuses a setting. */
int session_open(const struct config *cfg, const char *temp_dir, const char *data_root,
                 struct session **ret, struct errinfo *ei) MUST_CHECK;
void session_close(struct session *s); /* accepts NULL */
const char *session_version(void);

/* From here on the session opens the files paths and what lies in dir (absolute, links resolved),
 * and nothing else. Before any text of a user. */
int session_restrict(struct session *s, const char *dir, const char *const *paths, size_t count,
                     struct errinfo *ei) MUST_CHECK;
/* Sets the threads; no setting can be changed afterwards. */
int session_lock(struct session *s, int64_t threads, struct errinfo *ei) MUST_CHECK;

/* One or more statements of our own. */
int session_run(struct session *s, const char *sql, struct errinfo *ei) MUST_CHECK;
/* One long statement that can be interrupted; rows that it changed or wrote. */
int session_execute(struct session *s, const char *sql, int64_t *ret_rows,
                    struct errinfo *ei) MUST_CHECK;

/* Columns of a SELECT without running it. Refuses everything but exactly one SELECT: COPY, ATTACH
 * and the like could write where a query may read. Free with session_columns_free. */
int session_describe(struct session *s, const char *sql, struct session_column **ret,
                     size_t *ret_count, struct errinfo *ei) MUST_CHECK;
void session_columns_free(struct session_column *columns, size_t count);

/* Starts a SELECT whose result is fetched by session_next; one at a time. */
int session_stream(struct session *s, const char *sql, struct errinfo *ei) MUST_CHECK;
/* Kind of a column of the started SELECT; count of its columns. */
size_t session_stream_columns(struct session *s);
enum column_kind session_stream_kind(struct session *s, size_t i);
/* Points rows, data and validity of the batch at the next rows; rows = 0 at the end. */
int session_next(struct session *s, struct engine_batch *b, struct errinfo *ei) MUST_CHECK;

/* From any thread: whatever runs or is started afterwards ends with E_CANCELLED. */
void session_interrupt(struct session *s);

/* Appends the expression with the cast around it. */
void session_put_cast(struct buf *out, enum session_cast cast, const char *expr);

#endif
