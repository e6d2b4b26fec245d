#ifndef WORKER_ENGINE_ENGINE_DUCKDB_SQL_H
#define WORKER_ENGINE_ENGINE_DUCKDB_SQL_H

/*
 * SQL text around the tables' files, and the engine's messages in words for the user. Text in, text
 * out; nothing here needs the engine.
 */

#include "common/base/buf.h"
#include "worker/engine/engine_duckdb_files.h"

/* Appends a text in the quotes that make it a name ("...") or a literal ('...'). */
void sql_put_name(struct buf *out, const char *name);
void sql_put_literal(struct buf *out, const char *text);

/* Appends the relation of a table: SELECT * FROM read_parquet([...]) and so on, the files in their
 * order; different formats or partition keys are united by column name. */
void sql_put_table(struct buf *out, const struct table_files *files);

/* What went wrong, for the user: without the class word, the generated SQL and the data folder's
 * path. ret has room for size bytes. */
void sql_error_words(const char *engine_msg, const char *data_root, char *ret, size_t size);

#endif
