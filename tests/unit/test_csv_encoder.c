#include "worker/encode/csv_encoder.h"
#include "worker/encode/csv_format.h"

#include <float.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static int failures;

static void
check(const char *name, const char *got, const char *want)
{
    if (strcmp(got, want) == 0)
        return;
    print_error("%s: got [%s], want [%s]\n", name, got, want);
    failures++;
}

static struct engine_str
str_n(const char *s, size_t n)
{
    struct engine_str cell;

    memset(&cell, 0, sizeof(cell));
    cell.v.near.len = (uint32_t)n;
    if (n <= sizeof(cell.v.near.bytes)) {
        memcpy(cell.v.near.bytes, s, n);
    } else {
        memcpy(cell.v.far.prefix, s, sizeof(cell.v.far.prefix));
        cell.v.far.ptr = s;
    }
    return cell;
}

static struct engine_str
str(const char *s)
{
    return str_n(s, strlen(s));
}

/* Encodes one column and gives the text, line ends shown as '|'. */
static char *
encode(struct engine_column col, size_t rows, struct csv_options opt)
{
    struct engine_batch b = {rows, 1, &col};
    struct csv_encoder *e = csv_encoder_new(&opt, 1);
    struct buf out = BUF_INIT(1 << 20);

    csv_encode_rows(e, &b, 0, rows, &out);
    csv_encoder_free(e);
    assert_false(out.failed);
    for (size_t i = 0; i < out.len; i++) {
        if (out.data[i] == '\n')
            out.data[i] = '|';
    }
    return buf_take(&out);
}

static void
test_kinds(void **state)
{
    static const uint8_t bools[] = {0, 1, 255};
    static const int8_t i8[] = {INT8_MIN, -1, 0, 9, 10, 99, 100, INT8_MAX};
    static const int16_t i16[] = {INT16_MIN, 999, 1000, INT16_MAX};
    static const int32_t i32[] = {INT32_MIN, -10, 123456, INT32_MAX};
    static const int64_t i64[] = {INT64_MIN, 0, 1000000000000000000, INT64_MAX};
    static const uint8_t u8[] = {0, UINT8_MAX};
    static const uint16_t u16[] = {0, UINT16_MAX};
    static const uint32_t u32[] = {0, 4294967295u};
    static const uint64_t u64[] = {0, 9999999999999999999u, 10000000000000000000u, UINT64_MAX};
    static const struct {
        uint64_t lower;
        int64_t upper;
    } i128[] = {{0, 0},         {UINT64_MAX, -1},          {0, 1}, {UINT64_MAX, INT64_MAX},
                {0, INT64_MIN}, {10000000000000000000u, 0}};
    static const float f32[] = {0.1f, 16777216.0f, FLT_MAX, FLT_MIN, 1e-45f, -0.0f, 3.4f};
    static const int32_t dates[] = {0, -1, 19357, -719468, 2932896, 2932897, -719529, INT32_MAX};
    static const int64_t durations[] = {0, -86400000, 1500};
    static const uint32_t ip4[] = {0, 0x7f000001u, 0xc0a80aff, UINT32_MAX};
    static const uint64_t second_null[] = {~2ULL};
    const struct {
        const char *name;
        struct engine_column col;
        size_t rows;
        const char *want;
    } rows[] = {
        {"bool", {COL_BOOL, bools, NULL}, 3, "false|true|true|"},
        {"i8", {COL_I8, i8, NULL}, 8, "-128|-1|0|9|10|99|100|127|"},
        {"i16", {COL_I16, i16, NULL}, 4, "-32768|999|1000|32767|"},
        {"i32", {COL_I32, i32, NULL}, 4, "-2147483648|-10|123456|2147483647|"},
        {"i64",
         {COL_I64, i64, NULL},
         4,
         "-9223372036854775808|0|1000000000000000000|9223372036854775807|"},
        {"u8", {COL_U8, u8, NULL}, 2, "0|255|"},
        {"u16", {COL_U16, u16, NULL}, 2, "0|65535|"},
        {"u32", {COL_U32, u32, NULL}, 2, "0|4294967295|"},
        {"u64",
         {COL_U64, u64, NULL},
         4,
         "0|9999999999999999999|10000000000000000000|18446744073709551615|"},
        {"i128",
         {COL_I128, i128, NULL},
         6,
         "0|-1|18446744073709551616|170141183460469231731687303715884105727|"
         "-170141183460469231731687303715884105728|10000000000000000000|"},
        {"f32", {COL_F32, f32, NULL}, 7, "0.1|16777216|3.4028235e38|1.1754944e-38|1e-45|-0|3.4|"},
        {"date",
         {COL_DATE, dates, NULL},
         8,
         "1970-01-01|1969-12-31|2022-12-31|0000-03-01|9999-12-31|10000-01-01|-0001-12-31|"
         "infinity|"},
        {"duration in ms", {COL_DURATION, durations, NULL}, 3, "0|-86400000|1500|"},
        {"ip4", {COL_IP4, ip4, NULL}, 4, "0.0.0.0|127.0.0.1|192.168.10.255|255.255.255.255|"},
        {"null in one column is an empty line",
         {COL_I64, i64, second_null},
         3,
         "-9223372036854775808||1000000000000000000|"},
        {"no rows", {COL_I64, i64, NULL}, 0, ""},
    };
    char *got;

    (void)state;
    failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        got = encode(rows[i].col, rows[i].rows, (struct csv_options){0});
        check(rows[i].name, got, rows[i].want);
        free(got);
    }
    assert_int_equal(failures, 0);
}

static void
test_strings(void **state)
{
    const struct {
        const char *in, *want;
    } rows[] = {
        {"", "\"\""},
        {"a", "a"},
        {"twelve bytes", "twelve bytes"},
        {"thirteen byte", "thirteen byte"},
        {"sixteen bytes ok", "sixteen bytes ok"},
        {"seventeen bytes o", "seventeen bytes o"},
        {"a,b", "\"a,b\""},
        {"\"", "\"\"\"\""},
        {"say \"hello\" to them", "\"say \"\"hello\"\" to them\""},
        {"line\nbreak", "\"line|break\""},
        {"carriage\rreturn in a long text", "\"carriage\rreturn in a long text\""},
        {"comma at the very end of a text,", "\"comma at the very end of a text,\""},
        {",comma at the start of a long text", "\",comma at the start of a long text\""},
        {"Mozilla/5.0 (X11; Linux x86_64)", "Mozilla/5.0 (X11; Linux x86_64)"},
        {" blanks stay ", " blanks stay "},
        {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 UTF-8 over sixteen",
         "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80 UTF-8 over sixteen"},
        {"=1+1", "=1+1"},
    };
    struct engine_str cell;
    char *got, *want;

    (void)state;
    failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        /* A copy of exact size: a read behind it is seen by the address sanitizer. */
        char *exact = mem_alloc(strlen(rows[i].in));

        memcpy(exact, rows[i].in, strlen(rows[i].in));
        cell = str_n(exact, strlen(rows[i].in));
        got = encode((struct engine_column){COL_STR, &cell, NULL}, 1, (struct csv_options){0});
        want = mem_printf("%s|", rows[i].want);
        check(rows[i].in, got, want);
        free(got);
        free(want);
        free(exact);
    }
    assert_int_equal(failures, 0);
}

/* Each special character at each place of texts of each length. */
static void
test_quotes_everywhere(void **state)
{
    static const char special[] = ",\"\n\r";
    char text[70], want[160];
    struct engine_str cell;
    struct engine_column col = {COL_STR, &cell, NULL};
    struct engine_batch b = {1, 1, &col};
    struct csv_options opt = {0};
    struct csv_encoder *e = csv_encoder_new(&opt, 1);
    struct buf out = BUF_INIT(4096);

    (void)state;
    for (size_t len = 1; len < sizeof(text); len++) {
        for (size_t at = 0; at < len; at++) {
            for (size_t k = 0; k < 4; k++) {
                memset(text, 'x', len);
                text[at] = special[k];
                snprintf(want, sizeof(want), "\"%.*s%s%.*s\"\n", (int)at, text,
                         special[k] == '"' ? "\"\"" : (char[]){special[k], 0}, (int)(len - at - 1),
                         text + at + 1);
                cell = str_n(text, len);
                buf_reset(&out);
                csv_encode_rows(e, &b, 0, 1, &out);
                assert_string_equal(buf_str(&out), want);
            }
        }
    }
    buf_done(&out);
    csv_encoder_free(e);
}

static void
test_doubles(void **state)
{
    const struct {
        double in;
        const char *want;
    } rows[] = {
        {0.0, "0"},
        {-0.0, "-0"},
        {1.0, "1"},
        {-17.0, "-17"},
        {0.1, "0.1"},
        {0.3, "0.3"},
        {0.1 + 0.2, "0.30000000000000004"},
        {1.0 / 3.0, "0.3333333333333333"},
        {123456.789, "123456.789"},
        {9007199254740991.0, "9007199254740991"},
        {9007199254740992.0, "9007199254740992"},
        {9007199254740994.0, "9007199254740994"},
        {1e15, "1000000000000000"},
        {1e20, "100000000000000000000"},
        {1e21, "1e21"},
        {1.5e300, "1.5e300"},
        {1e-5, "0.00001"},
        {0.0000012, "0.0000012"},
        {1e-7, "1e-7"},
        {5e-324, "5e-324"},
        {DBL_MIN, "2.2250738585072014e-308"},
        {DBL_MAX, "1.7976931348623157e308"},
        {-DBL_MAX, "-1.7976931348623157e308"},
        {2e-44, "2e-44"},
        {5.684341886080801e-14, "5.684341886080801e-14"}, /* 2^-44: the interval is uneven */
        {9.5367431640625e-7, "9.5367431640625e-7"},
        {4.35, "4.35"},
        {NAN, "NaN"},
        {INFINITY, "Infinity"},
        {-INFINITY, "-Infinity"},
    };
    char got[CSV_VALUE_BYTES + 1];

    (void)state;
    failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        *csv_format_f64(got, rows[i].in) = '\0';
        check(rows[i].want, got, rows[i].want);
    }
    assert_int_equal(failures, 0);
}

static size_t
digit_count(const char *s)
{
    char digits[64];
    size_t n = 0, from = 0;

    for (; *s != '\0' && *s != 'e'; s++) {
        if (*s >= '0' && *s <= '9')
            digits[n++] = *s;
    }
    while (from < n && digits[from] == '0')
        from++;
    while (n > from && digits[n - 1] == '0')
        n--;
    return n - from;
}

/* Random bit patterns: each text reads back as the value, and no shorter %g does. */
static void
test_doubles_read_back(void **state)
{
    char got[CSV_VALUE_BYTES + 1], other[40];
    uint64_t bits, seed = 0x9e3779b97f4a7c15u;
    double v, back;
    float f;

    (void)state;
    for (int i = 0; i < 300000; i++) {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        bits = seed;
        if (i % 16 == 0)
            bits &= ~((1ULL << 52) - 1); /* powers of two */
        memcpy(&v, &bits, sizeof(v));
        if (!isfinite(v))
            continue;
        *csv_format_f64(got, v) = '\0';
        back = strtod(got, NULL);
        if (memcmp(&back, &v, sizeof(v)) != 0)
            fail_msg("%a: got %s, which reads back as %a", v, got, back);
        for (int digits = (int)digit_count(got) - 1; digits >= 1; digits = 0) {
            snprintf(other, sizeof(other), "%.*e", digits - 1, v);
            if (strtod(other, NULL) == v)
                fail_msg("%a: got %s, but %s is shorter", v, got, other);
        }
        f = (float)v;
        if (!isfinite(f))
            continue;
        *csv_format_f32(got, f) = '\0';
        if (strtof(got, NULL) != f)
            fail_msg("%a: got %s, which reads back differently", (double)f, got);
    }
}

static void
test_timestamps(void **state)
{
    const struct {
        const char *name;
        int64_t us;
        int tz;
        bool iso;
        const char *want;
    } rows[] = {
        {"epoch", 0, 0, false, "1970-01-01 00:00:00.000|"},
        {"cut to ms", 1546083949123999, 0, false, "2018-12-29 11:45:49.123|"},
        {"iso", 1546083949123999, 0, true, "2018-12-29T11:45:49.123Z|"},
        {"before 1970", -1, 0, false, "1969-12-31 23:59:59.999|"},
        {"zone", 1546083949123000, 120, false, "2018-12-29 13:45:49.123|"},
        {"zone with minutes, iso", 0, 330, true, "1970-01-01T05:30:00.000+05:30|"},
        {"west of UTC, iso", 0, -210, true, "1969-12-31T20:30:00.000-03:30|"},
        {"leap day", 951782400000000, 0, false, "2000-02-29 00:00:00.000|"},
        {"no leap day in 1900", -2203891200000000, 0, false, "1900-03-01 00:00:00.000|"},
        {"year 10000", 253402300800000000, 0, false, "10000-01-01 00:00:00.000|"},
        {"infinity", INT64_MAX, 60, false, "infinity|"},
        {"-infinity", -INT64_MAX, 60, true, "-infinity|"},
    };
    char *got;

    (void)state;
    failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        got = encode((struct engine_column){COL_TIMESTAMP, &rows[i].us, NULL}, 1,
                     (struct csv_options){.tz_offset_min = rows[i].tz, .iso = rows[i].iso});
        check(rows[i].name, got, rows[i].want);
        free(got);
    }
    assert_int_equal(failures, 0);
}

/* The C library's calendar is the other opinion. */
static void
test_timestamps_against_gmtime(void **state)
{
    struct csv_clock clock;
    char got[CSV_VALUE_BYTES + 1], want[64], day[40];
    struct tm tm;
    time_t t;

    (void)state;
    csv_clock_init(&clock, false, 0);
    for (int64_t i = -40000; i < 60000; i++) {
        t = (time_t)(i * 86399 + i % 7);
        gmtime_r(&t, &tm);
        strftime(day, sizeof(day), "%Y-%m-%d %H:%M:%S", &tm);
        snprintf(want, sizeof(want), "%s.00%d", day, (int)(i & 7));
        *csv_format_timestamp(&clock, got, (int64_t)t * 1000000 + (i & 7) * 1000) = '\0';
        assert_string_equal(got, want);
    }
}

static void
test_rows_and_nulls(void **state)
{
    static const int64_t ids[] = {1, 2, 3};
    struct engine_str names[] = {str("plain"), str("x"), str("with \"quotes\", and more")};
    static const double scores[] = {0.5, 1, -2.25};
    static const uint64_t all_but_second[] = {~2ULL};
    struct engine_column cols[] = {
        {COL_I64, ids, NULL}, {COL_STR, names, all_but_second}, {COL_F64, scores, NULL}};
    struct engine_batch b = {3, 3, cols};
    struct csv_options opt = {0};
    struct csv_encoder *e = csv_encoder_new(&opt, 3);
    struct buf out = BUF_INIT(4096);
    size_t last_row_at = 0;

    (void)state;
    csv_encode_rows(e, &b, 0, 3, &out);
    assert_string_equal(buf_str(&out),
                        "1,plain,0.5\n2,,1\n3,\"with \"\"quotes\"\", and more\",-2.25\n");
    buf_reset(&out);
    csv_encode_rows(e, &b, 1, 1, &out);
    assert_string_equal(buf_str(&out), "2,,1\n");
    buf_reset(&out);
    assert_int_equal(csv_encode_until(e, &b, 0, 3, 13, &out, &last_row_at), 2);
    assert_int_equal(last_row_at, 12);
    buf_done(&out);
    csv_encoder_free(e);
}

/* The ceiling holds what fits and says so when it does not. */
static void
test_ceiling(void **state)
{
    static const int64_t v[] = {123};
    struct engine_column col = {COL_I64, v, NULL};
    struct engine_batch b = {1, 1, &col};
    struct csv_options opt = {0};
    struct csv_encoder *e = csv_encoder_new(&opt, 1);
    struct buf out = BUF_INIT(10);

    (void)state;
    csv_encode_rows(e, &b, 0, 1, &out);
    csv_encode_rows(e, &b, 0, 1, &out);
    assert_false(out.failed);
    assert_string_equal(buf_str(&out), "123\n123\n");
    csv_encode_rows(e, &b, 0, 1, &out);
    assert_true(out.failed);
    buf_done(&out);
    csv_encoder_free(e);
}

/* More rows than a slice, validity over several words. */
static void
test_many_rows(void **state)
{
    int32_t v[2048];
    uint64_t valid[32];
    struct engine_column col = {COL_I32, v, valid};
    struct engine_batch b = {2048, 1, &col};
    struct csv_options opt = {0};
    struct csv_encoder *e = csv_encoder_new(&opt, 1);
    struct buf out = BUF_INIT(1 << 20), want = BUF_INIT(1 << 20);

    (void)state;
    for (int i = 0; i < 2048; i++)
        v[i] = i * 7919 - 5000000;
    for (size_t i = 0; i < 32; i++)
        valid[i] = 0x5bd1e9955bd1e995u * (i + 1);
    for (size_t i = 5; i < 2048; i++) {
        if (valid[i / 64] >> (i % 64) & 1)
            buf_printf(&want, "%d", v[i]);
        buf_putc(&want, '\n');
    }
    csv_encode_rows(e, &b, 5, 2043, &out);
    assert_string_equal(buf_str(&out), buf_str(&want));
    buf_done(&out);
    buf_done(&want);
    csv_encoder_free(e);
}

/* Two columns, number and text, in every dialect; a row of nulls behind them. */
static void
test_dialects(void **state)
{
    static const struct {
        const char *name;
        struct csv_options opt;
        int64_t number;
        const char *text, *want;
    } rows[] = {
        {"semicolon", {.delimiter = ';'}, 1, "a,b", "1;a,b|;|"},
        {"semicolon quoted", {.delimiter = ';'}, 1, "a;b", "1;\"a;b\"|;|"},
        {"far string quoted",
         {.delimiter = ';'},
         1,
         "a long text; and more of it",
         "1;\"a long text; and more of it\"|;|"},
        {"far string with commas",
         {.delimiter = '\t'},
         1,
         "a long text, and more of it",
         "1\ta long text, and more of it|\t|"},
        {"tab quoted", {.delimiter = '\t'}, 1, "a\tb", "1\t\"a\tb\"|\t|"},
        {"pipe", {.delimiter = '|'}, 1, "x", "1|x|||"},
        {"null text", {.null = "NULL"}, 1, "x", "1,x|NULL,NULL|"},
        {"a value like null", {.null = "NULL"}, 1, "NULL", "1,\"NULL\"|NULL,NULL|"},
        {"nearly like null", {.null = "NULL"}, 1, "NULL ", "1,NULL |NULL,NULL|"},
        {"another case", {.null = "NULL"}, 1, "null", "1,null|NULL,NULL|"},
        {"a number like null", {.null = "-1"}, -1, "x", "\"-1\",x|-1,-1|"},
        {"empty among nulls", {.null = "N"}, 1, "", "1,\"\"|N,N|"},
        {"longest null",
         {.null = "0123456789abcdef"},
         1,
         "0123456789abcdef",
         "1,\"0123456789abcdef\"|0123456789abcdef,0123456789abcdef|"},
        {"guard =", {.formula_guard = true}, -5, "=1+1", "-5,'=1+1|,|"},
        {"guard +", {.formula_guard = true}, 1, "+1", "1,'+1|,|"},
        {"guard -", {.formula_guard = true}, 1, "-", "1,'-|,|"},
        {"guard @", {.formula_guard = true}, 1, "@SUM(A1)", "1,'@SUM(A1)|,|"},
        {"guard tab", {.formula_guard = true}, 1, "\t=1", "1,'\t=1|,|"},
        {"guard CR", {.formula_guard = true}, 1, "\r=1", "1,\"'\r=1\"|,|"},
        {"guard and quotes",
         {.formula_guard = true},
         1,
         "=A(\"x\",1)",
         "1,\"'=A(\"\"x\"\",1)\"|,|"},
        {"no guard inside", {.formula_guard = true}, 1, "a=1", "1,a=1|,|"},
        {"no guard for empty", {.formula_guard = true}, 1, "", "1,\"\"|,|"},
        {"guard and tab delimiter",
         {.formula_guard = true, .delimiter = '\t'},
         1,
         "\tx",
         "1\t\"'\tx\"|\t|"},
        {"guard makes it like null",
         {.formula_guard = true, .null = "'-"},
         1,
         "-",
         "1,\"'-\"|'-,'-|"},
        {"guard keeps it apart from null",
         {.formula_guard = true, .null = "-"},
         1,
         "-",
         "1,'-|-,-|"},
    };
    static const uint64_t first_alone[] = {1};

    (void)state;
    failures = 0;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const int64_t numbers[] = {rows[i].number, 7};
        const struct engine_str texts[] = {str(rows[i].text), str("seven")};
        struct engine_column cols[] = {{COL_I64, numbers, first_alone},
                                       {COL_STR, texts, first_alone}};
        const struct engine_batch b = {2, 2, cols};
        struct csv_encoder *e = csv_encoder_new(&rows[i].opt, 2);
        struct buf out = BUF_INIT(1 << 20);

        csv_encode_rows(e, &b, 0, 2, &out);
        for (size_t k = 0; k < out.len; k++)
            out.data[k] = out.data[k] == '\n' ? '|' : out.data[k];
        check(rows[i].name, buf_str(&out), rows[i].want);
        csv_encoder_free(e);
        buf_done(&out);
    }
    assert_int_equal(failures, 0);
}

static void
test_header(void **state)
{
    struct linq_column cols[] = {{(char[]){"eventdate"}, LINQ_TIMESTAMP},
                                 {(char[]){"a,b"}, LINQ_STR},
                                 {(char[]){"say \"x\""}, LINQ_STR},
                                 {(char[]){""}, LINQ_STR}};
    struct buf out = BUF_INIT(4096);

    (void)state;
    csv_encode_header(&(struct csv_options){0}, cols, 4, &out);
    assert_string_equal(buf_str(&out), "eventdate,\"a,b\",\"say \"\"x\"\"\",\"\"\n");
    buf_reset(&out);
    csv_encode_header(&(struct csv_options){.bom = true, .delimiter = ';'}, cols, 3, &out);
    assert_string_equal(buf_str(&out), "\xef\xbb\xbf"
                                       "eventdate;a,b;\"say \"\"x\"\"\"\n");
    buf_done(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_quotes_everywhere),
        cmocka_unit_test(test_doubles),
        cmocka_unit_test(test_doubles_read_back),
        cmocka_unit_test(test_timestamps),
        cmocka_unit_test(test_timestamps_against_gmtime),
        cmocka_unit_test(test_rows_and_nulls),
        cmocka_unit_test(test_ceiling),
        cmocka_unit_test(test_many_rows),
        cmocka_unit_test(test_dialects),
        cmocka_unit_test(test_header),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
