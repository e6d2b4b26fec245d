#include "worker/engine/engine_duckdb_session.h"

#include "worker/engine/engine_duckdb_sql.h"

#include <duckdb.h>
#include <stdatomic.h>
#include <stdlib.h>

#define VERSION_MIN 1 /* major; the C API of the pinned header */
#define SQL_MAX     (64u << 20)

struct session {
    char *data_root;
    duckdb_database db;
    duckdb_connection con;
    duckdb_prepared_statement statement; /* of the stream */
    duckdb_result result;
    bool streaming, ended;
    duckdb_data_chunk chunk;
    atomic_bool interrupted;
};

/* --- types ----------------------------------------------------------------------------------- */

static const struct {
    const char *before, *after;
} casts[] = {
    [CAST_NONE] = {"", ""},
    [CAST_VARCHAR] = {"CAST(", " AS VARCHAR)"},
    [CAST_TIMESTAMP] = {"CAST(", " AS TIMESTAMP)"},
    [CAST_JSON] = {"to_json(", ")"},
    [CAST_JSON_TEXT] = {"CAST(to_json(", ") AS VARCHAR)"},
    [CAST_MS] = {"epoch_ms(", ")"},
    [CAST_BIGINT] = {"CAST(", " AS BIGINT)"},
    [CAST_UINTEGER] = {"CAST(", " AS UINTEGER)"},
};

void
session_put_cast(struct buf *out, enum session_cast cast, const char *expr)
{
    buf_puts(out, casts[cast].before);
    buf_puts(out, expr);
    buf_puts(out, casts[cast].after);
}

struct type_row {
    duckdb_type type;
    enum linq_type linq;         /* what the language sees */
    enum session_cast in_view;   /* before the language sees it */
    enum session_cast in_result; /* before the encoder sees it */
    enum column_kind kind;       /* what the encoder sees */
};

static const struct type_row type_rows[] = {
    {DUCKDB_TYPE_BOOLEAN, LINQ_BOOL, CAST_NONE, CAST_NONE, COL_BOOL},
    {DUCKDB_TYPE_TINYINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_I8},
    {DUCKDB_TYPE_SMALLINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_I16},
    {DUCKDB_TYPE_INTEGER, LINQ_INT, CAST_NONE, CAST_NONE, COL_I32},
    {DUCKDB_TYPE_BIGINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_I64},
    {DUCKDB_TYPE_UTINYINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_U8},
    {DUCKDB_TYPE_USMALLINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_U16},
    {DUCKDB_TYPE_UINTEGER, LINQ_INT, CAST_NONE, CAST_NONE, COL_U32},
    {DUCKDB_TYPE_UBIGINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_U64},
    {DUCKDB_TYPE_HUGEINT, LINQ_INT, CAST_NONE, CAST_NONE, COL_I128},
    {DUCKDB_TYPE_UHUGEINT, LINQ_INT, CAST_NONE, CAST_VARCHAR, COL_STR},
    {DUCKDB_TYPE_BIGNUM, LINQ_INT, CAST_NONE, CAST_VARCHAR, COL_STR},
    {DUCKDB_TYPE_FLOAT, LINQ_FLOAT, CAST_NONE, CAST_NONE, COL_F32},
    {DUCKDB_TYPE_DOUBLE, LINQ_FLOAT, CAST_NONE, CAST_NONE, COL_F64},
    {DUCKDB_TYPE_DECIMAL, LINQ_FLOAT, CAST_NONE, CAST_VARCHAR, COL_STR},
    {DUCKDB_TYPE_TIMESTAMP, LINQ_TIMESTAMP, CAST_NONE, CAST_NONE, COL_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_S, LINQ_TIMESTAMP, CAST_TIMESTAMP, CAST_TIMESTAMP, COL_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_MS, LINQ_TIMESTAMP, CAST_TIMESTAMP, CAST_TIMESTAMP, COL_TIMESTAMP},
    {DUCKDB_TYPE_TIMESTAMP_NS, LINQ_TIMESTAMP, CAST_TIMESTAMP, CAST_TIMESTAMP, COL_TIMESTAMP},
    /* Not cast in the view: comparisons with it are pushed down to the files' statistics. */
    {DUCKDB_TYPE_TIMESTAMP_TZ, LINQ_TIMESTAMP, CAST_NONE, CAST_TIMESTAMP, COL_TIMESTAMP},
    {DUCKDB_TYPE_DATE, LINQ_TIMESTAMP, CAST_NONE, CAST_NONE, COL_DATE},
    {DUCKDB_TYPE_VARCHAR, LINQ_STR, CAST_NONE, CAST_NONE, COL_STR},
    {DUCKDB_TYPE_LIST, LINQ_ARRAY, CAST_NONE, CAST_JSON_TEXT, COL_STR},
    {DUCKDB_TYPE_ARRAY, LINQ_ARRAY, CAST_NONE, CAST_JSON_TEXT, COL_STR},
    {DUCKDB_TYPE_STRUCT, LINQ_JSON, CAST_JSON, CAST_JSON_TEXT, COL_STR},
    {DUCKDB_TYPE_MAP, LINQ_JSON, CAST_JSON, CAST_JSON_TEXT, COL_STR},
    {DUCKDB_TYPE_UNION, LINQ_JSON, CAST_JSON, CAST_JSON_TEXT, COL_STR},
    {DUCKDB_TYPE_INTERVAL, LINQ_STR, CAST_VARCHAR, CAST_MS, COL_DURATION},
};

/* UUID, ENUM, TIME, BLOB, BIT and whatever comes later: their text. */
static const struct type_row type_other = {DUCKDB_TYPE_INVALID, LINQ_STR, CAST_VARCHAR,
                                           CAST_VARCHAR, COL_STR};

static const struct type_row *
type_row_of(duckdb_type type)
{
    for (size_t i = 0; i < ARRAY_LEN(type_rows); i++) {
        if (type_rows[i].type == type)
            return &type_rows[i];
    }
    return &type_other;
}

static enum linq_type
linq_type_of(duckdb_logical_type lt)
{
    char *alias = duckdb_logical_type_get_alias(lt);
    bool json = alias != NULL && strcmp(alias, "JSON") == 0;

    duckdb_free(alias);
    return json ? LINQ_JSON : type_row_of(duckdb_get_type_id(lt))->linq;
}

/* --- errors and statements ------------------------------------------------------------------- */

/* The engine's messages begin with the name of their class; the C API gives the class as a number
 * only for some of them. */
static const struct error_row {
    const char *class;
    enum errc code;
    const char *before; /* words in front of the engine's */
} error_rows[] = {
    {"Out of Memory Error", E_PERMANENT,
     "the query needs more memory than it may use (duckdb.memory_limit)"},
    {"Permission Error", E_INVALID, "the query may not do that"},
    {"IO Error", E_PERMANENT, "reading or writing a file failed"},
    {"INTERNAL Error", E_PERMANENT, "the engine failed"},
    {"FATAL Error", E_PERMANENT, "the engine failed"},
    {"Conversion Error", E_INVALID, "a value does not have the type that the query needs"},
    {"Out of Range Error", E_INVALID, "a value is out of range"},
};

static int
set_error(struct session *s, const char *msg, struct errinfo *ei)
{
    const struct error_row *row = NULL;
    char words[768];

    if (msg == NULL || msg[0] == '\0')
        msg = "no reason given";
    if (strncmp(msg, "INTERRUPT", 9) == 0 || atomic_load(&s->interrupted))
        return errinfo_set(ei, E_CANCELLED, "the query was interrupted");
    sql_error_words(msg, s->data_root, words, sizeof(words));
    if (strstr(words, "No space left") != NULL)
        return errinfo_set(ei, E_NOSPACE, "%s", words);
    for (size_t i = 0; i < ARRAY_LEN(error_rows) && row == NULL; i++) {
        if (strncmp(msg, error_rows[i].class, strlen(error_rows[i].class)) == 0)
            row = &error_rows[i];
    }
    if (row == NULL)
        return errinfo_set(ei, E_INVALID, "%s", words);
    return errinfo_set(ei, row->code, "%s: %s", row->before, words);
}

/* One of our own statements, without a result. */
int
session_run(struct session *s, const char *sql, struct errinfo *ei)
{
    duckdb_result res;
    int rc = 0;

    if (duckdb_query(s->con, sql, &res) != DuckDBSuccess)
        rc = set_error(s, duckdb_result_error(&res), ei);
    duckdb_destroy_result(&res);
    return rc;
}

static int
prepare_sql(struct session *s, const char *sql, duckdb_prepared_statement *ret, struct errinfo *ei)
{
    int rc;

    if (duckdb_prepare(s->con, sql, ret) == DuckDBSuccess)
        return 0;
    rc = set_error(s, duckdb_prepare_error(*ret), ei);
    duckdb_destroy_prepare(ret);
    return rc;
}

/* Runs a prepared statement in small tasks, so that an interrupt is seen at any time, also in the
 * moment before the engine itself would notice it. */
static int
execute(struct session *s, duckdb_prepared_statement st, bool stream, duckdb_result *ret,
        struct errinfo *ei)
{
    const struct timespec pause = {0, 500000};
    duckdb_pending_result pending = NULL;
    duckdb_pending_state state = DUCKDB_PENDING_RESULT_NOT_READY;
    duckdb_state made;
    int rc = 0;

    made = stream ? duckdb_pending_prepared_streaming(st, &pending)
                  : duckdb_pending_prepared(st, &pending);
    if (made != DuckDBSuccess) {
        rc = set_error(s, duckdb_pending_error(pending), ei);
        goto out;
    }
    while (!duckdb_pending_execution_is_finished(state) && state != DUCKDB_PENDING_ERROR) {
        /* Said again: an interrupt before the start of a query is forgotten by the engine. */
        if (atomic_load(&s->interrupted))
            duckdb_interrupt(s->con);
        state = duckdb_pending_execute_task(pending);
        /* The engine's other threads have it all: no event tells when, so look again soon. */
        if (state == DUCKDB_PENDING_NO_TASKS_AVAILABLE)
            nanosleep(&pause, NULL);
    }
    if (state == DUCKDB_PENDING_ERROR) {
        rc = set_error(s, duckdb_pending_error(pending), ei);
    } else if (duckdb_execute_pending(pending, ret) != DuckDBSuccess) {
        rc = set_error(s, duckdb_result_error(ret), ei);
        duckdb_destroy_result(ret);
    }
out:
    duckdb_destroy_pending(&pending);
    return rc;
}

int
session_execute(struct session *s, const char *sql, int64_t *ret_rows, struct errinfo *ei)
{
    duckdb_prepared_statement st = NULL;
    duckdb_result res;
    int rc = prepare_sql(s, sql, &st, ei);

    if (rc < 0)
        return rc;
    rc = execute(s, st, false, &res, ei);
    if (rc == 0) {
        *ret_rows = (int64_t)duckdb_rows_changed(&res);
        duckdb_destroy_result(&res);
    }
    duckdb_destroy_prepare(&st);
    return rc;
}

/* --- columns --------------------------------------------------------------------------------- */

static int
prepare_select(struct session *s, const char *sql, duckdb_prepared_statement *ret,
               struct errinfo *ei)
{
    duckdb_extracted_statements all = NULL;
    idx_t n = duckdb_extract_statements(s->con, sql, &all);
    int rc = 0;

    if (n == 0 && duckdb_extract_statements_error(all) == NULL)
        rc = errinfo_set(ei, E_INVALID, "the query is empty");
    else if (n == 0)
        rc = set_error(s, duckdb_extract_statements_error(all), ei);
    else if (n != 1)
        rc = errinfo_set(ei, E_INVALID, "the query is more than one statement");
    else if (duckdb_prepare_extracted_statement(s->con, all, 0, ret) != DuckDBSuccess)
        rc = set_error(s, duckdb_prepare_error(*ret), ei);
    else if (duckdb_prepared_statement_type(*ret) != DUCKDB_STATEMENT_TYPE_SELECT)
        rc = errinfo_set(ei, E_INVALID, "the query is not a SELECT");
    duckdb_destroy_extracted(&all);
    if (rc < 0)
        duckdb_destroy_prepare(ret);
    return rc;
}

int
session_describe(struct session *s, const char *sql, struct session_column **ret, size_t *ret_count,
                 struct errinfo *ei)
{
    duckdb_prepared_statement st = NULL;
    struct session_column *columns;
    const struct type_row *row;
    duckdb_logical_type type;
    const char *name;
    idx_t n;
    int rc = prepare_select(s, sql, &st, ei);

    if (rc < 0)
        return rc;
    n = duckdb_prepared_statement_column_count(st);
    columns = mem_zalloc(n * sizeof(*columns));
    for (idx_t i = 0; i < n; i++) {
        name = duckdb_prepared_statement_column_name(st, i);
        type = duckdb_prepared_statement_column_logical_type(st, i);
        row = type_row_of(duckdb_get_type_id(type));
        columns[i].name = mem_strdup(name != NULL ? name : "");
        columns[i].linq = linq_type_of(type);
        columns[i].in_view = row->in_view;
        columns[i].in_result = row->in_result;
        columns[i].kind = row->kind;
        duckdb_free((void *)(uintptr_t)name);
        duckdb_destroy_logical_type(&type);
    }
    duckdb_destroy_prepare(&st);
    *ret = columns;
    *ret_count = n;
    return 0;
}

void
session_columns_free(struct session_column *columns, size_t count)
{
    for (size_t i = 0; columns != NULL && i < count; i++)
        free(columns[i].name);
    free(columns);
}

/* --- streaming ------------------------------------------------------------------------------- */

int
session_stream(struct session *s, const char *sql, struct errinfo *ei)
{
    int rc = prepare_sql(s, sql, &s->statement, ei);

    if (rc == 0)
        rc = execute(s, s->statement, true, &s->result, ei);
    s->streaming = rc == 0;
    return rc;
}

size_t
session_stream_columns(struct session *s)
{
    return duckdb_column_count(&s->result);
}

enum column_kind
session_stream_kind(struct session *s, size_t i)
{
    return type_row_of(duckdb_column_type(&s->result, i))->kind;
}

static void
fill_batch(struct session *s, struct engine_batch *b)
{
    duckdb_vector v;

    b->rows = duckdb_data_chunk_get_size(s->chunk);
    for (idx_t i = 0; i < b->column_count; i++) {
        v = duckdb_data_chunk_get_vector(s->chunk, i);
        b->columns[i].data = duckdb_vector_get_data(v);
        b->columns[i].validity = duckdb_vector_get_validity(v);
    }
}

int
session_next(struct session *s, struct engine_batch *b, struct errinfo *ei)
{
    const char *msg;

    b->rows = 0;
    while (!s->ended && b->rows == 0) {
        if (atomic_load(&s->interrupted))
            return errinfo_set(ei, E_CANCELLED, "the query was interrupted");
        duckdb_destroy_data_chunk(&s->chunk);
        s->chunk = duckdb_fetch_chunk(s->result);
        if (s->chunk != NULL) {
            fill_batch(s, b);
            continue;
        }
        msg = duckdb_result_error(&s->result);
        if (msg != NULL && msg[0] != '\0')
            return set_error(s, msg, ei);
        s->ended = true;
    }
    return 0;
}

void
session_interrupt(struct session *s)
{
    atomic_store(&s->interrupted, true);
    duckdb_interrupt(s->con);
}

/* --- open and close -------------------------------------------------------------------------- */

static int
open_database(struct session *s, const struct config *cfg, const char *temp_dir, struct errinfo *ei)
{
    const char *const settings[][2] = {
        {"threads", "1"},
        {"memory_limit", config_str(cfg, "duckdb.memory_limit")},
        {"temp_directory", temp_dir},
        {"max_temp_directory_size", config_str(cfg, "duckdb.max_temp")},
        {"preserve_insertion_order", "true"},
        {"allow_persistent_secrets", "false"},
        {"autoinstall_known_extensions", "false"},
        {"autoload_known_extensions", "false"},
        {"allow_community_extensions", "false"},
        {"allow_unsigned_extensions", "false"},
    };
    duckdb_config config = NULL;
    char *msg = NULL;
    int rc = 0;

    if (duckdb_create_config(&config) != DuckDBSuccess)
        return errinfo_set(ei, E_PERMANENT, "the engine cannot be configured");
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(settings); i++) {
        if (duckdb_set_config(config, settings[i][0], settings[i][1]) != DuckDBSuccess)
            rc = errinfo_set(ei, E_PERMANENT, "the engine refuses the setting %s = %s",
                             settings[i][0], settings[i][1]);
    }
    if (rc == 0 && duckdb_open_ext(NULL, &s->db, config, &msg) != DuckDBSuccess)
        rc = errinfo_set(ei, E_PERMANENT, "the engine cannot be opened: %s",
                         msg != NULL ? msg : "no reason given");
    duckdb_free(msg);
    duckdb_destroy_config(&config);
    if (rc == 0 && duckdb_connect(s->db, &s->con) != DuckDBSuccess)
        rc = errinfo_set(ei, E_PERMANENT, "the engine accepts no connection");
    if (rc == 0)
        rc = session_run(s, "SET TimeZone='UTC'; SET parquet_metadata_cache=true", ei);
    return rc;
}

static int
check_version(struct errinfo *ei)
{
    const char *v = duckdb_library_version();

    if (v != NULL && v[0] == 'v' && strtol(v + 1, NULL, 10) >= VERSION_MIN)
        return 0;
    return errinfo_set(ei, E_PERMANENT, "DuckDB's library is version %s; %d.0 or later is needed",
                       v != NULL ? v : "unknown", VERSION_MIN);
}

int
session_open(const struct config *cfg, const char *temp_dir, const char *data_root,
             struct session **ret, struct errinfo *ei)
{
    struct session *s = mem_zalloc(sizeof(*s));
    int rc;

    s->data_root = mem_strdup(data_root);
    rc = check_version(ei);
    if (rc == 0)
        rc = open_database(s, cfg, temp_dir, ei);
    if (rc < 0) {
        session_close(s);
        return rc;
    }
    *ret = s;
    return 0;
}

int
session_restrict(struct session *s, const char *dir, const char *const *paths, size_t count,
                 struct errinfo *ei)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    int rc;

    buf_puts(&sql, "SET allowed_directories=[");
    sql_put_literal(&sql, dir);
    buf_puts(&sql, "]; SET allowed_paths=[");
    for (size_t i = 0; i < count; i++) {
        if (i > 0)
            buf_putc(&sql, ',');
        sql_put_literal(&sql, paths[i]);
    }
    /* The lists take effect, and become unchangeable, with the switch behind them. */
    buf_puts(&sql, "]; SET enable_external_access=false");
    rc = session_run(s, buf_str(&sql), ei);
    buf_done(&sql);
    return rc;
}

int
session_lock(struct session *s, int64_t threads, struct errinfo *ei)
{
    char sql[96];

    snprintf(sql, sizeof(sql), "SET threads=%lld; SET lock_configuration=true", (long long)threads);
    return session_run(s, sql, ei);
}

void
session_close(struct session *s)
{
    if (s == NULL)
        return;
    duckdb_destroy_data_chunk(&s->chunk);
    if (s->streaming)
        duckdb_destroy_result(&s->result);
    duckdb_destroy_prepare(&s->statement);
    duckdb_disconnect(&s->con);
    duckdb_close(&s->db);
    free(s->data_root);
    free(s);
}

const char *
session_version(void)
{
    return duckdb_library_version();
}

/* The encoder reads the engine's strings where they lie. */
_Static_assert(sizeof(struct engine_str) == sizeof(duckdb_string_t), "string cells differ");
