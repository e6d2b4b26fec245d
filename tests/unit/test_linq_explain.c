/*
 * What is said about a query without its tables: the tree, the tables, the class, and the place of
 * an error. The class must be the one that the translator finds.
 */

#include "common/linq/explain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct linq_column COLUMNS[] = {
    {(char[]){"eventdate"}, LINQ_TIMESTAMP},
    {(char[]){"uri"}, LINQ_STR},
    {(char[]){"n"}, LINQ_INT},
};

static int
cat_columns(void *ctx UNUSED, const char *table UNUSED, const struct linq_column **ret,
            size_t *ret_n, struct errinfo *ei UNUSED)
{
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
cat_relation(void *ctx UNUSED, const char *table UNUSED)
{
    return "\"t\"";
}

static const struct linq_catalog CATALOG = {NULL, cat_columns, cat_time, cat_relation};

static struct linq_query *
parse(const char *query)
{
    struct linq_query *q;
    struct linq_error err;

    if (linq_parse(query, strlen(query), &q, &err) < 0)
        fail_msg("%s: %s", query, err.msg);
    return q;
}

static void
test_tree(void **state UNUSED)
{
    static const struct {
        const char *query, *want;
    } cases[] = {
        {"from a.b", "tree:\n  from \"a.b\"\ntables: a.b\nclass: row-wise\n"},
        {"from t where 1 <= n < 2.5, not uri -> \"a\\\"\\n\" limit 3",
         "tree:\n  from \"t\"\n  where\n    compare in a chain <= <\n      int 1\n      column "
         "\"n\"\n"
         "      float 2.5\n    operator not\n      operator ->\n        column \"uri\"\n"
         "        str \"a\\\"\\u000a\"\n  limit 3\ntables: t\nclass: row-wise\n"},
        {"from t group every 5m by uri select count() as c, max(n) order by c desc",
         "tree:\n  from \"t\"\n  group every 300000ms\n    column \"uri\"\n  select\n    as \"c\"\n"
         "      aggregate count\n    aggregate max\n      column \"n\"\n  order\n    descending\n"
         "      column \"c\"\ntables: t\nclass: materialised\n"},
        {"from t select *, [1, null][0] as x where uri in (from u select uri)",
         "tree:\n  from \"t\"\n  select\n    *\n    as \"x\"\n      operator []\n        array\n"
         "          int 1\n          null\n        int 0\n  where\n    operator in\n"
         "      column \"uri\"\n      subquery\n        from \"u\"\n        select\n"
         "          column \"uri\"\ntables: t, u\nclass: row-wise\n"},
        {"from t where ip4(uri) in {10.0.0.0/8, 1.2.3.4} or eventdate > now() - 90s and true",
         "tree:\n  from \"t\"\n  where\n    operator or\n      operator in\n        function ip4\n"
         "          column \"uri\"\n        set\n          net4 10.0.0.0/8\n          ip4 1.2.3.4\n"
         "      operator and\n        compare >\n          column \"eventdate\"\n"
         "          operator -\n            function now\n            duration 90000ms\n"
         "        bool true\ntables: t\nclass: row-wise\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linq_query *q = parse(cases[i].query);
        struct buf out = BUF_INIT(65536);

        assert_int_equal(linq_explain(q, &out), 0);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("%s: got\n%s\nwant\n%s", cases[i].query, buf_str(&out), cases[i].want);
        buf_done(&out);
        linq_free(q);
    }
}

static void
test_full(void **state UNUSED)
{
    struct linq_query *q = parse("from t select 1 + 2 + 3 + 4 as x");
    struct buf out = BUF_INIT(40);

    assert_int_equal(linq_explain(q, &out), E_NOSPACE);
    buf_done(&out);
    linq_free(q);
}

static void
test_class(void **state UNUSED)
{
    static const char *const queries[] = {
        "from t",
        "from t where n > 1 select uri limit 5",
        "from t select count() as c",
        "from t select 1 + max(n) as c",
        "from t group by uri",
        "from t order by n",
        "from t where n in (from t select max(n) as m) select n",
        "from t select n limit 3 group select sum(n) as s",
        "from t select upper(uri) as count where count = \"A\"",
        "from t where uri in (from t group by uri order by uri) offset 3",
    };
    static const struct linq_binding binding = {.to_ms = 1000, .limit = -1};

    for (size_t i = 0; i < ARRAY_LEN(queries); i++) {
        struct linq_query *q = parse(queries[i]);
        struct linq_error err;
        struct linq_sql s;

        if (linq_to_sql(q, LINQ_DUCKDB, &CATALOG, &binding, &s, &err) < 0)
            fail_msg("%s: %s", queries[i], err.msg);
        if (s.class_ != linq_class_of(q))
            fail_msg("%s: got %s, the translator says %s", queries[i],
                     linq_class_name(linq_class_of(q)), linq_class_name(s.class_));
        linq_sql_done(&s);
        linq_free(q);
    }
}

static void
test_caret(void **state UNUSED)
{
    static const struct {
        const char *text;
        int line, column;
        const char *want;
    } cases[] = {
        {"from t wher x = 3", 1, 8, "from t wher x = 3\n       ^\n"},
        {"from t\nwhere )\nlimit 3", 2, 7, "where )\n      ^\n"},
        {"a\n\tb c", 2, 4, "\tb c\n\t  ^\n"},
        {"\xc3\xa9\xe2\x82\xac x", 1, 4, "\xc3\xa9\xe2\x82\xac x\n   ^\n"},
        {"from t", 1, 7, "from t\n      ^\n"},
        {"a\x01\x7f b", 1, 5, "a.. b\n    ^\n"},
        {"from t", 3, 1, ""},
        {"from t", 0, 0, ""},
        {"", 1, 1, "\n^\n"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linq_error err = {.line = cases[i].line, .column = cases[i].column};
        struct buf out = BUF_INIT(4096);

        linq_error_caret(cases[i].text, strlen(cases[i].text), &err, &out);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("%s: got\n%s\nwant\n%s", cases[i].text, buf_str(&out), cases[i].want);
        buf_done(&out);
    }
}

/* Of a long line the part around the place is shown, and the caret stands below the word. */
static void
test_caret_long(void **state UNUSED)
{
    struct buf query = BUF_INIT(65536), out = BUF_INIT(4096);
    struct linq_query *q;
    struct linq_error err;
    const char *text, *caret;

    buf_puts(&query, "from t where n = 0");
    for (int i = 1; i < 500; i++)
        buf_printf(&query, " or n = %d", i);
    buf_puts(&query, " wher n = 1");
    for (int i = 1; i < 500; i++)
        buf_printf(&query, " or n = %d", i);
    text = buf_str(&query);
    assert_true(linq_parse(text, query.len, &q, &err) < 0);
    linq_error_caret(text, query.len, &err, &out);
    caret = strchr(buf_str(&out), '\n') + 1;
    assert_true(out.len < 300);
    assert_memory_equal(buf_str(&out) + (strchr(caret, '^') - caret), "wher", 4);
    buf_done(&query);
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),       cmocka_unit_test(test_full),
        cmocka_unit_test(test_class),      cmocka_unit_test(test_caret),
        cmocka_unit_test(test_caret_long),
    };

    return cmocka_run_group_tests_name("linq_explain", tests, NULL, NULL);
}
