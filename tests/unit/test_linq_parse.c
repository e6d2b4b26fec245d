/*
 * What needs no engine: syntax errors to the character, names and arity, limits, tables, refusals
 * by type, and the list of functions in LANGUAGE.md.
 */

#include "common/base/buf.h"
#include "common/linq/functions.h"
#include "common/linq/linq.h"
#include "common/linq/suggest.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

static const struct linq_column COLUMNS[] = {
    {(char[]){"eventdate"}, LINQ_TIMESTAMP}, {(char[]){"uri"}, LINQ_STR},
    {(char[]){"statusCode"}, LINQ_INT},      {(char[]){"ratio"}, LINQ_FLOAT},
    {(char[]){"flag"}, LINQ_BOOL},           {(char[]){"ip"}, LINQ_IP4},
    {(char[]){"blob"}, LINQ_UNKNOWN},        {(char[]){"statuscode"}, LINQ_STR},
};

static int
cat_columns(void *ctx UNUSED, const char *table, const struct linq_column **ret, size_t *ret_n,
            struct errinfo *ei)
{

    if (strcmp(table, "t") != 0 && strcmp(table, "no.time") != 0)
        return errinfo_set(ei, E_NOT_FOUND, "unknown table '%s'; did you mean 't'?", table);
    *ret = COLUMNS;
    *ret_n = ARRAY_LEN(COLUMNS);
    return 0;
}

static const char *
cat_time(void *ctx UNUSED, const char *table)
{
    return strcmp(table, "no.time") == 0 ? NULL : "eventdate";
}

static const char *
cat_relation(void *ctx UNUSED, const char *table UNUSED)
{
    return "\"t\"";
}

static const struct linq_catalog CATALOG = {NULL, cat_columns, cat_time, cat_relation};

static int
translate(const char *query, struct linq_error *err)
{
    static const struct linq_binding binding = {.to_ms = 1000, .limit = -1};
    struct linq_query *q;
    struct linq_sql s;
    int rc = linq_parse(query, strlen(query), &q, err);

    if (rc < 0)
        return rc;
    rc = linq_to_sql(q, LINQ_DUCKDB, &CATALOG, &binding, &s, err);
    if (rc == 0)
        linq_sql_done(&s);
    linq_free(q);
    return rc;
}

/* Errors of linq_parse. words: part of the message. */
static const struct {
    const char *query;
    int line, column;
    const char *found, *words;
} SYNTAX[] = {
    {"", 1, 1, "end of query", "expected from"},
    {"   ", 1, 4, "end of query", "expected from"},
    {"from", 1, 5, "end of query", "expected the name of a table"},
    {"select a", 1, 9, "end of query", "from and the name of a table"},
    {"from demo.ecommerce.data wher x = 3", 1, 26, "wher", "did you mean 'where'?"},
    {"from demo.ecommerce.data WHERE x = 3", 1, 26, "WHERE", "did you mean 'where'?"},
    {"from t where", 1, 13, "end of query", "expected an expression"},
    {"from t where a =", 1, 17, "end of query", "expected an expression"},
    {"from t where a = = b", 1, 18, "=", "expected an expression"},
    {"from t where (a = 1", 1, 20, "end of query", "expected an operator, ',' or ')'"},
    {"from t where a = 1)", 1, 19, ")", "expected an operator, ',', select"},
    {"from t where a b", 1, 16, "b", "expected an operator"},
    {"from t where f(a", 1, 14, "f", "unknown function 'f'"},
    {"from t\nwhere x = 'abc", 2, 11, "'", "a string that does not end"},
    {"from t\n\n  where x = \"a\\d\"", 3, 15, "\\d", "no such escape"},
    {"from t where x = \"\\u0000\"", 1, 19, "\\u0000", "\\u escape"},
    {"from t where x = \"\\u12", 1, 19, "\\u12", "\\u escape"},
    {"from t where `a", 1, 14, "`", "backticks that does not end"},
    {"from t where `` = 1", 1, 14, "``", "an empty name"},
    {"from t where é = 1", 1, 14, "é", "backticks"},
    {"from t where 'é' # 1", 1, 18, "#", "no meaning here"},
    {"from t where a = 5x", 1, 18, "5x", "neither a number nor a duration"},
    {"from t where a = 99999999999999999999", 1, 18, "99999999999999999999", "too large"},
    {"from t where a = 1.2.3", 1, 18, "1.2.3", "malformed"},
    {"from t where a = 1.2.3.256", 1, 18, "1.2.3.256", "malformed"},
    {"from t where a in 1.2.3.4/33", 1, 19, "1.2.3.4/33", "more than 32 bits"},
    {"from t select", 1, 14, "end of query", "expected an expression"},
    {"from t select a as", 1, 19, "end of query", "a name for the column"},
    {"from t select a as select", 1, 20, "select", "backticks"},
    {"from t select order", 1, 15, "order", "backticks"},
    {"from t select a,", 1, 17, "end of query", "expected an expression"},
    {"from t group every x", 1, 20, "x", "a period"},
    {"from t group every 5", 1, 20, "5", "a period"},
    {"from t every 5m", 1, 8, "every", "'every' without a group"},
    {"from t order a", 1, 14, "a", "expected 'by'"},
    {"from t limit -1", 1, 14, "-", "a whole number"},
    {"from t limit 1.5", 1, 14, "1.5", "a whole number"},
    {"from t from u", 1, 8, "from", "a second 'from'"},
    {"from t; from u", 1, 9, "from", "the end of the query"},
    {"from t. where a = 1", 1, 9, "where", "the name of a table"},
    {"from `a/b`", 1, 6, "`a/b`", "no slash"},
    {"from `..`.x", 1, 6, "`..`", "dot"},
    {"from t then x", 1, 8, "then", "'then' is not supported"},
    {"from t where a in (from u", 1, 26, "end of query", "')'"},
    {"from t where a in (select b)", 1, 28, ")", "from and the name of a table"},
    {"from t where a = ?", 1, 18, "?", "parameters are not supported"},
    {"from t where a in {1, 2", 1, 24, "end of query", "',' or '}'"},
    {"from t where lenght(a) = 1", 1, 14, "lenght",
     "unknown function 'lenght'; did you mean 'length'?"},
    {"from t where reputation(a) = 1", 1, 14, "reputation", "not supported: it needs a reputation"},
    {"from t where etherdst(a) = 1", 1, 14, "etherdst", "not supported: packets"},
    {"from t select length(a, b, c)", 1, 15, "length",
     "length with 3 arguments: it is called as length(str) or length(array)"},
    {"from t select substring(a)", 1, 15, "substring",
     "substring with 1 argument: it is called as substring(str, int) or substring(str, int, int)"},
    {"from t select round()", 1, 15, "round", "round with 0 arguments"},
    {"from t select decode(a, b)", 1, 15, "decode", "decode(any, any, any, ...)"},
    {"from t select eq(a)", 1, 15, "eq", "eq(any, any)"},
    {"from t pragma", 1, 14, "end of query", "the name of a pragma"},
    {"from t pragma a: , b", 1, 18, ",", "the value of the pragma"},
    {"from t pragma a: tz(\"x\"", 1, 24, "end of query", "')'"},
};

/* Errors of linq_to_sql over the table t. */
static const struct {
    const char *query;
    int column;
    const char *words;
} SEMANTIC[] = {
    {"from u.v select a", 6, "unknown table 'u.v'; did you mean 't'?"},
    {"from t where selct = 3", 14, "unknown column 'selct'"},
    {"from t where StatusCode = 3", 14, "did you mean 'statusCode' or 'statuscode'?"},
    {"from t where uri in (from t where x = 1 select uri)", 35, "unknown column 'x'"},
    {"from t where statusCode = \"abc\"", 14,
     "cannot compare statusCode (int) with \"abc\" (str): the text is no number"},
    {"from t where \"abc\" < ratio", 14, "\"abc\" (str) with ratio (float): the text is no number"},
    {"from t where eventdate > \"yesterday\"", 14, "a time is written"},
    {"from t where eventdate > \"2019-02-30\"", 14, "a time is written"},
    {"from t where eventdate > 5", 14, "write timestamp(...)"},
    {"from t where flag = 1", 14, "cannot compare flag (bool) with 1 (int)"},
    {"from t where flag = \"maybe\"", 14, "neither \"true\" nor \"false\""},
    {"from t where ip = \"1.2.3\"", 14, "no IPv4 address"},
    {"from t where uri in {1.2.3.4}", 14, "write ip4(...)"},
    {"from t where uri in 10.0.0.0/8", 14, "write ip4(...)"},
    {"from t where uri in {1, 2}", 14, "write the values as text"},
    {"from t where statusCode", 14, "where takes a condition, statusCode (int) is none"},
    {"from t where flag and uri", 23, "and takes a condition"},
    {"from t where not ratio", 18, "not takes a condition"},
    {"from t where uri ~ \"x\"", 14, "write re("},
    {"from t where uri ~ re(\"(?<=a)b\")", 23, "look-behind (?<=...), which RE2 does not have"},
    {"from t where uri ~ re(\"(a)\\\\1\")", 23, "a back-reference"},
    {"from t where uri ~ re(\"a++\")", 23, "possessive"},
    {"from t select uri + 1 as x", 15, "'+' does not work on uri (str) and 1 (int): write str("},
    {"from t select lower(statusCode) as x", 15,
     "lower(int) does not fit: it is called as lower(str)"},
    {"from t select formatdate(eventdate, \"QQ\") as x", 37, "'QQ' is no part of a date"},
    {"from t select hour(eventdate, \"Mars/Base\") as x", 15, "does not fit"},
    {"from t select percentile(ratio, 101) as x", 33, "between 0 and 100"},
    {"from t select ifthenelse(flag, 1, \"a\") as x", 35, "different types"},
    {"from t where count() > 1", 14, "it stands behind a group"},
    {"from t select max(count()) as x", 19, "an aggregate inside an aggregate"},
    {"from t group by count()", 17, "an aggregate is no key"},
    {"from t group by uri select statusCode", 28, "unknown column 'statusCode'"},
    {"from t group by uri group every 5m", 21, "no time column"},
    {"from no.time group every 5m", 14, "no time column"},
    {"from t select uri as a, ratio as a", 25, "two columns are named 'a'"},
    {"from t group", 6, "the result has no columns"},
    {"from t select {1, 2} as x", 15, "a set stands beside"},
    {"from t select {1: 2} as x", 15, "maps are not supported"},
    {"from t select (1, 2) as x", 15, "tuples are not supported"},
    {"from t select (from t) as x", 15, "a subquery stands beside"},
    {"from t where blob = blob", 14, "cannot compare blob (unknown)"},
    {"from t where statusCode in (from t select uri)", 14, "among values of 'uri' (str)"},
};

/* Parsed and translated without complaint. */
static const char *const ACCEPTED[] = {
    "from t",
    "from t;",
    "from t select *",
    "select * from t where flag",
    "from t pragma comment.id",
    "from t pragma comment.user:\"x\", query.timeout: 0, tz: tz(\"UTC\")",
    "from t pragma data.migration.all pragma a.b : c.d select uri",
    "from t pragma x: -5, y: 5m",
    "pragma a:1 from t",
    "from t where `uri` = \"`\"",
    "from a.limit limit 5",
    "from t where `lower`(uri) = \"a\"",
    "from t where and(flag, true, not(flag)) or or(flag, flag)",
    "from t where not not flag",
    "from t group",
    "from t where uri in {}",
    "from t select - statusCode as x, --1 as y, -(-ratio) as z",
    "from t where a = 1 // end",
    "from t where x in (from `t-1`.`2b` where y in (from t select z) select y)",
    "from t group every 0 by uri",
    "from t group every - by uri every 5m",
    "from t order by uri desc, flag",
    "from t where in(uri, {\"a\"}) and 1 < 2 < 3",
    "from t where ratio > 1e5, ratio < 2.5e-3",
};

static void
test_syntax(void **state UNUSED)
{
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(SYNTAX); i++) {
        struct linq_query *q = NULL;
        struct linq_error err;
        int rc = linq_parse(SYNTAX[i].query, strlen(SYNTAX[i].query), &q, &err);

        if (rc == E_INVALID && err.line == SYNTAX[i].line && err.column == SYNTAX[i].column &&
            strcmp(err.found, SYNTAX[i].found) == 0 && strstr(err.msg, SYNTAX[i].words) != NULL)
            continue;
        failed++;
        print_error("%s\n  got rc %d, %d:%d '%s' %s\n  want %d:%d '%s' ...%s\n", SYNTAX[i].query,
                    rc, err.line, err.column, err.found, err.msg, SYNTAX[i].line, SYNTAX[i].column,
                    SYNTAX[i].found, SYNTAX[i].words);
        if (rc == 0)
            linq_free(q);
    }
    assert_int_equal(failed, 0);
}

static void
test_semantic(void **state UNUSED)
{
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(SEMANTIC); i++) {
        struct linq_error err = {0};
        int rc = translate(SEMANTIC[i].query, &err);

        if (rc < 0 && err.line == 1 && err.column == SEMANTIC[i].column &&
            strstr(err.msg, SEMANTIC[i].words) != NULL)
            continue;
        failed++;
        print_error("%s\n  got rc %d, column %d: %s\n  want column %d: %s\n", SEMANTIC[i].query, rc,
                    err.column, err.msg, SEMANTIC[i].column, SEMANTIC[i].words);
    }
    assert_int_equal(failed, 0);
}

static void
test_accepted(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(ACCEPTED); i++) {
        struct linq_query *q;
        struct linq_error err;

        if (linq_parse(ACCEPTED[i], strlen(ACCEPTED[i]), &q, &err) < 0)
            fail_msg("%s: got %s", ACCEPTED[i], err.msg);
        linq_free(q);
    }
}

static void
test_tables(void **state UNUSED)
{
    static const char text[] =
        "where a in (from sub.one where b in (from `x-y`.`2z` select c) select d), "
        "e in (from main.t select f) from main.t";
    struct linq_query *q;
    struct linq_error err;

    assert_int_equal(linq_parse(text, strlen(text), &q, &err), 0);
    assert_int_equal(linq_table_count(q), 3);
    assert_string_equal(linq_table_name(q, 0), "main.t");
    assert_string_equal(linq_table_name(q, 1), "sub.one");
    assert_string_equal(linq_table_name(q, 2), "x-y.2z");
    assert_null(linq_table_name(q, 3));
    linq_free(q);
}

/* open x n, middle, close x n behind "from t where " */
static int
nested(const char *open, const char *middle, const char *close, int n, struct linq_error *err)
{
    struct buf q = BUF_INIT(1u << 20);
    struct linq_query *parsed = NULL;
    int rc;

    buf_puts(&q, "from t where ");
    for (int i = 0; i < n; i++)
        buf_puts(&q, open);
    buf_puts(&q, middle);
    for (int i = 0; i < n; i++)
        buf_puts(&q, close);
    rc = linq_parse(buf_str(&q), q.len, &parsed, err);
    linq_free(parsed);
    buf_done(&q);
    return rc;
}

static void
test_limits(void **state UNUSED)
{
    static const struct {
        const char *open, *middle, *close;
        int n, rc;
        const char *words;
    } cases[] = {
        {"(", "a", ")", 198, 0, ""},
        {"(", "a", ")", 201, E_INVALID, "more than 200 deep"},
        {"(", "a", ")", 10000, E_INVALID, "more than 200 deep"},
        {"not ", "a", "", 10000, E_INVALID, "more than 200 deep"},
        {"- ", "a", "", 10000, E_INVALID, "more than 200 deep"},
        {"lower(", "a", ")", 9000, E_INVALID, "more than 200 deep"},
        {"[", "a", "]", 10000, E_INVALID, "more than 200 deep"},
        {"a in (from t where ", "a", ")", 2000, E_INVALID, "more than 200 deep"},
        {"a + ", "a", "", 10000, E_INVALID, "more than 200 deep"},
        {"a and ", "a", "", 9000, 0, ""},
        {"a or ", "a", "", 9000, 0, ""},
        {"a < ", "a", "", 9000, 0, ""},
        {"a, ", "a", "", 9000, 0, ""},
        {"a and ", "a", "", 20000, E_INVALID, "the limit is 65536"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linq_error err = {0};
        int rc = nested(cases[i].open, cases[i].middle, cases[i].close, cases[i].n, &err);

        if (rc != cases[i].rc || strstr(err.msg, cases[i].words) == NULL)
            fail_msg("%d x '%s': got %d %s, want %d %s", cases[i].n, cases[i].open, rc, err.msg,
                     cases[i].rc, cases[i].words);
    }
}

static void
test_many_columns(void **state UNUSED)
{
    struct buf q = BUF_INIT(1u << 20);
    struct linq_query *parsed = NULL;
    struct linq_error err;

    buf_puts(&q, "from t select a");
    for (int i = 0; i < 999; i++)
        buf_puts(&q, ",a");
    assert_int_equal(linq_parse(buf_str(&q), q.len, &parsed, &err), 0);
    linq_free(parsed);
    buf_puts(&q, ",a");
    assert_int_equal(linq_parse(buf_str(&q), q.len, &parsed, &err), E_INVALID);
    assert_non_null(strstr(err.msg, "more than 1000 columns"));
    buf_done(&q);
}

/* Steps that build on each other, and expressions whose SQL grows, end in an error. */
static void
test_growth(void **state UNUSED)
{
    static const struct {
        const char *first, *again, *last;
        int n;
        const char *words;
    } cases[] = {
        {"from t select 1 as a", " select a + 1 as a", "", 900, "more than 100 steps"},
        {"from t", " limit 5", "", 3000, "more than 100 steps"},
        {"from t select ", "ip4(str(", "ip)) as x", 1, ""},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf q = BUF_INIT(1u << 20);
        struct linq_error err = {0};

        buf_puts(&q, cases[i].first);
        for (int k = 0; k < cases[i].n; k++)
            buf_puts(&q, cases[i].again);
        buf_puts(&q, cases[i].last);
        translate(buf_str(&q), &err);
        if (strstr(err.msg, cases[i].words) == NULL)
            fail_msg("%s ...: got %s, want %s", cases[i].first, err.msg, cases[i].words);
        buf_done(&q);
    }
}

static void
test_too_large(void **state UNUSED)
{
    struct buf q = BUF_INIT(1u << 20);
    struct linq_error err = {0};

    buf_puts(&q, "from t select ");
    for (int i = 0; i < 12; i++)
        buf_puts(&q, "ip4(str(");
    buf_puts(&q, "ip");
    for (int i = 0; i < 12; i++)
        buf_puts(&q, "))");
    buf_puts(&q, " as x");
    assert_int_equal(translate(buf_str(&q), &err), E_INVALID);
    if (strstr(err.msg, "too large when it is translated") == NULL)
        fail_msg("got %s", err.msg);
    buf_done(&q);
}

static void
test_bytes(void **state UNUSED)
{
    static const struct {
        const char *text;
        size_t len;
        int column;
        const char *words;
    } cases[] = {
        {"from t where a = \"x\0y\"", 22, 18, "does not end"},
        {"from t where \0", 14, 14, "NUL"},
        {"from t where \xff = 1", 18, 14, "not UTF-8"},
        {"from t where \xc0\xaf = 1", 19, 14, "not UTF-8"},
        {"from t where \xed\xa0\x80 = 1", 20, 14, "not UTF-8"},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linq_query *q;
        struct linq_error err;

        assert_int_equal(linq_parse(cases[i].text, cases[i].len, &q, &err), E_INVALID);
        if (err.column != cases[i].column || strstr(err.msg, cases[i].words) == NULL)
            fail_msg("case %zu: got %d %s, want %d %s", i, err.column, err.msg, cases[i].column,
                     cases[i].words);
    }
}

/* --- LANGUAGE.md ----------------------------------------------------------------------------- */

static char *
read_file(const char *path)
{
    struct buf b = BUF_INIT(1u << 20);
    char chunk[4096];
    size_t n;
    FILE *f = fopen(path, "r");

    if (f == NULL)
        fail_msg("cannot open %s: run from the root of the repository", path);
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
        buf_append(&b, chunk, n);
    fclose(f);
    return buf_take(&b);
}

static bool
lists(const char *section, const char *end, const char *name)
{
    size_t n = strlen(name);

    for (const char *p = section; (p = strstr(p, name)) != NULL && p < end; p++)
        if (!isalnum((unsigned char)p[-1]) && !isalnum((unsigned char)p[n]))
            return true;
    return false;
}

/* Every word behind "Title: " in a section's lists must be a name that known() knows. */
static void
check_listed(const char *section, const char *end, bool (*known)(const char *name))
{
    const char *p = section;
    char word[64];
    size_t n;

    while (p < end && strncmp(p, "Notes:", 6) != 0 && strncmp(p, "Also:", 5) != 0) {
        if (isupper((unsigned char)*p) || *p == '#') {
            const char *colon = *p == '#' ? strchr(p, '\n') : strpbrk(p, ":\n");

            p = colon + 1;
            continue;
        }
        n = strcspn(p, " \n");
        if (n > 0 && n < sizeof(word)) {
            memcpy(word, p, n);
            word[n] = '\0';
            if (!known(word))
                fail_msg("LANGUAGE.md lists '%s', the table does not", word);
        }
        p += n;
        p += strspn(p, " \n");
    }
}

static bool
is_served(const char *name)
{
    return func_find(name) != NULL || func_find_op(name) != NULL;
}

static bool
is_refused(const char *name)
{
    return func_refused(name) != NULL && !is_served(name);
}

/* A name whose rows are apart would lose those behind the gap. */
static void
test_rows_together(void **state UNUSED)
{
    size_t n = func_served_count();

    for (size_t i = 1; i < n; i++)
        for (size_t k = 0; k + 1 < i; k++)
            if (strcmp(func_served_name(NULL, i), func_served_name(NULL, k)) == 0 &&
                strcmp(func_served_name(NULL, i), func_served_name(NULL, i - 1)) != 0)
                fail_msg("the rows of '%s' do not stand together", func_served_name(NULL, i));
}

static void
test_language_md(void **state UNUSED)
{
    char *text = read_file("common/linq/LANGUAGE.md"), name[64];
    const char *served = strstr(text, "## 4."), *refused = strstr(text, "## 5.");
    const char *end = text + strlen(text);

    assert_non_null(served);
    assert_non_null(refused);
    for (size_t i = 0; i < func_served_count(); i++)
        if (!lists(served, refused, func_served_name(NULL, i)))
            fail_msg("LANGUAGE.md section 4 does not list '%s'", func_served_name(NULL, i));
    for (size_t i = 0; i < func_refused_count(); i++) {
        func_refused_name(i, name);
        if (!lists(refused, end, name))
            fail_msg("LANGUAGE.md section 5 does not list '%s'", name);
    }
    check_listed(served, refused, is_served);
    check_listed(refused, end, is_refused);
    free(text);
}

static const char *
nth(const void *ctx, size_t i)
{
    return ((const char *const *)ctx)[i];
}

static void
test_suggest(void **state UNUSED)
{
    static const char *const names[] = {"statusCode", "status", "uri", "eventdate", "statuscode"};
    char out[100];

    suggest("statuscod", nth, names, ARRAY_LEN(names), out, sizeof(out));
    assert_string_equal(out, "'statusCode', 'statuscode' or 'status'");
    suggest("zzzzzz", nth, names, ARRAY_LEN(names), out, sizeof(out));
    assert_string_equal(out, "");
    assert_int_equal(suggest_distance("wher", "where", 2), 1);
    assert_int_equal(suggest_distance("form", "from", 2), 1);
    assert_int_equal(suggest_distance("a", "bcdef", 2), 3);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_syntax),      cmocka_unit_test(test_semantic),
        cmocka_unit_test(test_accepted),    cmocka_unit_test(test_tables),
        cmocka_unit_test(test_limits),      cmocka_unit_test(test_many_columns),
        cmocka_unit_test(test_growth),      cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_bytes),       cmocka_unit_test(test_rows_together),
        cmocka_unit_test(test_language_md), cmocka_unit_test(test_suggest),
    };

    return cmocka_run_group_tests_name("linq_parse", tests, NULL, NULL);
}
