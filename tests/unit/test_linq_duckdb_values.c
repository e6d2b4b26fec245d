/*
 * Functions of numbers, bytes, arrays and JSON, executed by the engine.
 */

#include "tests/unit/linq_duckdb_fixture.h"

#include "common/linq/functions.h"

static const struct pair NUMBERS[] = {
    {"sin(0)", "0.0::DOUBLE"},
    {"round(sin(pi() / 6), 12)", "0.5::DOUBLE"},
    {"cos(0)", "1.0::DOUBLE"},
    {"tan(0)", "0.0::DOUBLE"},
    {"asin(1) = pi() / 2", "true"},
    {"asin(1.1)", "NULL"},
    {"asin(-2)", "NULL"},
    {"acos(1)", "0.0::DOUBLE"},
    {"acos(2)", "NULL"},
    {"atan(0)", "0.0::DOUBLE"},
    {"atan(1, -1)", "0.75 * pi()"},
    {"atan(0, 0)", "0.0::DOUBLE"},
    {"sinh(0)", "0.0::DOUBLE"},
    {"cosh(0)", "1.0::DOUBLE"},
    {"tanh(0)", "0.0::DOUBLE"},
    {"round(cbrt(-27), 9)", "-3.0::DOUBLE"},
    {"round(cbrt(timeTaken) * cbrt(timeTaken) * cbrt(timeTaken), 6)", "\"timeTaken\"::DOUBLE"},
    {"round(pow(sin(ratio), 2) + pow(cos(ratio), 2), 9)",
     "CASE WHEN ratio IS NOT NULL THEN 1.0::DOUBLE END"},
    {"sin(float(\"inf\"))", "NULL"},
    {"cos(float(\"nan\"))", "NULL"},
    {"tan(null)", "NULL"},
    {"cosh(null)", "NULL"},
    {"hex(255)", "'ff'"},
    {"hex(0)", "'0'"},
    {"hex(-1)", "'ffffffffffffffff'"},
    {"hex(statusCode)", "printf('%x', \"statusCode\")"},
    {"hex(null)", "NULL"},
    {"float4(0.1)", "0.10000000149011612::DOUBLE"},
    {"float4(\"x\")", "NULL"},
    {"float4(1e300)", "NULL"},
    {"float8(\"1.5\")", "1.5::DOUBLE"},
    {"float8(timeTaken)", "\"timeTaken\"::DOUBLE"},
    {"float4(ratio)", "ratio"},
    {"abs(-9223372036854775807)", "9223372036854775807"},
    {"signum(-0.5)", "-1"},
    {"log2(8)", "3.0::DOUBLE"},
    {"floor(-1.5)", "-2.0::DOUBLE"},
    {"ceil(-1.5)", "-1.0::DOUBLE"},
    {"round(-2.5)", "-3.0::DOUBLE"},
    {"round(e(), 3)", "2.718::DOUBLE"},
    {"rem(-7, 3)", "-1"},
    {"mod(-7, 3)", "2"},
    {"urshift(-1, 63)", "1"},
    {"band(12, 10)", "8"},
    {"rdiv(1, 4)", "0.25::DOUBLE"},
    {"add(1, 2)", "3"},
    {"mul(2.5, 2)", "5.0::DOUBLE"},
};

static const struct pair NUMBERS_REFUSED[] = {
    {"sin(\"a\")", "sin(str) does not fit"},
    {"bigint(1)", "no exact form"},
    {"humansize(1)", "not documented"},
};

static void
test_numbers(void **state UNUSED)
{
    pairs_hold(NUMBERS, ARRAY_LEN(NUMBERS));
    pairs_refused(NUMBERS_REFUSED, ARRAY_LEN(NUMBERS_REFUSED));
}

static const struct pair BYTES[] = {
    {"md5(\"a\")", "'0cc175b9c0f1b6a831c399e269772661'"},
    {"to16(md5(\"a\"))", "'0cc175b9c0f1b6a831c399e269772661'"},
    {"to64(md5(\"\"))", "'1B2M2Y8AsgTpgAmY7PhCfg=='"},
    {"to16(sha1(uri))", "sha1(uri)"},
    {"sha256(uri)", "sha256(uri)"},
    {"md5(uri)", "md5(uri)"},
    {"md5(uri) = str(md5(uri))", "true"},
    {"md5(\"a\") = \"0CC175B9C0F1B6A831C399E269772661\"", "true"},
    {"md5(\"a\") in {\"0cc175b9c0f1b6a831c399e269772661\"}", "true"},
    {"substring(md5(\"a\"), 0, 4)", "'0cc1'"},
    {"md5(null)", "NULL"},
    {"md5(md5(\"a\"))", "md5(unhex('0cc175b9c0f1b6a831c399e269772661'))"},
    {"to16(\"\\u00e9\")", "'c3a9'"},
    {"to16(toutf8(\"ab\"))", "'6162'"},
    {"to16(\"\")", "''"},
    {"from16(\"C3a9\")", "'c3a9'"},
    {"fromutf8(from16(\"c3a9\"))", "'é'"},
    {"fromutf8(from16(\"ff\"))", "NULL"},
    {"from16(\"abc\")", "NULL"},
    {"from16(\"zz\")", "NULL"},
    {"fromutf8(from16(\"\"))", "''"},
    {"to64(\"a\\u00e9\")", "'YcOp'"},
    {"fromutf8(from64(\"YcOp\"))", "'aé'"},
    {"from64(\"!!\")", "NULL"},
    {"from64(\"YWI\")", "NULL"},
    {"fromutf8(from64(to64(uri)))", "uri"},
    {"fromutf8(from16(to16(`odd name`)))", "\"odd name\""},
    {"fromutf8(toutf8(referralUri))", "\"referralUri\""},
    {"toutf8(\"a\")", "'61'"},
};

static const struct pair BYTES_REFUSED[] = {
    {"md5(\"a\") = \"xyz\"", "the text is no row of hex digits"},
    {"sha512(\"a\")", "no exact form"},
    {"fromutf8(\"a\")", "fromutf8(str) does not fit: it is called as fromutf8(bytes)"},
};

static void
test_bytes(void **state UNUSED)
{
    pairs_hold(BYTES, ARRAY_LEN(BYTES));
    pairs_refused(BYTES_REFUSED, ARRAY_LEN(BYTES_REFUSED));
}

static const struct pair ARRAYS[] = {
    {"mkarray(1, 2.5, null)", "'[1.0,2.5,null]'"},
    {"mkarray(\"a\", uri)", "to_json(['a', uri])::VARCHAR"},
    {"mkarray(statusCode)", "'[' || \"statusCode\" || ']'"},
    {"mkarray(1)[0] + 1", "2"},
    {"size(split(uri, \"/\"))", "2"},
    {"size([])", "0"},
    {"size(null)", "NULL"},
    {"sort([3, 1, null, 2])", "'[1,2,3,null]'"},
    {"sort([\"b\", \"a\", \"B\"])", "'[\"B\",\"a\",\"b\"]'"},
    {"dropnulls([null, 1, null])", "'[1]'"},
    {"at0([7, 8, 9])", "7"},
    {"at1([7, 8, 9])", "8"},
    {"atend([7, 8, 9])", "9"},
    {"at1([7])", "NULL"},
    {"atend([])", "NULL"},
    {"atend(split(uri, \"=\"))", "regexp_extract(uri, '[^=]*$')"},
    {"at0(split(cookie, \"=\"))", "'JSESSIONID'"},
    {"mkset(3, 1, null, 3)", "'[1,3]'"},
    {"size(mkset(statusCode, 200))", "CASE \"statusCode\" WHEN 200 THEN 1 ELSE 2 END"},
    {"join([\"a\", null, \"b\"], \"-\")", "'a-b'"},
    {"join(split(uri, \"/\"), \"|\")", "replace(uri, '/', '|')"},
    {"join([], \",\")", "''"},
    {"at0([1.5]) * 2", "3.0::DOUBLE"},
};

static const struct pair ARRAYS_REFUSED[] = {
    {"mkarray(1, \"a\")", "of different types"},
    {"join([\"a\"], uri)", "it is called as join(array, \"text\")"},
    {"size(\"a\")", "size(str) does not fit"},
    {"mkmap(1, 2)", "does not serve it yet"},
};

static void
test_arrays(void **state UNUSED)
{
    pairs_hold(ARRAYS, ARRAY_LEN(ARRAYS));
    pairs_refused(ARRAYS_REFUSED, ARRAY_LEN(ARRAYS_REFUSED));
}

static const struct pair JSON[] = {
    {"str(jqeval(jqcompile(\".s\"), jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": "
     "\\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": "
     "7}\")))",
     "'té'"},
    {"jqeval(jqcompile(\".s\"), jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": "
     "\\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": "
     "7}\"))",
     "'\"té\"'"},
    {"int(jqeval(jqcompile(\".a.\\\"b c\\\"[0]\"), jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, "
     "{\\\"k\\\": \\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, "
     "\\\"x.y\\\": 7}\")))",
     "1"},
    {"float(jqeval(\".a[\\\"b c\\\"][1]\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, "
     "{\\\"k\\\": \\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, "
     "\\\"x.y\\\": 7}\")))",
     "2.5::DOUBLE"},
    {"jqeval(\".a.\\\"b c\\\"[-1].k\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": "
     "\\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": "
     "7}\"))",
     "'\"v\"'"},
    {"jqeval(\".n\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, "
     "\\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\"))",
     "NULL"},
    {"isnull(jqeval(\".nope?.deeper\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": "
     "\\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": "
     "7}\")))",
     "true"},
    {"bool(jqeval(\".t\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, "
     "\\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\")))",
     "true"},
    {"int(jqeval(\".\\\"x.y\\\"\", jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": "
     "\\\"v\\\"}]}, \\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": "
     "7}\")))",
     "7"},
    {"int(label(jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, "
     "\\\"n\\\": null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\"), "
     "\"x.y\"))",
     "7"},
    {"label(jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, \\\"n\\\": "
     "null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\"), \"n\")",
     "NULL"},
    {"label(jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, \\\"n\\\": "
     "null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\"), \"zz\")",
     "NULL"},
    {"keys(jsonparse(\"{\\\"a\\\": {\\\"b c\\\": [1, 2.5, {\\\"k\\\": \\\"v\\\"}]}, \\\"n\\\": "
     "null, \\\"s\\\": \\\"t\\\\u00e9\\\", \\\"t\\\": true, \\\"x.y\\\": 7}\"))",
     "'[\"a\",\"n\",\"s\",\"t\",\"x.y\"]'"},
    {"keys(jsonparse(\"[1]\"))", "NULL"},
    {"values(jsonparse(\"{\\\"a\\\": 1, \\\"b\\\": \\\"x\\\", \\\"c\\\": null}\"))",
     "'[\"1\",\"x\",null]'"},
    {"values(jsonparse(\"{}\"))", "'[]'"},
    {"values(jsonparse(\"[1]\"))", "NULL"},
    {"size(jsonparse(\"[1,2]\"))", "2"},
    {"size(jsonparse(\"{}\"))", "0"},
    {"size(jsonparse(\"5\"))", "NULL"},
    {"jsonparse(\"{bad\")", "NULL"},
    {"jsonparse(\"\")", "NULL"},
    {"jsonparse(null)", "NULL"},
    {"jqeval(\".\", jsonparse(\"[1,2]\"))", "'[1,2]'"},
    {"jqeval(\".[1]\", jsonparse(\"[1,2]\"))", "'2'"},
    {"str(jsonparse(\"\\\"q\\\"\"))", "'q'"},
    {"str(jsonparse(\"1.5\"))", "'1.5'"},
    {"int(jsonparse(\"\\\"12\\\"\"))", "12"},
    {"int(jsonparse(\"[]\"))", "NULL"},
    {"int(jqeval(\".v\", jsonparse(\"{\\\"v\\\": \" + str(statusCode) + \"}\")))",
     "\"statusCode\""},
};

static const struct pair JSON_REFUSED[] = {
    {"jqeval(\".a | length\", jsonparse(\"{}\"))", "plain paths"},
    {"jqeval(\".[]\", jsonparse(\"{}\"))", "plain paths"},
    {"jqeval(\"a\", jsonparse(\"{}\"))", "plain paths"},
    {"label(jsonparse(\"{}\"), \"a*\")", "label:"},
    {"jqeval(uri, jsonparse(\"{}\"))", "does not fit"},
};

static void
test_json(void **state UNUSED)
{
    pairs_hold(JSON, ARRAY_LEN(JSON));
    pairs_refused(JSON_REFUSED, ARRAY_LEN(JSON_REFUSED));
}

/* --- every row of the tables ----------------------------------------------------------------- */

/* What stands for an argument; literals are the same in both rounds. */
static const struct {
    char letter;
    const char *column, *null;
} ARGUMENTS[] = {
    {'b', "flag", "null"},
    {'i', "timeTaken", "null"},
    {'f', "ratio", "null"},
    {'s', "uri", "null"},
    {'t', "eventdate", "null"},
    {'d', "(eventdate - eventdate)", "null"},
    {'p', "ip4(clientIpAddress)", "null"},
    {'a', "split(uri, \"/\")", "null"},
    {'h', "md5(uri)", "null"},
    {'j', "jsonparse(uri)", "null"},
    {'*', "uri", "null"},
    {'r', "re(\"(a)\")", "re(\"(a)\")"},
    {'q', "\".a\"", "\".a\""},
    {'m', "\"x\"", "\"x\""},
    {'S', "\"YY\"", "\"YY\""},
    {'I', "1", "1"},
    {'N', "5", "5"},
    {'Z', "\"Europe/Madrid\"", "\"Europe/Madrid\""},
};

static void
put_call(struct buf *out, const struct linq_func *f, bool optional, bool null)
{
    const char *sep = "";

    buf_printf(out, "%s(", f->name);
    for (const char *p = f->args; *p != '\0' && (*p != '?' || optional); p++)
        for (size_t i = 0; i < ARRAY_LEN(ARGUMENTS); i++)
            if (ARGUMENTS[i].letter == *p) {
                const char *arg = null ? ARGUMENTS[i].null : ARGUMENTS[i].column;

                if (strcmp(f->name, "jqcompile") == 0)
                    arg = "\".a[0]\"";
                buf_printf(out, "%s%s", sep, arg);
                sep = ", ";
            }
    buf_putc(out, ')');
}

/* The engine takes the form, over columns and over nulls. */
static bool
row_runs(const struct linq_func *f, bool optional, bool null)
{
    struct buf query = BUF_INIT(4096);
    struct linq_sql s = {0};
    struct linq_error err;
    char *got = NULL;
    bool ok = false;

    buf_puts(&query, (f->flags & FN_AGG) != 0 ? E "group by host select " : E "select host, ");
    put_call(&query, f, optional, null);
    buf_puts(&query, " as v");
    /* a regular expression is no value of its own */
    if (f->ret == LINQ_REGEX)
        ok = true;
    else if (translate(buf_str(&query), &BINDING, &s, &err) < 0)
        print_error("%s\n  got %s\n", buf_str(&query), err.msg);
    else
        got = run(s.sql);
    if (got != NULL)
        ok = strncmp(got, "engine error", 12) != 0;
    if (got != NULL && !ok)
        print_error("%s\n  sql %s\n  got %.300s\n", buf_str(&query), s.sql, got);
    free(got);
    linq_sql_done(&s);
    buf_done(&query);
    return ok;
}

static void
test_every_row(void **state UNUSED)
{
    size_t failed = 0, rows = 0;

    for (size_t i = 0; i < func_served_count(); i++) {
        const struct linq_func *f = func_find(func_served_name(NULL, i));

        if (f == NULL ||
            (i > 0 && strcmp(func_served_name(NULL, i), func_served_name(NULL, i - 1)) == 0))
            continue;
        for (; f != NULL; f = func_next(f), rows++)
            for (int round = 0; round < 4; round++)
                failed += !row_runs(f, (round & 1) != 0, (round & 2) != 0);
    }
    assert_true(rows > 200);
    assert_int_equal(failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_arrays),    cmocka_unit_test(test_json),
        cmocka_unit_test(test_every_row),
    };

    return cmocka_run_group_tests_name("linq_duckdb_values", tests, setup, teardown);
}
