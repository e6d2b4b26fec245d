#include "tests/unit/engine_world.h"
#include "worker/engine/engine_duckdb_files.h"
#include "worker/engine/engine_duckdb_session.h"

/* Which files a query reads, and that it reaches no others. */

static void
test_globs(void **state)
{
    const struct {
        const char *glob, *table;
        bool want;
    } rows[] = {
        {"**", "a", true},           {"**", "a.b.c", true},     {"a.**", "a.b.c", true},
        {"a.**", "a", true},         {"a.**", "ab.c", false},   {"a.*", "a.b", true},
        {"a.*", "a.b.c", false},     {"a.*", "a", false},       {"a.b", "a.b", true},
        {"a.b", "a.bc", false},      {"a.b", "a.b.c", false},   {"a.x*", "a.xyz", true},
        {"**.data", "a.data", true}, {"**.data", "data", true}, {"**.data", "a.b.data", true},
        {"**.data", "a.dat", false}, {"*.*", "a.b", true},      {"", "a", false},
        {"a.**.d", "a.b.c.d", true}, {"a.**.d", "a.d", true},   {"a.**.d", "a.b.c", false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (table_glob_match(rows[i].glob, rows[i].table) != rows[i].want)
            fail_msg("'%s' on '%s': want %d", rows[i].glob, rows[i].table, rows[i].want);
    }
}

static void
test_who_may_read(void **state)
{
    static const char *const only_shop[] = {"shop.*.orders", "shop.eu.items", NULL};
    static const char *const nothing[] = {NULL};
    struct world w;

    (void)state;
    world_init(&w);
    make_file(&w, "shop/eu/orders/1.parquet", "SELECT 1 AS x");
    make_file(&w, "shop/eu/items/1.parquet", "SELECT 2 AS x");
    make_file(&w, "shop/eu/secrets/1.parquet", "SELECT 3 AS x");
    make_file(&w, "shop/us/orders/1.parquet", "SELECT 4 AS x");
    assert_csv(&w, (struct query){.linq = "from shop select x", .globs = only_shop},
               "x\n2\n1\n4\n");
    assert_csv(&w, (struct query){.linq = "from shop.eu select x"}, "x\n2\n1\n3\n");
    assert_error(&w, (struct query){.linq = "from shop.eu.secrets select x", .globs = only_shop},
                 E_NOT_FOUND, "unknown table 'shop.eu.secrets'");
    assert_error(&w, (struct query){.linq = "from shop.eu.order", .globs = only_shop}, E_NOT_FOUND,
                 "did you mean 'shop.eu.orders' or 'shop.us.orders'");
    assert_error(&w, (struct query){.linq = "from shop.eu.secret"}, E_NOT_FOUND,
                 "did you mean 'shop.eu.secrets'");
    assert_error(&w, (struct query){.linq = "from shop.eu.secret", .globs = only_shop}, E_NOT_FOUND,
                 "unknown table 'shop.eu.secret'");
    assert_error(&w, (struct query){.linq = "from shop", .globs = nothing}, E_NOT_FOUND,
                 "unknown table 'shop'");
    assert_error(&w,
                 (struct query){.linq = "from shop.eu.orders where x in (from shop.eu.secrets "
                                        "select x) select x",
                                .globs = only_shop},
                 E_NOT_FOUND, "unknown table 'shop.eu.secrets'");
    world_done(&w);
}

static void
test_bad_names_and_links(void **state)
{
    static const char *const names[] = {"`..`.etc", "a.`../b`", "`a/b`", "`.`", "`a.`"};
    struct errinfo ei = ERRINFO_INIT;
    struct world w;
    char *from, *to;

    (void)state;
    world_init(&w);
    make_file(&w, "a/b/1.parquet", "SELECT 1 AS x");
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        char *linq = mem_printf("from %s", names[i]);
        int rc = run(&w, (struct query){.linq = linq}, NULL, &ei);

        if (rc != E_INVALID && rc != E_NOT_FOUND)
            fail_msg("%s: got %d '%s', want a refusal", linq, rc, ei.msg);
        free(linq);
    }
    /* A link inside the data folder is fine, one that leads out is refused by name. */
    from = mem_printf("%s/a/b/2.parquet", w.data);
    to = mem_printf("%s/a/b/1.parquet", w.data);
    assert_int_equal(symlink(to, from), 0);
    assert_csv(&w, (struct query){.linq = "from a.b"}, "x\n1\n1\n");
    free(to);
    to = mem_printf("%s/outside.parquet", w.scratch);
    assert_int_equal(unlink(from), 0);
    assert_int_equal(fs_replace_file(to, "x", 1, 0644, &ei), 0);
    assert_int_equal(symlink(to, from), 0);
    assert_error(&w, (struct query){.linq = "from a.b"}, E_DENIED,
                 "'a/b/2.parquet' is a link that leads out of the data folder");
    assert_int_equal(unlink(from), 0);
    /* A folder that contains itself is walked once. */
    free(from);
    from = mem_printf("%s/a/b/loop", w.data);
    assert_int_equal(symlink("..", from), 0);
    assert_csv(&w, (struct query){.linq = "from a.b"}, "x\n1\n");
    free(from);
    free(to);
    world_done(&w);
}

static void
test_max_files(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    for (int i = 0; i < 4; i++) {
        char *name = mem_printf("t/%d.csv", i);

        make_text(&w, name, "x\n1\n");
        free(name);
    }
    set(&w, "duckdb.max_files", "3");
    assert_error(&w, (struct query){.linq = "from t"}, E_PERMANENT, "more than 3 files");
    set(&w, "duckdb.max_files", "4");
    assert_csv(&w, (struct query){.linq = "from t"}, "x\n1\n1\n1\n1\n");
    world_done(&w);
}

static void
test_domain(void **state)
{
    struct world w;
    char *root;

    (void)state;
    world_init(&w);
    make_file(&w, "one/t/1.parquet", "SELECT 1 AS x");
    make_file(&w, "two/t/1.parquet", "SELECT 2 AS x");
    root = mem_printf("%s/{domain}", w.data);
    set(&w, "duckdb.data_dir", root);
    assert_csv(&w, (struct query){.linq = "from t", .domain = "one"}, "x\n1\n");
    assert_csv(&w, (struct query){.linq = "from t", .domain = "two"}, "x\n2\n");
    assert_error(&w, (struct query){.linq = "from t", .domain = "../data/one"}, E_INVALID,
                 "domain");
    assert_error(&w, (struct query){.linq = "from t", .domain = ".."}, E_INVALID, "domain");
    assert_error(&w, (struct query){.linq = "from t", .domain = "three"}, E_NOT_FOUND,
                 "data folder");
    free(root);
    world_done(&w);
}

static int
snapshot_of(struct world *w, const char *stored, char **ret, struct errinfo *ei)
{
    struct linq_binding binding = {.to_ms = INT64_MAX, .job_id = "job", .limit = -1};
    struct engine_query q = {
        .linq = "from t", .binding = &binding, .table_globs = ANYTHING, .scratch_dir = w->scratch};
    const struct engine_ops *ops = engine_find("duckdb");
    struct engine *e = NULL;
    int rc = ops->open(w->cfg, &q, &e, ei);

    if (rc == 0)
        rc = ops->snapshot(e, stored, ret, ei);
    ops->close(e);
    return rc;
}

static void
test_snapshot(void **state)
{
    struct errinfo ei = ERRINFO_INIT;
    char *stored = NULL, *second = NULL, *path;
    struct timespec times[2] = {{1, 0}, {1, 0}};
    struct world w;

    (void)state;
    world_init(&w);
    make_text(&w, "t/1.csv", "x\n1\n");
    make_text(&w, "t/2.csv", "x\n2\n");
    assert_int_equal(snapshot_of(&w, NULL, &stored, &ei), 0);
    assert_non_null(strstr(stored, "{\"t\":[{\"name\":\"t/1.csv\",\"size\":4,"));
    assert_int_equal(snapshot_of(&w, stored, &second, &ei), 0);
    assert_string_equal(second, stored);
    /* What arrives later is not the job's. */
    make_text(&w, "t/0.csv", "x\n0\n");
    make_text(&w, "t/3.csv", "x\n3\n");
    assert_csv(&w, (struct query){.linq = "from t", .stored = stored}, "x\n1\n2\n");
    assert_csv(&w, (struct query){.linq = "from t"}, "x\n0\n1\n2\n3\n");
    make_text(&w, "t/2.csv", "x\n22\n");
    assert_error(&w, (struct query){.linq = "from t", .stored = stored}, E_CONFLICT,
                 "file 't/2.csv' has changed since the job began: 4 bytes then, 5 now");
    path = mem_printf("%s/t/1.csv", w.data);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_error(&w, (struct query){.linq = "from t", .stored = stored}, E_CONFLICT,
                 "file 't/1.csv' was written since the job began");
    assert_int_equal(unlink(path), 0);
    assert_error(&w, (struct query){.linq = "from t", .stored = stored}, E_CONFLICT,
                 "file 't/1.csv' is gone since the job began");
    assert_error(&w, (struct query){.linq = "from t", .stored = "{\"t\":"}, E_PERMANENT,
                 "cannot be read");
    assert_error(&w, (struct query){.linq = "from t", .stored = "{\"t\":[]}"}, E_PERMANENT,
                 "lacks table 't'");
    free(path);
    free(stored);
    free(second);
    world_done(&w);
}

/* What a hostile SQL text would try, past the language: the session itself holds. */
static void
test_sandbox(void **state)
{
    struct world w;
    struct errinfo ei = ERRINFO_INIT;
    struct session *s = NULL;
    struct session_column *columns;
    const char *paths[1];
    char *own, *link, *temp, *sql, *last = NULL;
    size_t n;

    (void)state;
    world_init(&w);
    make_file(&w, "own/1.parquet", "SELECT 1 AS x");
    make_file(&w, "other/1.parquet", "SELECT 2 AS x");
    own = mem_printf("%s/own/1.parquet", w.data);
    link = mem_printf("%s/passwd", w.scratch);
    temp = mem_printf("%s/tmp", w.scratch);
    paths[0] = own;
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(session_open(w.cfg, temp, w.data, &s, &ei), 0);
    assert_int_equal(session_restrict(s, w.scratch, paths, 1, &ei), 0);
    assert_int_equal(session_lock(s, 1, &ei), 0);

    const struct {
        const char *name, *sql;
    } rows[] = {
        {"another file", "SELECT * FROM read_text('/etc/passwd')"},
        {"a blob", "SELECT * FROM read_blob('/etc/passwd')"},
        {"as csv", "SELECT * FROM read_csv('/etc/passwd')"},
        {"by name", "SELECT * FROM '/etc/passwd'"},
        {"environment", "SELECT * FROM read_text('/proc/self/environ')"},
        {"another table", "SELECT * FROM read_parquet('%s/../data/other/1.parquet')"},
        {"a listing", "SELECT * FROM glob('/etc/*')"},
        {"dots", "SELECT * FROM read_text('%s/../../../etc/passwd')"},
        {"a link in the scratch folder", "SELECT * FROM read_text('%s/passwd')"},
        {"http", "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')"},
        {"setting", "SET enable_external_access=true"},
        {"setting back", "RESET enable_external_access"},
        {"threads", "SET threads=64"},
        {"pragma", "PRAGMA threads=64"},
        {"attach", "ATTACH '%s/x.db' AS x"},
        {"install", "INSTALL httpfs"},
        {"load", "LOAD httpfs"},
        {"copy out", "COPY (SELECT 1) TO '%s/x.csv'"},
        {"copy over the data", "COPY (SELECT 9 AS x) TO '%s/../data/own/1.parquet'"},
        {"export", "EXPORT DATABASE '%s/x'"},
        {"create", "CREATE TABLE x AS SELECT 1"},
        {"two statements", "SELECT 1; SELECT 2"},
        {"hidden second", "SELECT 1; COPY (SELECT 1) TO '%s/x.csv'"},
        {"explain", "EXPLAIN ANALYZE SELECT 1"},
        {"call", "CALL pragma_version()"},
        {"nothing", ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *hole = strstr(rows[i].sql, "%s");
        struct engine_column col = {0};
        struct engine_batch b = {0, 1, &col};
        int rc;

        sql = hole != NULL ? mem_printf("%.*s%s%s", (int)(hole - rows[i].sql), rows[i].sql,
                                        w.scratch, hole + 2)
                           : mem_strdup(rows[i].sql);
        rc = session_describe(s, sql, &columns, &n, &ei);
        if (rc == 0) {
            session_columns_free(columns, n);
            rc = session_stream(s, sql, &ei);
        }
        if (rc == 0)
            rc = session_next(s, &b, &ei);
        if (rc >= 0)
            fail_msg("%s: '%s' was let through", rows[i].name, sql);
        free(last);
        last = sql;
    }
    free(last);
    /* The same without the check for one SELECT: the settings hold by themselves. */
    assert_true(session_run(s, "SET threads=64", &ei) < 0);
    assert_true(session_run(s, "SET enable_external_access=true", &ei) < 0);
    assert_true(session_run(s, "COPY (SELECT 1) TO '/tmp/bl-engine-escaped.csv'", &ei) < 0);
    assert_true(session_run(s, "ATTACH '/tmp/bl-engine-escaped.db' AS x", &ei) < 0);
    assert_true(session_run(s, "LOAD httpfs", &ei) < 0);
    sql = mem_printf("SELECT x FROM read_parquet('%s')", own);
    if (session_describe(s, sql, &columns, &n, &ei) < 0)
        fail_msg("the table's own file is refused: %s", ei.msg);
    session_columns_free(columns, n);
    session_close(s);
    free(sql);
    sql = mem_printf("%s/x.csv", w.scratch);
    assert_int_not_equal(access(sql, F_OK), 0);
    free(sql);
    assert_csv(&w, (struct query){.linq = "from own"}, "x\n1\n");
    free(own);
    free(link);
    free(temp);
    world_done(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_globs),
        cmocka_unit_test(test_who_may_read),
        cmocka_unit_test(test_bad_names_and_links),
        cmocka_unit_test(test_max_files),
        cmocka_unit_test(test_domain),
        cmocka_unit_test(test_snapshot),
        cmocka_unit_test(test_sandbox),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
