#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/fs.h"
#include "worker/chunk/chunk_writer.h"
#include "worker/encode/csv_encoder.h"
#include "worker/engine/engine.h"

#include <duckdb.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

/*
 * The data path of a runner alone, engine to files, against DuckDB's own gzip CSV copy:
 *
 *     bench_export <data dir> <table> <from ms> <to ms> <format> <fast|balanced|best> <threads>
 *     bench_export --copy <data dir> <table> <from ms> <to ms>
 *     bench_export --make <rows> <file.parquet>
 *
 * Prints one line: rows, seconds, MB of CSV per second, compressed bytes, peak memory, CPU seconds.
 * TIME_COLUMN in the environment names the time column (eventdate). --make writes a web log.
 */

struct totals {
    int64_t rows, files, bytes, csv_bytes;
};

static int
on_sealed(void *ctx, unsigned index, const struct chunk_file *f, struct errinfo *ei)
{
    struct totals *t = ctx;

    (void)index;
    (void)ei;
    t->files++;
    t->rows += f->end - f->start;
    t->bytes += f->bytes;
    t->csv_bytes += f->content_bytes;
    return 0;
}

static void
report(const char *what, const struct totals *t, int64_t begin_ms)
{
    double seconds = (double)(clock_mono_ms() - begin_ms) / 1000;
    struct rusage ru;

    getrusage(RUSAGE_SELF, &ru);
    printf("%s: rows=%lld seconds=%.2f csv_mb=%.0f csv_mb_per_s=%.0f files=%lld bytes=%lld "
           "peak_mib=%ld cpu_s=%.2f\n",
           what, (long long)t->rows, seconds, (double)t->csv_bytes / 1e6,
           (double)t->csv_bytes / 1e6 / seconds, (long long)t->files, (long long)t->bytes,
           ru.ru_maxrss / 1024,
           (double)ru.ru_utime.tv_sec + (double)ru.ru_stime.tv_sec +
               (double)(ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1e6);
}

static const char *
time_column(void)
{
    const char *name = getenv("TIME_COLUMN");

    return name != NULL ? name : "eventdate";
}

static int
pump(const struct engine_ops *ops, struct engine *e, struct csv_encoder *enc, struct chunker *c,
     struct errinfo *ei)
{
    struct chunk_block b = {.csv = BUF_INIT(256u << 20)};
    const struct engine_batch *batch;
    size_t row;
    int rc;

    while ((rc = ops->next(e, &batch, ei)) == 0 && batch->rows > 0) {
        for (row = 0; rc == 0 && row < batch->rows;) {
            size_t n = csv_encode_until(enc, batch, row, batch->rows - row, CHUNK_BLOCK_BYTES,
                                        &b.csv, &b.last_row_at);

            row += n;
            b.rows += (int64_t)n;
            if (b.csv.len >= CHUNK_BLOCK_BYTES)
                rc = chunker_block(c, &b, ei);
        }
        if (rc < 0)
            break;
    }
    if (rc == 0)
        rc = chunker_block(c, &b, ei);
    if (rc == 0)
        rc = chunker_finish(c, ei);
    buf_done(&b.csv);
    return rc;
}

static int
export_with(const struct engine_ops *ops, struct engine *e, struct chunker_options *o,
            struct errinfo *ei)
{
    struct csv_options csv = {0};
    struct buf header = BUF_INIT(1 << 20);
    struct csv_encoder *enc = NULL;
    struct chunker *c = NULL;
    const struct linq_sql *plan;
    int64_t rows;
    int rc;

    rc = ops->prepare(e, ei);
    if (rc < 0)
        return rc;
    plan = ops->plan(e);
    if (plan->class_ == LINQ_MATERIALISED)
        rc = ops->materialise(e, &rows, ei);
    csv_encode_header(&csv, plan->columns, plan->column_count, &header);
    o->header = &header;
    if (rc == 0)
        rc = chunker_open(o, &c, ei);
    if (rc == 0) {
        enc = csv_encoder_new(&csv, plan->column_count);
        rc = pump(ops, e, enc, c, ei);
    }
    csv_encoder_free(enc);
    chunker_close(c);
    buf_done(&header);
    return rc;
}

static int
run_export(char **arg, struct errinfo *ei)
{
    static const char *const everything[] = {"**", NULL};
    char dir[] = "/tmp/bench-export-XXXXXX";
    struct config *cfg = config_new();
    struct linq_binding binding = {.from_ms = strtoll(arg[2], NULL, 10),
                                   .to_ms = strtoll(arg[3], NULL, 10),
                                   .job_id = "bench",
                                   .limit = -1};
    char *linq = mem_printf("from %s", arg[1]);
    char *set_dir = mem_printf("duckdb.data_dir=%s", arg[0]);
    char *set_time = mem_printf("duckdb.time_columns=%s=%s", arg[1], time_column());
    struct engine_query q = {.job_id = "bench",
                             .linq = linq,
                             .binding = &binding,
                             .table_globs = everything,
                             .domain = "bench"};
    struct chunker_options o = {.format = arg[4],
                                .entry_stem = "bench",
                                .max_bytes = 500000000,
                                .first_index = 1,
                                .sealed = on_sealed};
    const struct engine_ops *ops = engine_find("duckdb");
    struct totals t = {0, 0, 0, 0};
    struct engine *e = NULL;
    int64_t begin = clock_mono_ms();
    int rc;

    o.level = strcmp(arg[5], "best") == 0       ? CHUNK_BEST
              : strcmp(arg[5], "balanced") == 0 ? CHUNK_BALANCED
                                                : CHUNK_FAST;
    o.threads = (unsigned)strtoul(arg[6], NULL, 10);
    o.ctx = &t;
    q.scratch_dir = mkdtemp(dir);
    o.slot_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = config_set(cfg, set_dir, ei);
    if (rc == 0)
        rc = config_set(cfg, set_time, ei);
    if (rc == 0)
        rc = ops->open(cfg, &q, &e, ei);
    if (rc == 0)
        rc = export_with(ops, e, &o, ei);
    if (rc == 0)
        report(arg[4], &t, begin);
    ops->close(e);
    close(o.slot_fd);
    if (fs_remove_tree(AT_FDCWD, dir, true, NULL) < 0)
        fprintf(stderr, "cannot remove %s\n", dir);
    free(linq);
    free(set_dir);
    free(set_time);
    config_free(cfg);
    return rc;
}

static int
run_sql(duckdb_connection con, const char *sql, int64_t *ret_rows, struct errinfo *ei)
{
    duckdb_result res;
    int rc = 0;

    if (duckdb_query(con, sql, &res) != DuckDBSuccess)
        rc = errinfo_set(ei, E_PERMANENT, "%s", duckdb_result_error(&res));
    else if (ret_rows != NULL)
        *ret_rows = (int64_t)duckdb_rows_changed(&res);
    duckdb_destroy_result(&res);
    return rc;
}

static int
with_duckdb(const char *sql, int64_t *ret_rows, struct errinfo *ei)
{
    duckdb_database db = NULL;
    duckdb_connection con = NULL;
    int rc = 0;

    if (duckdb_open(NULL, &db) != DuckDBSuccess || duckdb_connect(db, &con) != DuckDBSuccess)
        rc = errinfo_set(ei, E_PERMANENT, "cannot open DuckDB");
    if (rc == 0)
        rc = run_sql(con, sql, ret_rows, ei);
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return rc;
}

static int
run_copy(char **arg, struct errinfo *ei)
{
    char dir[] = "/tmp/bench-export-XXXXXX";
    char *table = mem_strdup(arg[1]);
    struct buf sql = BUF_INIT(1 << 16);
    struct totals t = {0, 1, 0, 0};
    int64_t begin = clock_mono_ms();
    int rc;

    for (char *p = table; *p != '\0'; p++)
        *p = *p == '.' ? '/' : *p;
    if (mkdtemp(dir) == NULL)
        return errinfo_set(ei, E_PERMANENT, "cannot create a folder");
    buf_printf(&sql,
               "COPY (SELECT * FROM read_parquet('%s/%s/**/*.parquet') WHERE \"%s\" >= "
               "make_timestamp(%s * 1000::BIGINT) AND \"%s\" < make_timestamp(%s * 1000::BIGINT)) "
               "TO '%s/x.csv.gz' (FORMAT csv, COMPRESSION gzip, HEADER)",
               arg[0], table, time_column(), arg[2], time_column(), arg[3], dir);
    rc = with_duckdb(buf_str(&sql), &t.rows, ei);
    if (rc == 0)
        rc = fs_dir_bytes(dir, &t.bytes, ei);
    if (rc == 0)
        report("duckdb copy", &t, begin);
    if (fs_remove_tree(AT_FDCWD, dir, true, NULL) < 0)
        fprintf(stderr, "cannot remove %s\n", dir);
    buf_done(&sql);
    free(table);
    return rc;
}

/* A web log like that of the examples, in time order, repeatable. */
static int
run_make(char **arg, struct errinfo *ei)
{
    struct buf sql = BUF_INIT(1 << 16);
    int rc;

    buf_printf(
        &sql,
        "SET preserve_insertion_order=true; COPY (SELECT "
        "make_timestamp(1546083949000000 + (i * 864000000000 // %s) // 1000 * 1000) AS eventdate, "
        "['www.shop.example','api.shop.example','static.shop.example'][1 + h %% 3] AS host, "
        "['GET','GET','GET','POST','PUT','DELETE'][1 + h // 7 %% 6] AS method, "
        "'/product/' || (h // 11 %% 5000) || '/category.screen?category_id=' || (h // 13 %% 40) "
        "|| '&JSESSIONID=SD' || (h // 17 %% 1000000) AS uri, "
        "'HTTP 1.1' AS protocol, "
        "[200,200,200,200,302,404,500][1 + h // 19 %% 7]::INTEGER AS statusCode, "
        "(h // 23 %% 60000)::BIGINT AS bytesTransferred, (h // 29 %% 1000)::INTEGER AS timeTaken, "
        "(h // 31 %% 223 + 1) || '.' || (h // 37 %% 256) || '.' || (h // 41 %% 256) || '.' || "
        "(h // 43 %% 256) AS clientIpAddress, "
        "['Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/536.5 (KHTML, like Gecko) "
        "Chrome/19.0.1084.46 Safari/536.5', 'Opera/9.20 (Windows NT 6.0; U; en)', "
        "'Googlebot/2.1 ( http://www.googlebot.com/bot.html)'][1 + h // 47 %% 3] AS userAgent, "
        "'http://www.shop.example/product/' || (h // 53 %% 5000) AS referralUri, "
        "CASE WHEN h // 59 %% 5 = 0 THEN NULL ELSE 'SESSIONID=SD' || (h // 61 %% 100000000) END "
        "AS cookie FROM (SELECT i, (hash(i) // 4)::BIGINT AS h FROM range(%s) t(i))) TO '%s' "
        "(FORMAT parquet)",
        arg[0], arg[0], arg[1]);
    rc = with_duckdb(buf_str(&sql), NULL, ei);
    buf_done(&sql);
    return rc;
}

int
main(int argc, char **argv)
{
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    if (argc == 8) {
        rc = run_export(argv + 1, &ei);
    } else if (argc == 6 && strcmp(argv[1], "--copy") == 0) {
        rc = run_copy(argv + 2, &ei);
    } else if (argc == 4 && strcmp(argv[1], "--make") == 0) {
        rc = run_make(argv + 2, &ei);
    } else {
        fprintf(stderr, "usage: bench_export <data dir> <table> <from ms> <to ms> <format> <level> "
                        "<threads>\n       bench_export --copy <data dir> <table> <from ms> <to "
                        "ms>\n       bench_export --make <rows> <file.parquet>\n");
        return 2;
    }
    if (rc < 0)
        fprintf(stderr, "%s\n", ei.msg);
    return rc < 0 ? 1 : 0;
}
