#ifndef TESTS_UNIT_ENGINE_WORLD_H
#define TESTS_UNIT_ENGINE_WORLD_H

/* What the tests of the DuckDB engine share: folders with made files, a query run to CSV. */

#include "common/base/fs.h"
#include "worker/encode/csv_encoder.h"
#include "worker/engine/engine.h"

#include <duckdb.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#define ANYTHING ((const char *const[]){"**", NULL})

/* A data folder and a scratch folder of their own for each test. */
struct world {
    char dir[64];
    char *data, *scratch;
    struct config *cfg;
    duckdb_database db; /* makes the files */
    duckdb_connection con;
};

static inline void
set(struct world *w, const char *option, const char *value)
{
    struct errinfo ei = ERRINFO_INIT;
    char *s = mem_printf("%s=%s", option, value);

    if (config_set(w->cfg, s, &ei) < 0)
        fail_msg("%s", ei.msg);
    free(s);
}

static inline void
world_init(struct world *w)
{
    struct errinfo ei;
    char real[PATH_MAX];

    memset(w, 0, sizeof(*w));
    snprintf(w->dir, sizeof(w->dir), "%s/bl-engine-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(w->dir));
    assert_non_null(realpath(w->dir, real));
    w->data = mem_printf("%s/data", real);
    w->scratch = mem_printf("%s/scratch", real);
    assert_int_equal(fs_mkdirs(w->data, 0755, &ei), 0);
    assert_int_equal(fs_mkdirs(w->scratch, 0755, &ei), 0);
    w->cfg = config_new();
    set(w, "duckdb.data_dir", w->data);
    assert_int_equal(duckdb_open(NULL, &w->db), DuckDBSuccess);
    assert_int_equal(duckdb_connect(w->db, &w->con), DuckDBSuccess);
}

static inline void
world_done(struct world *w)
{
    struct errinfo ei;

    duckdb_disconnect(&w->con);
    duckdb_close(&w->db);
    config_free(w->cfg);
    free(w->data);
    free(w->scratch);
    assert_int_equal(fs_remove_tree(AT_FDCWD, w->dir, true, &ei), 0);
}

/* Writes the rows of a SELECT to a file of the data folder; the format follows from its name. */
static inline void
make_file(struct world *w, const char *name, const char *select)
{
    char *path = mem_printf("%s/%s", w->data, name);
    char *slash = strrchr(path, '/');
    struct errinfo ei;
    const char *how = strstr(name, ".parquet") != NULL   ? "FORMAT parquet"
                      : strstr(name, ".csv.gz") != NULL  ? "FORMAT csv, HEADER, COMPRESSION gzip"
                      : strstr(name, ".csv.zst") != NULL ? "FORMAT csv, HEADER, COMPRESSION zstd"
                      : strstr(name, ".csv") != NULL     ? "FORMAT csv, HEADER"
                      : strstr(name, "json.gz") != NULL  ? "FORMAT json, COMPRESSION gzip"
                                                         : "FORMAT json";
    char *sql = mem_printf("COPY (%s) TO '%s' (%s)", select, path, how);
    duckdb_result res;

    *slash = '\0';
    assert_int_equal(fs_mkdirs(path, 0755, &ei), 0);
    if (duckdb_query(w->con, sql, &res) != DuckDBSuccess)
        fail_msg("%s: %s", sql, duckdb_result_error(&res));
    duckdb_destroy_result(&res);
    free(sql);
    free(path);
}

static inline void
make_text(struct world *w, const char *name, const char *text)
{
    char *path = mem_printf("%s/%s", w->data, name);
    char *slash = strrchr(path, '/');
    struct errinfo ei;

    *slash = '\0';
    assert_int_equal(fs_mkdirs(path, 0755, &ei), 0);
    *slash = '/';
    assert_int_equal(fs_replace_file(path, text, strlen(text), 0644, &ei), 0);
    free(path);
}

struct query {
    const char *linq;
    const char *const *globs;
    const char *domain;
    int64_t skip_rows;
    bool have_result;
    const char *stored; /* snapshot */
    int64_t from_ms, to_ms;
};

/* Runs a query to CSV with its header. out may be NULL. */
static inline int
run(struct world *w, struct query q, struct buf *out, struct errinfo *ei)
{
    struct linq_binding binding = {.from_ms = q.from_ms,
                                   .to_ms = q.to_ms != 0 ? q.to_ms : INT64_MAX,
                                   .job_id = "job",
                                   .limit = -1};
    struct engine_query eq = {.job_id = "job",
                              .linq = q.linq,
                              .binding = &binding,
                              .table_globs = q.globs != NULL ? q.globs : ANYTHING,
                              .domain = q.domain,
                              .scratch_dir = w->scratch,
                              .have_result = q.have_result,
                              .skip_rows = q.skip_rows};
    const struct engine_ops *ops = engine_find("duckdb");
    const struct engine_batch *b = NULL;
    struct csv_options opt = {.tz_offset_min = 0};
    struct csv_encoder *enc = NULL;
    struct engine *e = NULL;
    char *snapshot = NULL;
    int64_t rows = 0;
    int rc;

    rc = ops->open(w->cfg, &eq, &e, ei);
    if (rc < 0)
        return rc;
    rc = ops->snapshot(e, q.stored, &snapshot, ei);
    if (rc == 0)
        rc = ops->prepare(e, ei);
    if (rc == 0 && ops->plan(e)->class_ == LINQ_MATERIALISED && !q.have_result)
        rc = ops->materialise(e, &rows, ei);
    if (rc == 0 && out != NULL)
        csv_encode_header(&opt, ops->plan(e)->columns, ops->plan(e)->column_count, out);
    if (rc == 0)
        enc = csv_encoder_new(&opt, ops->plan(e)->column_count);
    while (rc == 0 && (rc = ops->next(e, &b, ei)) == 0 && b->rows > 0) {
        if (out != NULL)
            csv_encode_rows(enc, b, 0, b->rows, out);
    }
    csv_encoder_free(enc);
    free(snapshot);
    ops->close(e);
    return rc;
}

static inline char *
csv_of(struct world *w, struct query q)
{
    struct errinfo ei = ERRINFO_INIT;
    struct buf out = BUF_INIT(512 << 20);

    if (run(w, q, &out, &ei) < 0)
        fail_msg("%s: %s", q.linq, ei.msg);
    return buf_take(&out);
}

static inline void
assert_csv(struct world *w, struct query q, const char *want)
{
    char *got = csv_of(w, q);

    if (strcmp(got, want) != 0)
        fail_msg("%s: got\n%s\nwant\n%s", q.linq, got, want);
    free(got);
}

static inline void
assert_error(struct world *w, struct query q, int code, const char *words)
{
    struct errinfo ei = ERRINFO_INIT;
    int rc = run(w, q, NULL, &ei);

    if (rc != code || strstr(ei.msg, words) == NULL)
        fail_msg("%s: got %s '%s', want %s '%s'", q.linq, errc_name((enum errc)rc), ei.msg,
                 errc_name((enum errc)code), words);
    assert_null(strstr(ei.msg, "SELECT"));
    assert_null(strstr(ei.msg, w->data));
}

#endif
