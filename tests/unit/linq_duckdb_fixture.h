#ifndef TESTS_UNIT_LINQ_DUCKDB_FIXTURE_H
#define TESTS_UNIT_LINQ_DUCKDB_FIXTURE_H

/*
 * One small table in an engine of its own, a catalog that knows it, and the comparison of a query
 * of the language with SQL written by hand. For the tests test_linq_duckdb*.c.
 */

#include "common/base/buf.h"
#include "common/linq/linq.h"

#include <duckdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FROM_MS INT64_C(1546300800000) /* 2019-01-01 00:00:00 */
#define TO_MS   INT64_C(1546387200000) /* 2019-01-02 00:00:00 */
#define NOW_MS  INT64_C(1546386000000) /* 2019-01-01 23:40:00 */

/* Rows in time order; some before and behind the range. */
static const char SETUP[] =
    "CREATE TABLE ecommerce AS SELECT "
    " TIMESTAMP '2018-12-31 23:00:00' + to_seconds(i * 211) AS eventdate,"
    " 'host-' || (i % 3) AS host,"
    " CASE WHEN i % 7 = 0 THEN 'POST' WHEN i % 11 = 0 THEN 'PUT' ELSE 'GET' END AS method,"
    " CASE WHEN i % 5 = 0 THEN '/category.screen?category_id=' || (['GIFTS','TEDDY','flowers'])[1 "
    "+ i % 3]"
    "      ELSE '/product.screen?id=' || i END AS uri,"
    " 'HTTP 1.1' AS protocol,"
    " CAST(([200,200,200,404,500,503,301])[1 + i % 7] AS INTEGER) AS \"statusCode\","
    " CAST((i * 7919) % 4000 AS INTEGER) AS \"bytesTransferred\","
    " (i * 31) % 997 AS \"timeTaken\","
    " CASE WHEN i % 4 = 0 THEN '10.' || (i % 3) || '.0.' || (i % 250) ELSE '192.0.2.' || (i % 13) "
    "END"
    "   AS \"clientIpAddress\","
    " (['Mozilla/5.0 Firefox/60.1','Googlebot/2.1','curl/7.5'])[1 + i % 3] AS \"userAgent\","
    " CASE WHEN i % 6 = 0 THEN NULL ELSE 'http://x.org/?q=' || (i % 9) || '=z' END AS "
    "\"referralUri\","
    " 'JSESSIONID=' || i AS cookie,"
    " CASE WHEN i % 9 = 0 THEN NULL ELSE (i % 17) / 4.0::DOUBLE END AS ratio,"
    " i % 2 = 0 AS flag,"
    " 'it''s; \"x\" -- ' || i AS \"odd name\""
    " FROM range(500) t(i)";

static const struct linq_column COLUMNS[] = {
    {(char[]){"eventdate"}, LINQ_TIMESTAMP},  {(char[]){"host"}, LINQ_STR},
    {(char[]){"method"}, LINQ_STR},           {(char[]){"uri"}, LINQ_STR},
    {(char[]){"protocol"}, LINQ_STR},         {(char[]){"statusCode"}, LINQ_INT},
    {(char[]){"bytesTransferred"}, LINQ_INT}, {(char[]){"timeTaken"}, LINQ_INT},
    {(char[]){"clientIpAddress"}, LINQ_STR},  {(char[]){"userAgent"}, LINQ_STR},
    {(char[]){"referralUri"}, LINQ_STR},      {(char[]){"cookie"}, LINQ_STR},
    {(char[]){"ratio"}, LINQ_FLOAT},          {(char[]){"flag"}, LINQ_BOOL},
    {(char[]){"odd name"}, LINQ_STR},
};

/* The range, as SQL written by hand says it. */
#define R " FROM ecommerce WHERE eventdate >= '2019-01-01' AND eventdate < '2019-01-02' "
#define E "from demo.ecommerce.data "

#define IN_RANGE(ts) "(" ts " >= '2019-01-01' AND " ts " < '2019-01-02')"

static duckdb_database db;
static duckdb_connection con;

static int
cat_columns(void *ctx UNUSED, const char *table, const struct linq_column **ret, size_t *ret_n,
            struct errinfo *ei)
{
    if (strcmp(table, "demo.ecommerce.data") != 0 && strcmp(table, "demo.ecommerce.more") != 0)
        return errinfo_set(ei, E_NOT_FOUND, "unknown table '%s'", table);
    *ret = COLUMNS;
    *ret_n = ARRAY_LEN(COLUMNS);
    return 0;
}

static const char *
cat_time(void *ctx UNUSED, const char *table UNUSED)
{
    return "eventdate";
}

static const char *
cat_relation(void *ctx UNUSED, const char *table)
{
    return strcmp(table, "demo.ecommerce.more") == 0 ? "\"more\"" : "\"ecommerce\"";
}

static const struct linq_catalog CATALOG = {NULL, cat_columns, cat_time, cat_relation};
static const struct linq_binding BINDING = {
    .now_ms = NOW_MS, .from_ms = FROM_MS, .to_ms = TO_MS, .job_id = "job", .limit = -1};

static int
translate(const char *query, const struct linq_binding *b, struct linq_sql *ret,
          struct linq_error *err)
{
    struct linq_query *q;
    int rc = linq_parse(query, strlen(query), &q, err);

    if (rc < 0)
        return rc;
    rc = linq_to_sql(q, LINQ_DUCKDB, &CATALOG, b, ret, err);
    linq_free(q);
    return rc;
}

/* All rows as text, one a line; on failure the engine's words. Caller frees. */
static char *
run(const char *sql)
{
    struct buf out = BUF_INIT(16u << 20);
    duckdb_result res;

    if (duckdb_query(con, sql, &res) != DuckDBSuccess) {
        buf_printf(&out, "engine error: %s", duckdb_result_error(&res));
        goto out;
    }
    for (idx_t y = 0; y < duckdb_row_count(&res); y++)
        for (idx_t x = 0; x < duckdb_column_count(&res); x++) {
            char *v = duckdb_value_varchar(&res, x, y);

            buf_printf(&out, "%s%c", v != NULL ? v : "(null)",
                       x + 1 == duckdb_column_count(&res) ? '\n' : '|');
            duckdb_free(v);
        }
out:
    duckdb_destroy_result(&res);
    return buf_take(&out);
}

static int
setup(void **state UNUSED)
{
    char *text;
    int bad;

    if (duckdb_open(NULL, &db) != DuckDBSuccess || duckdb_connect(db, &con) != DuckDBSuccess)
        return -1;
    text = run("SET threads = 1");
    free(text);
    text = run(SETUP);
    bad = strncmp(text, "engine error", 12) == 0;
    if (bad)
        print_error("%s\n", text);
    free(text);
    return bad ? -1 : 0;
}

static int
teardown(void **state UNUSED)
{
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return 0;
}

/* An expression of the language and what it must be, in SQL, in every row of the range. */
struct pair {
    const char *linq, *sql;
};

UNUSED static bool
pair_holds(const struct pair *p)
{
    struct buf query = BUF_INIT(65536), sql = BUF_INIT(65536);
    struct linq_sql s = {0};
    struct linq_error err;
    char *got = NULL, *want = NULL;
    bool ok = false;

    buf_printf(&query, E "select cookie, %s as v", p->linq);
    buf_printf(&sql, "SELECT cookie, %s" R, p->sql);
    if (translate(buf_str(&query), &BINDING, &s, &err) < 0) {
        print_error("%s\n  got %s\n", p->linq, err.msg);
        goto out;
    }
    got = run(s.sql);
    want = run(buf_str(&sql));
    ok = strcmp(got, want) == 0 && strncmp(got, "engine error", 12) != 0 &&
         s.class_ == LINQ_ROW_WISE && s.exact;
    if (!ok)
        print_error("%s (class %d exact %d)\n  sql %s\n  got\n%.120s\n  want\n%.120s\n", p->linq,
                    s.class_, s.exact, s.sql, got, want);
out:
    free(got);
    free(want);
    linq_sql_done(&s);
    buf_done(&query);
    buf_done(&sql);
    return ok;
}

UNUSED static void
pairs_hold(const struct pair *pairs, size_t n)
{
    size_t failed = 0;

    for (size_t i = 0; i < n; i++)
        failed += !pair_holds(&pairs[i]);
    assert_int_equal(failed, 0);
}

/* An expression that is refused, with these words. */
UNUSED static void
pairs_refused(const struct pair *pairs, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct buf query = BUF_INIT(65536);
        struct linq_sql s = {0};
        struct linq_error err = {0};

        buf_printf(&query, E "select %s as v", pairs[i].linq);
        if (translate(buf_str(&query), &BINDING, &s, &err) == 0)
            fail_msg("%s: got a translation, want %s", pairs[i].linq, pairs[i].sql);
        if (strstr(err.msg, pairs[i].sql) == NULL)
            fail_msg("%s: got %s, want %s", pairs[i].linq, err.msg, pairs[i].sql);
        buf_done(&query);
    }
}

#endif
