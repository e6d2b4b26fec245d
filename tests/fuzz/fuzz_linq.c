/*
 * Fuzz target: the query language, parse and translation over fixed tables, and the time texts.
 * Checked besides faults: an error has words, a translation has columns.
 */

#include "tests/fuzz/fuzz.h"

#include "common/linq/explain.h"
#include "common/linq/linq.h"
#include "common/linq/linq_time.h"

#include <stdlib.h>
#include <string.h>

const char *const fuzz_seeds[] = {
    "from demo.t",
    "from demo.t select eventdate, statusCode, uri",
    "from demo.t where statusCode >= 500 select eventdate, uri as u, statusCode",
    "from demo.t where statusCode = 404, uri = \"GET\"",
    "select eventdate, uri from demo.t where uri -> \"GIFTS\" and not uri ->> 'bot'",
    "from demo.t where uri in {\"POST\", \"PUT\"} or ip4(uri) in {10.0.0.0/8, 1.2.3.4}",
    "from demo.t where 400 <= statusCode < 500 select count() as n",
    "from demo.t group every 5m by statusCode select count() as n where n > 3",
    "from demo.t group by uri, statusCode select count(), avg(ratio) as m, percentile(ratio, 99) "
    "as p",
    "from demo.t select peek(uri, re(\"id=([A-Z]+)\"), 1) as c group by c select count() as n",
    "from demo.t select ifthenelse(statusCode >= 400, \"bad\", \"good\") as o group every 1d by o",
    "from demo.t group by uri select count() as hits group select avg(hits) as a, max(hits) as b",
    "from demo.t where uri in (from demo.t where statusCode = 500 group by uri select uri)",
    "from demo.t select epoch(eventdate) as t, formatdate(eventdate, \"YYYY-MM-DD\") as d",
    "from demo.t select bytes / 1024 as a, bytes \\ 1024 as b, -bytes %% 3 as c, ~bytes << 2 as d",
    "from demo.t where isnotnull(uri) select split(uri, \"=\", 1) as term limit 100",
    "from demo.t where eventdate >= now() - 1h pragma comment.user:\"someone\"",
    "from demo.t select decode(uri, \"a\", 1, \"b\", 2.5, 3) as k group by k every - select "
    "sum(bytes) as s",
    "from demo.t select [1, 2, 3][bytes] as x, hour(eventdate, \"Europe/Madrid\") as h order by x "
    "desc",
    "from demo.t select lower(uri) as uri where uri = 'x' limit 10 offset 5 limit 3 select * // "
    "end",
    "from demo.t group by lower(uri) where round(avg(ratio)) > 3 order by count() desc limit 5",
    "(now() - 1d) @ 1d",
    "from demo.t select subs(uri, re(\"(b)(c)\"), template(\"<\\\\2\\\\1>\"), \"-\") as x, "
    "hex(bytes) as h",
    "from demo.t select str(jqeval(jqcompile(\".a[0].\\\"b c\\\"[-1]?\"), jsonparse(uri))) as j",
    "from demo.t where (uri, bytes) in (from demo.t select uri, bytes), has(uri, \"a\", \"b\", "
    "null)",
    "from demo.t where md5(uri) = \"0cc175b9\" select at0(mkset(1, 2.5, bytes)) as x, midnight("
    "parsedate(uri, \"YYYY-MM-DD\", \"GMT+2\"), \"Europe/Madrid\") as m",
    "from demo.t group by toktains(uri, \"a\", true) as k select collectdistinct(uri) as c, "
    "urihost(uri)",
    "12ad",
    "2025-01-31 10:00:00 + 1M",
    NULL,
};

const char *const fuzz_words[] = {
    "from ",
    " select ",
    " where ",
    " group ",
    " every 1h ",
    " by ",
    " order by ",
    " limit 3 ",
    " offset 1 ",
    " pragma a:b ",
    " as x ",
    " and ",
    " or ",
    " not ",
    " in ",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ";",
    ":",
    "?",
    "?:",
    "=",
    "!=",
    "<",
    "<=",
    "->",
    "->>",
    "<-",
    "~",
    "+",
    "-",
    "*",
    "/",
    "\\",
    "%",
    "%%",
    "&",
    "|",
    "^",
    "<<",
    ">>",
    ">>>",
    "\"",
    "'",
    "`",
    "\\\"",
    "\\u00e9",
    "//",
    "\n",
    "null",
    "true",
    "1",
    "0",
    "9223372036854775807",
    "1.5",
    "1e308",
    "5m",
    "1.2.3.4",
    "10.0.0.0/8",
    "\"a\"",
    "'b'",
    "uri",
    "statusCode",
    "eventdate",
    "ratio",
    "bytes",
    "flag",
    "ip",
    "list",
    "odd\"name",
    "`odd\"name`",
    "count()",
    "sum(bytes)",
    "max(uri)",
    "lower(uri)",
    "re(\"a+\")",
    "ip4(uri)",
    "str(",
    "abs(",
    "nvl(",
    "(from demo.t select uri)",
    "demo.t",
    "now()",
    "today()",
    "\xc3\xa9",
    "\xff",
    "@ 1d",
    "1M",
    NULL,
};

static int
cat_columns(void *ctx, const char *table, const struct linq_column **ret, size_t *ret_n,
            struct errinfo *ei)
{
    static char names[][12] = {"eventdate", "uri",  "statusCode", "bytes", "ratio",
                               "flag",      "list", "ip",         "blob",  "odd\"name"};
    static const enum linq_type types[] = {LINQ_TIMESTAMP, LINQ_STR,  LINQ_INT,   LINQ_INT,
                                           LINQ_FLOAT,     LINQ_BOOL, LINQ_ARRAY, LINQ_IP4,
                                           LINQ_UNKNOWN,   LINQ_STR};
    static struct linq_column columns[ARRAY_LEN(types)];

    (void)ctx;
    if (strcmp(table, "demo.t") != 0)
        return errinfo_set(ei, E_NOT_FOUND, "unknown table '%s'", table);
    for (size_t i = 0; i < ARRAY_LEN(types); i++)
        columns[i] = (struct linq_column){names[i], types[i]};
    *ret = columns;
    *ret_n = ARRAY_LEN(types);
    return 0;
}

static const char *
cat_time(void *ctx, const char *table)
{
    (void)ctx;
    (void)table;
    return "eventdate";
}

static const char *
cat_relation(void *ctx, const char *table)
{
    (void)ctx;
    (void)table;
    return "\"demo.t\"";
}

static void
check_error(int rc, const struct linq_error *err)
{
    if (rc >= 0 || err->msg[0] == '\0' || memchr(err->msg, '\0', sizeof(err->msg)) == NULL)
        abort();
}

static void
try_query(const char *text, size_t size)
{
    static const struct linq_catalog catalog = {NULL, cat_columns, cat_time, cat_relation};
    static const struct linq_binding binding = {
        .now_ms = 1546386000000, .from_ms = 1546300800000, .to_ms = 1546387200000, .limit = 10};
    struct linq_query *q;
    struct linq_sql s;
    struct linq_error err;
    struct buf out = BUF_INIT(1u << 20);
    enum linq_class class;
    int rc = linq_parse(text, size, &q, &err);

    if (rc < 0) {
        check_error(rc, &err);
        linq_error_caret(text, size, &err, &out);
        if (err.line > 0 && out.len == 0)
            abort();
        buf_done(&out);
        return;
    }
    if (linq_table_count(q) == 0)
        abort();
    class = linq_class_of(q);
    if (linq_explain(q, &out) < 0 && !out.failed)
        abort();
    buf_done(&out);
    rc = linq_to_sql(q, LINQ_DUCKDB, &catalog, &binding, &s, &err);
    linq_free(q);
    if (rc < 0) {
        check_error(rc, &err);
        return;
    }
    if (s.column_count == 0 || s.time_index >= (int)s.column_count || s.class_ != class)
        abort();
    linq_sql_done(&s);
}

static void
try_time(const char *text, size_t size)
{
    char copy[300];
    int64_t ms, from = 1546300800000;
    struct errinfo ei;
    int offset;

    if (size >= sizeof(copy))
        return;
    memcpy(copy, text, size);
    copy[size] = '\0';
    if (linq_time_parse(copy, from, 60, NULL, &ms, &ei) < 0 && ei.msg[0] == '\0')
        abort();
    if (linq_time_parse(copy, from, -60, &from, &ms, &ei) < 0 && ei.msg[0] == '\0')
        abort();
    if (linq_time_zone(copy, from, &offset, &ei) < 0 && ei.msg[0] == '\0')
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_query((const char *)data, size);
    try_time((const char *)data, size);
    return 0;
}
