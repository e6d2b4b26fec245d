#include "worker/engine/engine_backends.h"
#include "worker/engine/engine_duckdb_files.h"
#include "worker/engine/engine_duckdb_session.h"
#include "worker/engine/engine_duckdb_sql.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

/*
 * DuckDB, in this process.
 *
 * What the query can reach is decided before any text of the user is seen: the files of its tables
 * and the scratch folder, nothing else, and no setting can be changed any more. Tables are
 * temporary views named by their dotted name.
 */

#define RESULT_FILE "result.parquet"
#define SQL_MAX     (64u << 20)

struct table {
    char *relation; /* "a.b.c" in SQL's quotes */
    char *time_column;
    struct linq_column *columns;
    size_t column_count;
};

struct engine {
    const struct config *cfg;
    const struct engine_query *query;
    struct linq_query *linq;
    char *data_root;
    struct session *session;
    struct table_files *files; /* one entry for each table of the query */
    struct table *tables;
    size_t table_count;
    bool files_known;
    bool planned;
    struct linq_sql plan;
    char *select;            /* the plan's SQL with result columns cast for the encoder */
    enum column_kind *kinds; /* of the result */
    bool result_ready;       /* the result file is there */
    bool started;
    struct engine_batch batch;
};

/* --- open ------------------------------------------------------------------------------------ */

static int
parse_query(struct engine *e, struct errinfo *ei)
{
    struct linq_error err;

    if (linq_parse(e->query->linq, strlen(e->query->linq), &e->linq, &err) < 0)
        return errinfo_set(ei, E_INVALID, "%s", err.msg);
    e->table_count = linq_table_count(e->linq);
    e->files = mem_zalloc(e->table_count * sizeof(*e->files));
    e->tables = mem_zalloc(e->table_count * sizeof(*e->tables));
    return 0;
}

static void duckdb_engine_close(struct engine *e);

static int
duckdb_engine_open(const struct config *cfg, const struct engine_query *q, struct engine **ret,
                   struct errinfo *ei)
{
    struct engine *e = mem_zalloc(sizeof(*e));
    char *temp_dir = mem_printf("%s/tmp", q->scratch_dir);
    int rc;

    e->cfg = cfg;
    e->query = q;
    e->result_ready = q->have_result;
    rc = parse_query(e, ei);
    if (rc == 0)
        rc = table_data_root(config_str(cfg, "duckdb.data_dir"), q->domain, &e->data_root, ei);
    if (rc == 0)
        rc = session_open(cfg, temp_dir, e->data_root, &e->session, ei);
    free(temp_dir);
    if (rc < 0) {
        duckdb_engine_close(e);
        return rc;
    }
    *ret = e;
    return 0;
}

/* --- tables ---------------------------------------------------------------------------------- */

static int
find_files(struct engine *e, struct errinfo *ei)
{
    size_t max_files = (size_t)config_int(e->cfg, "duckdb.max_files");
    int rc = 0;

    for (size_t i = 0; rc == 0 && !e->files_known && i < e->table_count; i++)
        rc = table_files_find(e->data_root, linq_table_name(e->linq, i), e->query->table_globs,
                              max_files, &e->files[i], ei);
    if (rc == 0)
        e->files_known = true;
    return rc;
}

static int
duckdb_engine_snapshot(struct engine *e, const char *stored, char **ret, struct errinfo *ei)
{
    int rc = find_files(e, ei);

    if (rc == 0 && stored != NULL)
        rc = snapshot_apply(stored, e->files, e->table_count, ei);
    if (rc == 0)
        *ret = snapshot_format(e->files, e->table_count);
    return rc;
}

/* From here on the engine opens the tables' files and the scratch folder, nothing else. */
static int
restrict_files(struct engine *e, struct errinfo *ei)
{
    char *scratch = realpath(e->query->scratch_dir, NULL);
    const char **paths;
    size_t n = 0;
    int rc;

    if (scratch == NULL)
        return errinfo_errno(ei, errno, "the runner's scratch folder cannot be opened");
    for (size_t t = 0; t < e->table_count; t++)
        n += e->files[t].count;
    paths = mem_alloc(n * sizeof(*paths));
    n = 0;
    for (size_t t = 0; t < e->table_count; t++) {
        for (size_t i = 0; i < e->files[t].count; i++)
            paths[n++] = e->files[t].items[i].path;
    }
    rc = session_restrict(e->session, scratch, paths, n, ei);
    free(paths);
    free(scratch);
    return rc;
}

/* Columns of a relation, and what must be cast for the language (REPLACE list, maybe empty). */
static int
describe(struct engine *e, const char *select, struct table *t, struct buf *replace,
         struct errinfo *ei)
{
    struct session_column *columns = NULL;
    struct buf name = BUF_INIT(SQL_MAX);
    size_t n = 0;
    int rc = session_describe(e->session, select, &columns, &n, ei);

    if (rc < 0)
        return rc;
    t->columns = mem_zalloc(n * sizeof(*t->columns));
    t->column_count = n;
    for (size_t i = 0; i < n; i++) {
        t->columns[i].name = mem_strdup(columns[i].name);
        t->columns[i].type = columns[i].linq;
        if (columns[i].in_view == CAST_NONE)
            continue;
        buf_reset(&name);
        sql_put_name(&name, columns[i].name);
        buf_puts(replace, replace->len == 0 ? " REPLACE (" : ", ");
        session_put_cast(replace, columns[i].in_view, buf_str(&name));
        buf_printf(replace, " AS %s", buf_str(&name));
    }
    if (replace->len != 0)
        buf_putc(replace, ')');
    buf_done(&name);
    session_columns_free(columns, n);
    return 0;
}

static bool
has_column(const struct table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++) {
        if (strcmp(t->columns[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Configured for the table as asked for, or alike for each table below that; else eventdate. */
static char *
time_column_of(const struct engine *e, const struct table_files *f, const struct table *t)
{
    static const char option[] = "duckdb.time_columns";
    char *name = config_lookup(e->cfg, option, f->table), *other;

    if (name == NULL)
        name = config_lookup(e->cfg, option, f->items[0].table);
    for (size_t i = 1; name != NULL && i < f->count; i++) {
        if (strcmp(f->items[i].table, f->items[0].table) == 0)
            continue;
        other = config_lookup(e->cfg, option, f->items[i].table);
        if (other != NULL && strcmp(other, name) != 0) {
            free(name);
            name = NULL;
        }
        free(other);
    }
    if (name == NULL)
        name = mem_strdup("eventdate");
    if (has_column(t, name))
        return name;
    free(name);
    return NULL;
}

static int
create_table(struct engine *e, size_t i, struct errinfo *ei)
{
    struct table *t = &e->tables[i];
    struct buf name = BUF_INIT(4096), source = BUF_INIT(SQL_MAX), replace = BUF_INIT(SQL_MAX);
    struct buf sql = BUF_INIT(SQL_MAX);
    int rc;

    sql_put_name(&name, e->files[i].table);
    sql_put_table(&source, &e->files[i]);
    rc = describe(e, buf_str(&source), t, &replace, ei);
    if (rc == 0) {
        buf_printf(&sql, "CREATE TEMP VIEW %s AS SELECT *%s FROM (%s)", buf_str(&name),
                   buf_str(&replace), buf_str(&source));
        rc = session_run(e->session, buf_str(&sql), ei);
    }
    if (rc < 0)
        errinfo_prepend(ei, "table '%s'", e->files[i].table);
    t->relation = buf_take(&name);
    if (rc == 0)
        t->time_column = time_column_of(e, &e->files[i], t);
    buf_done(&source);
    buf_done(&replace);
    buf_done(&sql);
    return rc;
}

/* --- the translator's questions -------------------------------------------------------------- */

static struct table *
find_table(struct engine *e, const char *name)
{
    for (size_t i = 0; i < e->table_count; i++) {
        if (strcmp(e->files[i].table, name) == 0)
            return &e->tables[i];
    }
    return NULL;
}

static int
catalog_columns(void *ctx, const char *table, const struct linq_column **ret, size_t *ret_count,
                struct errinfo *ei)
{
    struct table *t = find_table(ctx, table);

    if (t == NULL)
        return errinfo_set(ei, E_NOT_FOUND, "unknown table '%s'", table);
    *ret = t->columns;
    *ret_count = t->column_count;
    return 0;
}

static const char *
catalog_time_column(void *ctx, const char *table)
{
    struct table *t = find_table(ctx, table);

    return t != NULL ? t->time_column : NULL;
}

static const char *
catalog_relation(void *ctx, const char *table)
{
    struct table *t = find_table(ctx, table);

    return t != NULL ? t->relation : NULL;
}

/* --- prepare --------------------------------------------------------------------------------- */

/* How a result column reaches the encoder: by its engine type, and by what the language means. */
static enum session_cast
result_cast(const struct engine *e, const struct session_column *c, enum linq_type meant,
            enum column_kind *ret)
{
    bool integer = c->linq == LINQ_INT && c->in_result == CAST_NONE;

    if (meant == LINQ_IP4 && integer) {
        *ret = COL_IP4;
        return CAST_UINTEGER;
    }
    if (meant == LINQ_DURATION && integer) {
        *ret = COL_DURATION;
        return CAST_BIGINT;
    }
    /* A Parquet file has no 128-bit integers: the result file holds their digits. */
    if (c->kind == COL_I128 && e->plan.class_ == LINQ_MATERIALISED) {
        *ret = COL_STR;
        return CAST_VARCHAR;
    }
    *ret = c->kind;
    return c->in_result;
}

static int
plan_result(struct engine *e, struct errinfo *ei)
{
    struct buf list = BUF_INIT(SQL_MAX), names = BUF_INIT(SQL_MAX), sql = BUF_INIT(SQL_MAX);
    struct session_column *columns = NULL;
    enum session_cast cast;
    bool cast_any = false;
    char name[24];
    size_t n = 0;
    int rc = session_describe(e->session, e->plan.sql, &columns, &n, ei);

    if (rc == 0 && n != e->plan.column_count)
        rc = errinfo_set(ei, E_BUG, "the query has %zu columns, its SQL %zu", e->plan.column_count,
                         n);
    if (rc < 0)
        goto out;
    e->kinds = mem_zalloc(n * sizeof(*e->kinds));
    for (size_t i = 0; i < n; i++) {
        cast = result_cast(e, &columns[i], e->plan.columns[i].type, &e->kinds[i]);
        cast_any |= cast != CAST_NONE;
        snprintf(name, sizeof(name), "c%zu", i);
        buf_puts(&list, i > 0 ? ", " : "");
        session_put_cast(&list, cast, name);
        buf_printf(&list, " AS %s", name);
        buf_printf(&names, "%s%s", i > 0 ? ", " : "", name);
    }
    /* The result file wants different names for its columns, which a query need not give. */
    if (cast_any || e->plan.class_ == LINQ_MATERIALISED)
        buf_printf(&sql, "SELECT %s FROM (%s) AS q(%s)", buf_str(&list), e->plan.sql,
                   buf_str(&names));
    else
        buf_puts(&sql, e->plan.sql);
    e->select = buf_take(&sql);
out:
    session_columns_free(columns, n);
    buf_done(&list);
    buf_done(&names);
    buf_done(&sql);
    return rc;
}

static int
translate(struct engine *e, struct errinfo *ei)
{
    struct linq_catalog catalog = {
        .ctx = e,
        .columns = catalog_columns,
        .time_column = catalog_time_column,
        .relation = catalog_relation,
    };
    struct linq_error err = {.msg = ""};
    int rc = linq_to_sql(e->linq, LINQ_DUCKDB, &catalog, e->query->binding, &e->plan, &err);

    if (rc < 0)
        return errinfo_set(ei, (enum errc)rc, "%s", err.msg);
    e->planned = true;
    return 0;
}

/* A row-wise query has one thread, or its rows could come in another order on another run. */
static int64_t
threads_of(const struct engine *e)
{
    return e->plan.class_ == LINQ_ROW_WISE ? 1 : config_int(e->cfg, "duckdb.threads");
}

static int
duckdb_engine_prepare(struct engine *e, struct errinfo *ei)
{
    int rc = find_files(e, ei);

    if (rc == 0)
        rc = restrict_files(e, ei);
    for (size_t i = 0; rc == 0 && i < e->table_count; i++)
        rc = create_table(e, i, ei);
    if (rc == 0)
        rc = translate(e, ei);
    if (rc == 0)
        rc = session_lock(e->session, threads_of(e), ei);
    if (rc == 0)
        rc = plan_result(e, ei);
    return rc;
}

static const struct linq_sql *
duckdb_engine_plan(const struct engine *e)
{
    return e->planned ? &e->plan : NULL;
}

/* --- running --------------------------------------------------------------------------------- */

static int
sync_path(const char *path, struct errinfo *ei)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0 || fsync(fd) < 0)
        rc = errinfo_errno(ei, errno, "cannot sync the result of the query");
    if (fd >= 0)
        close(fd);
    return rc;
}

static int
duckdb_engine_materialise(struct engine *e, int64_t *ret_rows, struct errinfo *ei)
{
    char *part = mem_printf("%s/" RESULT_FILE ".part", e->query->scratch_dir);
    char *done = mem_printf("%s/" RESULT_FILE, e->query->scratch_dir);
    struct buf sql = BUF_INIT(SQL_MAX);
    int rc;

    buf_printf(&sql, "COPY (%s) TO ", e->select);
    sql_put_literal(&sql, part);
    buf_puts(&sql, " (FORMAT parquet)");
    rc = session_execute(e->session, buf_str(&sql), ret_rows, ei);
    if (rc == 0)
        rc = sync_path(part, ei);
    if (rc == 0 && rename(part, done) < 0)
        rc = errinfo_errno(ei, errno, "cannot rename the result of the query");
    if (rc == 0)
        rc = sync_path(e->query->scratch_dir, ei);
    if (rc < 0)
        unlink(part);
    e->result_ready = rc == 0;
    buf_done(&sql);
    free(part);
    free(done);
    return rc;
}

static bool
kinds_agree(const struct engine *e)
{
    enum column_kind want;

    if (session_stream_columns(e->session) != e->plan.column_count)
        return false;
    for (size_t i = 0; i < e->plan.column_count; i++) {
        want = e->kinds[i];
        if (want == COL_DURATION)
            want = COL_I64;
        else if (want == COL_IP4)
            want = COL_U32;
        if (session_stream_kind(e->session, i) != want)
            return false;
    }
    return true;
}

static int
start_stream(struct engine *e, struct errinfo *ei)
{
    struct buf sql = BUF_INIT(SQL_MAX);
    char *path;
    int rc;

    if (e->query->skip_rows > 0)
        buf_puts(&sql, "SELECT * FROM (");
    if (e->plan.class_ == LINQ_MATERIALISED) {
        path = mem_printf("%s/" RESULT_FILE, e->query->scratch_dir);
        buf_puts(&sql, "SELECT * FROM read_parquet(");
        sql_put_literal(&sql, path);
        buf_putc(&sql, ')');
        free(path);
    } else {
        buf_puts(&sql, e->select);
    }
    if (e->query->skip_rows > 0)
        buf_printf(&sql, ") OFFSET %lld", (long long)e->query->skip_rows);
    rc = session_stream(e->session, buf_str(&sql), ei);
    buf_done(&sql);
    if (rc < 0)
        return rc;
    if (!kinds_agree(e))
        return errinfo_set(ei, E_PERMANENT, "the result's columns do not have the planned types");
    e->batch.column_count = e->plan.column_count;
    e->batch.columns = mem_zalloc(e->batch.column_count * sizeof(*e->batch.columns));
    for (size_t i = 0; i < e->batch.column_count; i++)
        e->batch.columns[i].kind = e->kinds[i];
    e->started = true;
    return 0;
}

static int
duckdb_engine_next(struct engine *e, const struct engine_batch **ret, struct errinfo *ei)
{
    int rc;

    if (e->plan.class_ == LINQ_MATERIALISED && !e->result_ready)
        return errinfo_set(ei, E_BUG, "next before materialise");
    if (!e->started) {
        rc = start_stream(e, ei);
        if (rc < 0)
            return rc;
    }
    *ret = &e->batch;
    return session_next(e->session, &e->batch, ei);
}

static void
duckdb_engine_interrupt(struct engine *e)
{
    session_interrupt(e->session);
}

static void
duckdb_engine_close(struct engine *e)
{
    if (e == NULL)
        return;
    session_close(e->session);
    for (size_t i = 0; i < e->table_count; i++) {
        table_files_done(&e->files[i]);
        for (size_t c = 0; c < e->tables[i].column_count; c++)
            free(e->tables[i].columns[c].name);
        free(e->tables[i].columns);
        free(e->tables[i].relation);
        free(e->tables[i].time_column);
    }
    if (e->planned)
        linq_sql_done(&e->plan);
    linq_free(e->linq);
    free(e->files);
    free(e->tables);
    free(e->select);
    free(e->kinds);
    free(e->batch.columns);
    free(e->data_root);
    free(e);
}

const struct engine_ops engine_duckdb = {
    .name = "duckdb",
    .open = duckdb_engine_open,
    .snapshot = duckdb_engine_snapshot,
    .prepare = duckdb_engine_prepare,
    .plan = duckdb_engine_plan,
    .materialise = duckdb_engine_materialise,
    .next = duckdb_engine_next,
    .interrupt = duckdb_engine_interrupt,
    .close = duckdb_engine_close,
    .version = session_version,
};
