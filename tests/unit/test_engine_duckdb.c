#include "tests/unit/engine_world.h"

#include <pthread.h>

/* From a query to rows. */

/* The ways in which files can be a table. Each file holds one row with its letter. */
static void
test_layouts(void **state)
{
    const struct {
        const char *files[4];
        const char *from;
        const char *want; /* column x */
    } rows[] = {
        {{"a/b/c/1.parquet"}, "a.b.c", "1\n"},
        {{"a.b.c/1.parquet"}, "a.b.c", "1\n"},
        {{"a.b.c.parquet"}, "a.b.c", "1\n"},
        {{"a/b.c/1.csv"}, "a.b.c", "1\n"},
        {{"a.b.c.csv.gz"}, "a.b.c", "1\n"},
        {{"a.b.c.csv.zst"}, "a.b.c", "1\n"},
        {{"a.b.c.ndjson"}, "a.b.c", "1\n"},
        {{"a.b.c.jsonl"}, "a.b.c", "1\n"},
        {{"a/b/c/x.json"}, "a.b.c", "1\n"},
        {{"a/b/c/x.json.gz"}, "a.b.c", "1\n"},
        {{"a/b/c/2.parquet", "a/b/c/1.parquet"}, "a.b.c", "2\n1\n"},
        {{"a/b/c/2024/01/x.parquet", "a/b/c/2024/02/x.parquet"}, "a.b.c", "1\n2\n"},
        {{"a/b/c/1.parquet", "a/b/c/2.csv", "a/b/c/3.ndjson"}, "a.b.c", "1\n2\n3\n"},
        {{"a/b/c/1.parquet", "a.b.d/1.parquet", "a.b.e.parquet", "z/1.parquet"},
         "a.b",
         "2\n3\n1\n"},
        {{"a/b/c/1.parquet", "a/b/cc/2.parquet"}, "a.b.c", "1\n"},
        {{"a/b/c/1.parquet", "a/b/c/.2.parquet", "a/b/c/_3.parquet"}, "a.b.c", "1\n"},
        {{"my-app/log_1/1.parquet"}, "`my-app`.log_1", "1\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        char *linq = mem_printf("from %s select x", rows[i].from);
        char *want = mem_printf("x\n%s", rows[i].want);

        world_init(&w);
        for (int k = 0; k < 4 && rows[i].files[k] != NULL; k++) {
            char *select = mem_printf("SELECT %d AS x", k + 1);

            make_file(&w, rows[i].files[k], select);
            free(select);
        }
        make_text(&w, "a/b/c/README.md", "not data");
        assert_csv(&w, (struct query){.linq = linq}, want);
        world_done(&w);
        free(linq);
        free(want);
    }
}

static void
test_hive_and_union(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    make_file(&w, "t/year=2024/month=1/x.parquet", "SELECT 'a' AS v");
    make_file(&w, "t/year=2025/month=12/x.parquet", "SELECT 'b' AS v");
    assert_csv(&w, (struct query){.linq = "from t select v, year, month"},
               "v,year,month\na,2024,1\nb,2025,12\n");
    assert_csv(&w, (struct query){.linq = "from t where month = 12 select v"}, "v\nb\n");
    /* By name: a column that a file lacks is null there. */
    make_file(&w, "u/1.parquet", "SELECT 1 AS a, 'x' AS b");
    make_file(&w, "u/2.parquet", "SELECT 'y' AS b, 2.5 AS c");
    assert_csv(&w, (struct query){.linq = "from u select a, b, c"}, "a,b,c\n1,x,\n,y,2.5\n");
    world_done(&w);
}

/* Every type that a file can bring reaches the CSV as text that can be read back. */
static void
test_types(void **state)
{
    const struct {
        const char *name, *expr, *want;
    } rows[] = {
        {"bool", "true", "true"},
        {"bigint", "-9223372036854775808", "-9223372036854775808"},
        {"ubigint", "18446744073709551615::UBIGINT", "18446744073709551615"},
        {"float", "1.5::FLOAT", "1.5"},
        {"double", "0.1::DOUBLE", "0.1"},
        {"decimal", "1.50::DECIMAL(9,2)", "1.50"},
        {"text", "'a,b'", "\"a,b\""},
        {"empty", "''", "\"\""},
        {"null", "NULL::VARCHAR", ""},
        {"date", "DATE '1969-07-20'", "1969-07-20"},
        {"timestamp", "TIMESTAMP '2018-12-29 11:45:49.123456'", "2018-12-29 11:45:49.123"},
        {"timestamp_ms", "'2018-12-29 11:45:49.123'::TIMESTAMP_MS", "2018-12-29 11:45:49.123"},
        {"timestamp_ns", "'2018-12-29 11:45:49.123456789'::TIMESTAMP_NS",
         "2018-12-29 11:45:49.123"},
        {"timestamptz", "'2018-12-29 11:45:49+02'::TIMESTAMPTZ", "2018-12-29 09:45:49.000"},
        {"uuid", "'6f1e1a3c-1111-4222-8333-944445555666'::UUID",
         "6f1e1a3c-1111-4222-8333-944445555666"},
        {"time", "TIME '11:45:49'", "11:45:49"},
        {"list", "[1,2,3]", "\"[1,2,3]\""},
        {"struct", "{'a': 1, 'b': 'x'}", "\"{\"\"a\"\":1,\"\"b\"\":\"\"x\"\"}\""},
        {"map", "MAP {'k': 2}", "\"{\"\"k\"\":2}\""},
        {"blob", "'abc'::BLOB", "abc"},
        {"enum", "'red'::ENUM('red', 'blue')", "red"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct world w;
        char *select = mem_printf("SELECT %s AS v, 7 AS n", rows[i].expr);
        char *want = mem_printf("v,n\n%s,7\n", rows[i].want);

        world_init(&w);
        make_file(&w, "t/1.parquet", select);
        assert_csv(&w, (struct query){.linq = "from t"}, want);
        world_done(&w);
        free(select);
        free(want);
    }
}

#define EVENTS                                                                                     \
    "SELECT make_timestamp(1000000 * i) AS eventdate, i, 'k' || (i % 40) AS k, i % 7 AS r FROM "   \
    "range(30000) t(i)"

static size_t
lines_of(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += *s == '\n';
    return n;
}

static void
test_time_range(void **state)
{
    struct world w;
    char *got;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet", EVENTS);
    got = csv_of(&w, (struct query){.linq = "from t select i", .from_ms = 5000, .to_ms = 8000});
    assert_string_equal(got, "i\n5\n6\n7\n");
    free(got);
    /* Another name for the time column, of one table and of those below a prefix. */
    make_file(&w, "p/a/1.parquet", "SELECT make_timestamp(1000000 * i) AS d, i FROM range(9) t(i)");
    make_file(&w, "p/b/1.parquet", "SELECT make_timestamp(1000000 * i) AS d, i FROM range(9) t(i)");
    set(&w, "duckdb.time_columns", "p.a=d, p.b=d");
    assert_csv(&w, (struct query){.linq = "from p.a select i", .from_ms = 5000, .to_ms = 7000},
               "i\n5\n6\n");
    assert_csv(&w, (struct query){.linq = "from p select i", .from_ms = 5000, .to_ms = 7000},
               "i\n5\n6\n5\n6\n");
    world_done(&w);
}

static const char *
behind_lines(const char *s, size_t n)
{
    for (; n > 0; n--)
        s = strchr(s, '\n') + 1;
    return s;
}

/* Resuming skips rows: what comes is the tail of the full run, whatever the plan looks like. */
static void
test_resume(void **state)
{
    static const char *const queries[] = {
        "from t select eventdate, i, k",
        ("from t where k in {\"k1\", \"k2\", \"k3\", \"k5\", \"k8\", \"k13\", \"k21\", \"k34\", "
         "\"k39\", \"k40\"} select i, k"),
        "from t where i in (from t where r = 3 select i) select i, r",
        "from t group by k select count() as n, max(i) as m",
    };
    static const int64_t skips[] = {0, 1, 2047, 2048, 5000, 1000000};
    struct world w;
    size_t rows, skip;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet", EVENTS);
    make_file(&w, "t/2.parquet", EVENTS);
    for (size_t q = 0; q < ARRAY_LEN(queries); q++) {
        char *full = csv_of(&w, (struct query){.linq = queries[q]}), *tail;

        rows = lines_of(full) - 1;
        assert_true(rows > 10);
        for (size_t i = 0; i < ARRAY_LEN(skips); i++) {
            skip = (size_t)skips[i] < rows ? (size_t)skips[i] : rows;
            tail = csv_of(&w, (struct query){.linq = queries[q], .skip_rows = skips[i]});
            assert_string_equal(behind_lines(tail, 1), behind_lines(full, 1 + skip));
            free(tail);
        }
        free(full);
    }
    world_done(&w);
}

/* A materialised result is made once and read from its file afterwards, although the data is gone
 * by then. */
static void
test_materialised(void **state)
{
    static const char linq[] = "from t group by k select count() as n, sum(i) as s";
    char *first, *again, *path;
    struct world w;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet", EVENTS);
    first = csv_of(&w, (struct query){.linq = linq});
    assert_int_equal(lines_of(first), 41);
    path = mem_printf("%s/result.parquet", w.scratch);
    assert_int_equal(access(path, R_OK), 0);
    make_file(&w, "t/1.parquet", "SELECT eventdate, i + 1 AS i, k, r FROM (" EVENTS ")");
    again = csv_of(&w, (struct query){.linq = linq, .have_result = true});
    assert_string_equal(again, first);
    free(again);
    again = csv_of(&w, (struct query){.linq = linq, .have_result = true, .skip_rows = 30});
    assert_string_equal(behind_lines(again, 1), behind_lines(first, 31));
    free(again);
    free(first);
    free(path);
    world_done(&w);
}

static void
test_bad_data(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    make_text(&w, "short/x.parquet", "PAR1");
    assert_error(&w, (struct query){.linq = "from short"}, E_INVALID, "short/x.parquet");
    make_text(&w, "junk/x.parquet",
              "this is no parquet file at all, but a longer text without its magic bytes");
    assert_error(&w, (struct query){.linq = "from junk"}, E_INVALID, "junk/x.parquet");
    make_text(&w, "broken/x.ndjson", "{\"a\": 1}\n{\"a\": \n");
    assert_error(&w, (struct query){.linq = "from broken"}, E_INVALID, "broken/x.ndjson");
    make_file(&w, "text/1.parquet", "SELECT 'seven' AS s");
    assert_error(&w, (struct query){.linq = "from text select s where nosuch = 1"}, E_NOT_FOUND,
                 "nosuch");
    assert_error(&w, (struct query){.linq = "from text selct s"}, E_INVALID, "line 1");
    world_done(&w);
}

struct stopper {
    const struct engine_ops *ops;
    struct engine *engine;
    pthread_barrier_t begun;
};

static void *
stop_it(void *arg)
{
    struct stopper *s = arg;

    pthread_barrier_wait(&s->begun);
    s->ops->interrupt(s->engine);
    return NULL;
}

/* The engine's threads do not disturb the order of a result, nor do the casts around it. */
static void
test_order(void **state)
{
    struct world w;
    const char *line;
    char *got, *end;
    long last = 60000;

    (void)state;
    world_init(&w);
    set(&w, "duckdb.threads", "4");
    make_file(&w, "t/1.parquet", "SELECT i, [i] AS list FROM range(60000) t(i)");
    got = csv_of(&w, (struct query){.linq = "from t select i, list order by i desc"});
    assert_int_equal(lines_of(got), 60001);
    for (line = behind_lines(got, 1); *line != '\0'; line = strchr(line, '\n') + 1) {
        long i = strtol(line, &end, 10);

        assert_int_equal(i, last - 1);
        assert_int_equal(strtol(end + 2, NULL, 10), i);
        last = i;
    }
    assert_int_equal(last, 0);
    free(got);
    world_done(&w);
}

/* What does not fit the memory goes through the scratch folder, which the sandbox allows; and what
 * cannot be done in it ends with words. */
static void
test_little_memory(void **state)
{
    struct world w;
    char *got;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet",
              "SELECT i, md5(i::VARCHAR) || md5((i + 1)::VARCHAR) AS k FROM range(2500000) t(i)");
    set(&w, "duckdb.memory_limit", "150MB");
    got = csv_of(&w, (struct query){.linq = "from t select k, i order by k"});
    assert_int_equal(lines_of(got), 2500001);
    free(got);
    set(&w, "duckdb.memory_limit", "2MB");
    assert_error(&w, (struct query){.linq = "from t select k, i order by k"}, E_PERMANENT,
                 "more memory than it may use (duckdb.memory_limit)");
    world_done(&w);
}

/* Values that the language has and the engine has not. */
static void
test_language_types(void **state)
{
    struct world w;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet",
              "SELECT TIMESTAMP '2020-01-01 00:00:00' AS eventdate, TIMESTAMP '2020-01-01 "
              "00:01:30' AS done, '10.1.2.3' AS addr, 9223372036854775807 AS big");
    assert_csv(&w, (struct query){.linq = "from t select ip4(addr) as ip"}, "ip\n10.1.2.3\n");
    assert_csv(&w, (struct query){.linq = "from t select done - eventdate as took"},
               "took\n90000\n");
    assert_csv(&w,
               (struct query){.linq = "from t group by addr select count() as n, max(big) as b"},
               "addr,n,b\n10.1.2.3,1,9223372036854775807\n");
    assert_csv(&w,
               (struct query){.linq = "from t where addr = \"x\" group by addr select count() "
                                      "as n"},
               "addr,n\n");
    assert_csv(&w, (struct query){.linq = "from t where addr = \"x\" select addr"}, "addr\n");
    world_done(&w);
}

/* A query that would run for hours ends at once, also when nothing of it has come yet. */
static void
test_interrupt(void **state)
{
    static const char *const queries[] = {
        "from t group by x select count() as n",
        "from t select eventdate, x",
    };
    struct linq_binding binding = {.to_ms = INT64_MAX, .job_id = "job", .limit = -1};
    struct errinfo ei = ERRINFO_INIT;
    struct world w;

    (void)state;
    world_init(&w);
    make_file(&w, "t/1.parquet",
              "SELECT make_timestamp(i) AS eventdate, hash(i) AS x FROM range(8000000) t(i)");
    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct engine_query q = {.linq = queries[i],
                                 .binding = &binding,
                                 .table_globs = ANYTHING,
                                 .scratch_dir = w.scratch};
        struct stopper s = {.ops = engine_find("duckdb")};
        const struct engine_batch *b;
        pthread_t thread;
        int64_t rows;
        int rc;

        assert_int_equal(s.ops->open(w.cfg, &q, &s.engine, &ei), 0);
        if (s.ops->prepare(s.engine, &ei) < 0)
            fail_msg("%s", ei.msg);
        pthread_barrier_init(&s.begun, NULL, 2);
        assert_int_equal(pthread_create(&thread, NULL, stop_it, &s), 0);
        pthread_barrier_wait(&s.begun);
        rc = 0;
        if (s.ops->plan(s.engine)->class_ == LINQ_MATERIALISED)
            rc = s.ops->materialise(s.engine, &rows, &ei);
        while (rc == 0 && (rc = s.ops->next(s.engine, &b, &ei)) == 0 && b->rows > 0)
            ;
        assert_int_equal(rc, E_CANCELLED);
        pthread_join(thread, NULL);
        pthread_barrier_destroy(&s.begun);
        s.ops->close(s.engine);
    }
    world_done(&w);
}

static void
test_version(void **state)
{
    (void)state;
    assert_int_equal(engine_find("duckdb")->version()[0], 'v');
    assert_null(engine_find("oracle"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layouts),        cmocka_unit_test(test_hive_and_union),
        cmocka_unit_test(test_types),          cmocka_unit_test(test_time_range),
        cmocka_unit_test(test_resume),         cmocka_unit_test(test_materialised),
        cmocka_unit_test(test_bad_data),       cmocka_unit_test(test_order),
        cmocka_unit_test(test_language_types), cmocka_unit_test(test_little_memory),
        cmocka_unit_test(test_interrupt),      cmocka_unit_test(test_version),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
