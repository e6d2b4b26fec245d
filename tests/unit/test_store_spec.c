/* Specs, secrets, commands and replies of the store: all without a server. */

#include "common/base/buf.h"
#include "common/store/job_spec.h"
#include "common/store/store_args.h"
#include "common/store/store_cmd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct job_spec
sample(void)
{
    static char *globs[] = {"demo.**", "web.log", NULL};

    return (struct job_spec){.query = "from t where x = \"\xc3\xa9\"",
                             .from_ms = 1546083949000,
                             .to_ms = 1546947949000,
                             .now_ms = 1546947950123,
                             .tz_offset_min = -330,
                             .iso_dates = true,
                             .limit = -1,
                             .skip = 7,
                             .globs = globs,
                             .engine = "duckdb",
                             .destination = "s3",
                             .format = "gzip",
                             .compression = "fast",
                             .multiplefile = true,
                             .max_file_bytes = 500000000,
                             .max_file_ms = 300000,
                             .key_stem = "p/apiv2_x",
                             .entry_stem = "apiv2_x",
                             .bucket = "b",
                             .region = "eu-west-1",
                             .endpoint = "",
                             .path_style = true};
}

static void
test_spec_round_trip(void **state)
{
    struct job_spec in = sample(), out;
    struct errinfo ei = ERRINFO_INIT;
    struct buf a = BUF_INIT(100000), b = BUF_INIT(100000);

    (void)state;
    job_spec_format(&in, &a);
    if (job_spec_parse(buf_str(&a), &out, &ei) < 0)
        fail_msg("%s", ei.msg);
    assert_string_equal(out.query, in.query);
    assert_int_equal(out.tz_offset_min, -330);
    assert_int_equal(out.max_file_bytes, 500000000);
    assert_string_equal(out.globs[1], "web.log");
    assert_null(out.globs[2]);
    job_spec_format(&out, &b);
    assert_string_equal(buf_str(&a), buf_str(&b));
    /* Nothing of version 2 is asked: programs of version 1 read it, and it reads as the defaults.
     */
    assert_non_null(strstr(buf_str(&a), "\"v\":1,"));
    assert_null(strstr(buf_str(&a), "csv"));
    assert_string_equal(out.csv_delimiter, ",");
    assert_string_equal(out.csv_null, "");
    assert_string_equal(out.zip_encryption, "aes256");
    assert_string_equal(out.tags, "");
    assert_string_equal(out.overwrite, "never");
    assert_string_equal(out.notify_email, "");
    assert_false(out.csv_bom || out.csv_formulaguard);
    assert_true(out.max_file_rows == 0);
    job_spec_done(&out);

    in.max_file_bytes = INT64_MAX; /* a single file */
    in.limit = INT64_MAX;
    buf_reset(&a);
    job_spec_format(&in, &a);
    assert_int_equal(job_spec_parse(buf_str(&a), &out, &ei), E_OK);
    assert_true(out.max_file_bytes == INT64_MAX);
    assert_true(out.limit >= 1LL << 53);
    job_spec_done(&out);
    buf_done(&a);
    buf_done(&b);
}

static void
test_spec_of_version_2(void **state)
{
    struct job_spec in = sample(), out;
    struct errinfo ei = ERRINFO_INIT;
    struct buf a = BUF_INIT(100000), b = BUF_INIT(100000);

    (void)state;
    in.max_file_rows = 1000;
    in.csv_delimiter = "\t";
    in.csv_null = "\\N";
    in.zip_encryption = "zipcrypto";
    in.sse = "aws:kms";
    in.kms_key_id = "key";
    in.storage_class = "GLACIER";
    in.bucket_owner = "123456789012";
    in.tags = "a=b";
    in.overwrite = "replace";
    in.notify_email = "x@example.com";
    in.csv_bom = true;
    in.csv_formulaguard = true;
    job_spec_format(&in, &a);
    assert_non_null(strstr(buf_str(&a), "\"v\":2,"));
    if (job_spec_parse(buf_str(&a), &out, &ei) < 0)
        fail_msg("%s", ei.msg);
    assert_string_equal(out.csv_delimiter, "\t");
    assert_string_equal(out.csv_null, "\\N");
    assert_string_equal(out.zip_encryption, "zipcrypto");
    assert_string_equal(out.sse, "aws:kms");
    assert_string_equal(out.kms_key_id, "key");
    assert_string_equal(out.storage_class, "GLACIER");
    assert_string_equal(out.bucket_owner, "123456789012");
    assert_string_equal(out.tags, "a=b");
    assert_string_equal(out.overwrite, "replace");
    assert_string_equal(out.notify_email, "x@example.com");
    assert_true(out.csv_bom && out.csv_formulaguard);
    assert_true(out.max_file_rows == 1000);
    job_spec_format(&out, &b);
    assert_string_equal(buf_str(&a), buf_str(&b));
    job_spec_done(&out);
    buf_done(&a);
    buf_done(&b);
}

/* The sample's JSON with one thing replaced. */
static void
test_spec_refuses(void **state)
{
    static const struct {
        const char *old, *new, *want;
    } cases[] = {
        {"\"v\":1", "\"v\":3", "version 3"},
        {"\"v\":1", "\"v\":2,\"csvDelimiter\":\"x\"", "'csvDelimiter'"},
        {"\"v\":1", "\"v\":2,\"csvDelimiter\":\"\"", "'csvDelimiter'"},
        {"\"v\":1", "\"v\":2,\"csvNull\":\"12345678901234567\"", "'csvNull' is longer"},
        {"\"v\":1", "\"v\":2,\"csvBom\":1", "'csvBom'"},
        {"\"v\":1", "\"v\":2,\"sse\":\"rot13\"", "'sse' is 'rot13'"},
        {"\"v\":1", "\"v\":2,\"maxFileRows\":-1", "'maxFileRows'"},
        {"\"v\":1", "\"v\":\"1\"", "'v'"},
        {"\"destination\":\"s3\"", "\"destination\":\"ftp\"", "'destination' is 'ftp'"},
        {"\"format\":\"gzip\"", "\"format\":\"\"", "'format'"},
        {"\"format\":\"gzip\"", "\"format\":\"gzip|zip\"", "'format'"},
        {"\"compression\":\"fast\"", "\"compression\":3", "'compression'"},
        {"\"query\":", "\"quern\":", "'query'"},
        {"\"skip\":7", "\"skip\":-1", "'skip'"},
        {"\"skip\":7", "\"skip\":1.5", "'skip'"},
        {"\"skip\":7", "\"skip\":1e300", "'skip'"},
        {"\"tzOffsetMin\":-330", "\"tzOffsetMin\":99999", "'tzOffsetMin'"},
        {"\"toMs\":1546947949000", "\"toMs\":5", "'toMs'"},
        {"\"pathStyle\":true", "\"pathStyle\":1", "'pathStyle'"},
        {"\"globs\":[", "\"globs\":[5,", "'globs'"},
        {"\"maxFileBytes\":500000000", "\"maxFileBytes\":0", "'maxFileBytes'"},
        {"{", "[", "no JSON"},
    };
    struct job_spec in = sample(), out;
    struct errinfo ei = ERRINFO_INIT;
    struct buf b = BUF_INIT(100000);
    const char *at;
    char *text;
    size_t i;
    int rc;

    (void)state;
    job_spec_format(&in, &b);
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        at = strstr(buf_str(&b), cases[i].old);
        assert_non_null(at);
        text = mem_printf("%.*s%s%s", (int)(at - b.data), b.data, cases[i].new,
                          at + strlen(cases[i].old));
        rc = job_spec_parse(text, &out, &ei);
        if (rc != E_PERMANENT || strstr(ei.msg, cases[i].want) == NULL)
            fail_msg("%s: got %d '%s', want '%s'", cases[i].new, rc, ei.msg, cases[i].want);
        free(text);
    }
    assert_int_equal(job_spec_parse("", &out, &ei), E_PERMANENT);
    assert_int_equal(job_spec_parse("7", &out, &ei), E_PERMANENT);
    buf_done(&b);
}

static void
test_keys(void **state)
{
    static const struct {
        const char *format;
        unsigned index;
        const char *want;
    } cases[] = {
        {"gzip", 1, "p/apiv2_x_001.csv.gz"},
        {"zip", 42, "p/apiv2_x_042.csv.zip"},
        {"plain", 1000, "p/apiv2_x_1000.csv"},
    };
    struct job_spec s = sample();
    char *key, *place;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        s.format = (char *)(uintptr_t)cases[i].format;
        key = job_spec_key(&s, cases[i].index);
        assert_string_equal(key, cases[i].want);
        free(key);
    }
    place = job_secrets_place("dom", "id");
    assert_string_equal(place, "job|dom|id");
    free(place);
}

static void
test_secrets(void **state)
{
    struct job_secrets in = {.access_key = "AK", .password = "p\"w"}, out;
    struct errinfo ei = ERRINFO_INIT;
    struct buf b = BUF_INIT(10000);

    (void)state;
    job_secrets_format(&in, &b);
    assert_string_equal(buf_str(&b), "{\"accessKey\":\"AK\",\"password\":\"p\\\"w\"}");
    assert_int_equal(job_secrets_parse(buf_str(&b), &out, &ei), E_OK);
    assert_string_equal(out.password, "p\"w");
    assert_null(out.secret_key);
    job_secrets_done(&out);
    buf_wipe(&b);
    assert_int_equal(job_secrets_parse("{\"password\":5,\"accessKey\":\"SECRET\"}", &out, &ei),
                     E_PERMANENT);
    assert_null(strstr(ei.msg, "SECRET"));
}

static void
test_words(void **state)
{
    static const struct {
        const char *in, *want;
    } cases[] = {
        {"plain", "plain"},
        {NULL, ""},
        {"\xc3\xa9", "\xc3\xa9"},
        {"a\xff"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {"line\nnext\x01", "line\nnext\x01"},
    };
    struct store_cmd c;
    char *longer = mem_zalloc(5001);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        store_cmd_plain(&c, "X");
        store_cmd_words(&c, cases[i].in);
        assert_string_equal(c.argv[1], cases[i].want);
        store_cmd_done(&c);
    }
    for (i = 0; i < 5000; i += 2)
        memcpy(longer + i, "\xc3\xa9", 2);
    longer[0] = 'x'; /* so that the cut falls into a character */
    store_cmd_plain(&c, "X");
    store_cmd_words(&c, longer);
    assert_true(c.len[1] > STORE_WORDS_MAX - 8 && c.len[1] <= STORE_WORDS_MAX);
    store_cmd_done(&c);
    free(longer);
}

static void
test_reply_errors(void **state)
{
    static const struct {
        const char *text;
        enum errc want;
    } cases[] = {
        {"OOM command not allowed when used memory > 'maxmemory'.", E_NOSPACE},
        {"LOADING Redis is loading the dataset in memory", E_TRANSIENT},
        {"READONLY You can't write against a read only replica.", E_TRANSIENT},
        {"NOAUTH Authentication required.", E_DENIED},
        {"OOMPH", E_PERMANENT},
        {"ERR unknown command", E_PERMANENT},
        {"BUG transition x from y", E_PERMANENT},
    };
    struct redisReply r = {.type = REDIS_REPLY_ERROR}, ok = {.type = REDIS_REPLY_INTEGER};
    struct errinfo ei = ERRINFO_INIT;
    struct job_record *list = NULL, one;
    struct job_created made;
    char *cursor = NULL;
    size_t i, n;
    int got;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        r.str = (char *)(uintptr_t)cases[i].text;
        got = store_reply_error(&r, &ei);
        if (got != (int)cases[i].want)
            fail_msg("%s: got %d, want %d", cases[i].text, got, cases[i].want);
    }
    assert_int_equal(store_reply_error(NULL, &ei), E_TRANSIENT);
    assert_int_equal(store_reply_error(&ok, &ei), E_OK);
    assert_int_equal(store_reply_job_get(&ok, &one, &ei), E_PERMANENT);
    assert_int_equal(store_reply_job_list(&ok, &list, &n, &cursor, &ei), E_PERMANENT);
    assert_int_equal(store_reply_job_create(NULL, &made, &ei), E_TRANSIENT);
}

static void
test_eval(void **state)
{
    struct store_cmd c;

    (void)state;
    store_cmd_job_get(&c, "dom", "id");
    assert_string_equal(c.argv[0], "EVALSHA");
    assert_int_equal(c.len[1], 40);
    assert_string_equal(c.argv[3], "{bl:0}:");
    store_cmd_as_eval(&c);
    assert_string_equal(c.argv[0], "EVAL");
    assert_int_equal(strncmp(c.argv[1], "#!lua", 5), 0);
    assert_string_equal(c.argv[4], "dom");
    store_cmd_done(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spec_round_trip), cmocka_unit_test(test_spec_of_version_2),
        cmocka_unit_test(test_spec_refuses),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_secrets),         cmocka_unit_test(test_words),
        cmocka_unit_test(test_reply_errors),    cmocka_unit_test(test_eval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
