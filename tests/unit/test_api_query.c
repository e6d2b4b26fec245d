/* Bodies of POST /search/query: what they come to mean, and what each bad one is told. */

#include "api/jobs.h"
#include "api/query_body.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define NOW 1738762625000LL /* 2025-02-05 13:37:05 UTC */
#define AWS                                                                                        \
    "\"aws.bucket\":\"my-bucket\",\"aws.region\":\"eu-west-1\",\"aws.accesskey\":\"AK\","          \
    "\"aws.secretkey\":\"SK/x+\""
#define BODY(members) "{\"query\":\"from a.b select *\"," members "}"
#define RANGE         "\"from\":1546083949,\"to\":1546947949"
#define DEST(params)  "\"destination\":{\"type\":\"s3\",\"params\":{" params "}}"
#define P(params)     BODY(RANGE "," DEST(params))
#define A(params)     P(AWS "," params)
#define M(members)    BODY(RANGE "," DEST(AWS) "," members)
#define T(members)    BODY(members "," DEST(AWS))

static struct config *
config_with(const char *const *sets)
{
    struct config *c = config_new();
    struct errinfo ei = ERRINFO_INIT;

    for (; *sets != NULL; sets++) {
        if (config_set(c, *sets, &ei) < 0)
            fail_msg("%s", ei.msg);
    }
    return c;
}

struct fault_row {
    const char *name, *body;
    const char *want; /* is in one of the faults */
};

static void
run_faults(const struct fault_row *rows, size_t n, const char *const *sets)
{
    struct config *cfg = config_with(sets);
    size_t i, k, failed = 0;

    for (i = 0; i < n; i++) {
        struct query_body b;
        struct faults f = {0};
        bool found = rows[i].want == NULL && f.count == 0;

        query_body_parse(rows[i].body, strlen(rows[i].body), cfg, NOW, &b, &f);
        found = rows[i].want == NULL && f.count == 0;
        for (k = 0; k < f.count && rows[i].want != NULL; k++)
            found = found || strstr(f.items[k], rows[i].want) != NULL;
        if (!found) {
            print_error("%s: want '%s', got %zu faults:\n", rows[i].name,
                        rows[i].want != NULL ? rows[i].want : "none", f.count);
            for (k = 0; k < f.count; k++)
                print_error("    %s\n", f.items[k]);
            failed++;
        }
        for (k = 0; k < f.count; k++) {
            if (strstr(f.items[k], "TOPSECRET") != NULL)
                fail_msg("%s: a secret is in '%s'", rows[i].name, f.items[k]);
        }
        query_body_done(&b);
        faults_done(&f);
    }
    config_free(cfg);
    assert_int_equal(failed, 0);
}

#define K32 "0123456789abcdef0123456789abcdef"

static void
test_bad_bodies(void **state)
{
    static const char *const none[] = {NULL};
    static const struct fault_row rows[] = {
        {"empty", "", "body is empty"},
        {"no JSON", "query=from a", "not JSON"},
        {"cut off", "{\"query\": \"from a", "not JSON"},
        {"text behind", "{} x", "not JSON"},
        {"a key twice", "{\"from\":1,\"from\":2}", "twice"},
        {"bad UTF-8", "{\"query\":\"\xff\"}", "UTF-8"},
        {"an array", "[]", "JSON object, not an array"},
        {"a string", "\"x\"", "JSON object, not a string"},
        {"null", "null", "JSON object"},
        {"nothing in it: from", "{}", "405 : "},
        {"nothing in it: query", "{}", "query is required"},
        {"nothing in it: destination", "{}", "destination is required"},
        {"query is a number", "{\"query\":1," RANGE "," DEST(AWS) "}", "query should be"},
        {"query is blank", "{\"query\":\" \"," RANGE "," DEST(AWS) "}", "query should be"},
        {"query is null", "{\"query\":null," RANGE "," DEST(AWS) "}", "query is required"},
        {"queryId is empty", "{\"queryId\":\"\"," RANGE "," DEST(AWS) "}", "queryId"},
        /* times */
        {"no from", T("\"to\":2"), "405 : "},
        {"from null", T("\"from\":null,\"to\":2"), "405 : "},
        {"from true", T("\"from\":true,\"to\":2"), "406 : "},
        {"from empty", T("\"from\":\"\",\"to\":2"), "406 : "},
        {"from array", T("\"from\":[1],\"to\":2"), "406 : "},
        {"from words", T("\"from\":\"the other day\",\"to\":2"), "406 : "},
        {"from ISO", T("\"from\":\"2026-09-28T12:00:00Z\",\"to\":2"), "406 : "},
        {"from in ms", T("\"from\":1546083949000,\"to\":2"), "MILLISECONDS"},
        {"from 1e300", T("\"from\":1e300,\"to\":2"), "406 : "},
        {"to words", T("\"from\":1,\"to\":\"soon\""), "407 : "},
        {"to false", T("\"from\":1,\"to\":false"), "407 : "},
        {"to later than from", T("\"from\":2,\"to\":1"), "408 : "},
        {"from text later than to", T("\"from\":\"1h\",\"to\":1"), "408 : "},
        {"no to", T("\"from\":1"), "Date to is required"},
        {"to null", T("\"from\":1,\"to\":null"), "Date to is required"},
        {"to tomorrow", T("\"from\":1,\"to\":\"now() + 1d\""), "in the future"},
        {"timeUnit", M("\"timeUnit\":\"MINUTES\""), "timeUnit should be"},
        {"timeZone", M("\"timeZone\":\"Mars/North\""), "timeZone"},
        {"timeZone number", M("\"timeZone\":2"), "timeZone"},
        /* others */
        {"dateFormat", M("\"dateFormat\":\"us\""), "dateFormat should be"},
        {"limit negative", M("\"limit\":-1"), "limit should be"},
        {"limit fraction", M("\"limit\":1.5"), "limit should be"},
        {"limit text", M("\"limit\":\"many\""), "limit should be"},
        {"skip text", M("\"skip\":\"x\""), "skip should be"},
        {"skip and offset", M("\"skip\":1,\"offset\":2"), "skip and offset"},
        {"vaultName", M("\"vaultName\":\"urgent\""), "vaultName should be"},
        {"dryRun", M("\"dryRun\":true"), "dryRun is not served"},
        {"language", M("\"language\":\"sql\""), "language"},
        /* destination */
        {"no destination", BODY(RANGE), "destination is required: this server forwards results"},
        {"destination null", BODY(RANGE ",\"destination\":null"), "destination is required"},
        {"destination text", BODY(RANGE ",\"destination\":\"s3\""), "should be an object"},
        {"destinations", BODY(RANGE ",\"destination\":[{},{}]"), "should be an object"},
        {"no type", BODY(RANGE ",\"destination\":{}"), "s3 and donothing exist"},
        {"type email", BODY(RANGE ",\"destination\":{\"type\":\"email\"}"), "'email' is unknown"},
        {"type number", BODY(RANGE ",\"destination\":{\"type\":3}"), "s3 and donothing exist"},
        {"params text", BODY(RANGE ",\"destination\":{\"type\":\"s3\",\"params\":\"x\"}"),
         "params should be an object"},
        {"misspelt params", BODY(RANGE ",\"destination\":{\"type\":\"s3\",\"parms\":{}}"),
         "'parms'"},
    };

    (void)state;
    run_faults(rows, ARRAY_LEN(rows), none);
}

static void
test_bad_params(void **state)
{
    static const char *const sets[] = {"s3.allowed_endpoints=https://store.example.com", NULL};
    static const struct fault_row rows[] = {
        {"nothing", P(""), "205 : "},
        {"no params", BODY(RANGE ",\"destination\":{\"type\":\"s3\"}"), "205 : "},
        {"only the bucket", P("\"aws.bucket\":\"my-bucket\""), "aws.region, aws.accesskey"},
        {"no bucket",
         P("\"aws.region\":\"eu-west-1\",\"aws.accesskey\":\"A\",\"aws.secretkey\":\"S\""),
         "205 : "},
        {"secret missing",
         P("\"aws.bucket\":\"my-bucket\",\"aws.region\":\"eu-west-1\",\"aws.accesskey\":\"A\""),
         "aws.secretkey missing"},
        {"a prefix alone", P("\"aws.prefix\":\"x/\""), "205 : "},
        {"bucket empty", P("\"aws.bucket\":\"\""), "206 : "},
        {"bucket number", P("\"aws.bucket\":1"), "206 : "},
        {"bucket climbs", P("\"aws.bucket\":\"../x\""), "206 : "},
        {"bucket with #", P("\"aws.bucket\":\"a#b\""), "206 : "},
        {"bucket is an IP", P("\"aws.bucket\":\"192.168.1.1\""), "206 : "},
        {"bucket in upper case", P("\"aws.bucket\":\"MyBucket\""), "206 : "},
        {"bucket with slash", P("\"aws.bucket\":\"my/bucket\""), "206 : "},
        {"bucket too short", P("\"aws.bucket\":\"ab\""), "206 : "},
        {"region empty", P("\"aws.region\":\"\""), "209 : "},
        {"region object", P("\"aws.region\":{}"), "209 : "},
        {"region unknown", P("\"aws.region\":\"moon-1\""), "209 : "},
        {"region with a host", P("\"aws.region\":\"eu-west-1.evil.com/\""), "209 : "},
        {"access key empty", P("\"aws.accesskey\":\"\""), "207 : "},
        {"access key number", P("\"aws.accesskey\":5"), "207 : "},
        {"access key blank", P("\"aws.accesskey\":\"  \""), "200 : "},
        {"access key with a line end", P("\"aws.accesskey\":\"TOPSECRET\\r\\nx\""), "207 : "},
        {"secret empty", P("\"aws.secretkey\":\"\""), "208 : "},
        {"secret bool", P("\"aws.secretkey\":true"), "208 : "},
        {"secret blank", P("\"aws.secretkey\":\" \""), "200 : "},
        {"secret with a line end", P("\"aws.secretkey\":\"TOPSECRET\\n\""), "208 : "},
        {"token empty", A("\"aws.sessiontoken\":\"\""), "aws.sessiontoken"},
        {"endpoint not allowed", A("\"aws.endpoint\":\"http://169.254.169.254\""),
         "not among the endpoints"},
        {"endpoint almost", A("\"aws.endpoint\":\"https://store.example.com.evil.com\""),
         "not among the endpoints"},
        {"prefix at the root", A("\"aws.prefix\":\"/x\""), "aws.prefix"},
        {"prefix climbs", A("\"aws.prefix\":\"a/../../b/\""), "aws.prefix"},
        {"prefix unknown word", A("\"aws.prefix\":\"x/{year}/\""), "'{year}/' is no placeholder"},
        {"prefix open brace", A("\"aws.prefix\":\"x/{yyyy\""), "no placeholder"},
        {"prefix closing brace", A("\"aws.prefix\":\"x}\""), "no placeholder"},
        {"format", A("\"format\":\"rar\""), "210 : "},
        {"format empty", A("\"format\":\"\""), "210 : "},
        {"format number", A("\"format\":1"), "210 : "},
        {"password with gzip", A("\"format\":\"gzip\",\"file.password\":\"TOPSECRET\""), "211 : "},
        {"password with plain", A("\"format\":\"plain\",\"file.password\":\"TOPSECRET\""),
         "211 : "},
        {"password empty", A("\"file.password\":\"\""), "212 : "},
        {"password number", A("\"file.password\":123"), "212 : "},
        {"single zip", A("\"multiplefile\":false,\"format\":\"zip\""),
         "needs format gzip or plain"},
        {"single by default", A("\"multiplefile\":false"), "the default is zip"},
        {"single with size", A("\"multiplefile\":false,\"format\":\"gzip\",\"retention.size\":100"),
         "retention.size"},
        {"single with time",
         A("\"multiplefile\":\"false\",\"format\":\"gzip\",\"retention.time\":600"),
         "retention.time"},
        {"multiplefile text", A("\"multiplefile\":\"yes\""), "should be true or false"},
        {"multiplefile number", A("\"multiplefile\":1"), "should be true or false"},
        {"size too small", A("\"retention.size\":49"), "from 50 to 500"},
        {"size too large", A("\"retention.size\":501"), "from 50 to 500"},
        {"size fraction", A("\"retention.size\":50.5"), "whole number of MB"},
        {"size words", A("\"retention.size\":\"100MB\""), "retention.size = 100MB"},
        {"size empty", A("\"retention.size\":\"\""), "retention.size"},
        {"size bool", A("\"retention.size\":true"), "retention.size"},
        {"size huge", A("\"retention.size\":1e40"), "retention.size"},
        {"time too short", A("\"retention.time\":299"), "from 300 to 86400"},
        {"time too long", A("\"retention.time\":\"86401\""), "from 300 to 86400"},
        {"e-mail", A("\"notification.email\":\"nobody\""), "notification.email"},
        {"two e-mails", A("\"notification.email\":\"a@b.cc,d@e.ff\""), "notification.email"},
        {"e-mail with a header", A("\"notification.email\":\"a@b.cc\\r\\nBcc: x@y.zz\""),
         "notification.email"},
        {"e-mail number", A("\"notification.email\":1"), "notification.email"},
        {"file name with slash", A("\"s3.fileName\":\"a/b\""), "s3.fileName"},
        {"file name with dots", A("\"s3.fileName\":\"..\""), "s3.fileName"},
        {"friendlyName empty", A("\"friendlyName\":\"\""), "friendlyName"},
        {"friendlyName number", A("\"friendlyName\":7"), "friendlyName"},
        {"compression", A("\"compression\":\"max\""), "fast, balanced or best"},
        {"misspelt", A("\"retention.sise\":100"), "did you mean 'retention.size'"},
        {"other case", A("\"aws.Bucket\":\"x\""), "did you mean 'aws.bucket'"},
        {"nonsense", A("\"qwertyuiop\":1"), "unknown parameter 'qwertyuiop'"},
        {"overwrite a flag", A("\"overwrite\":true"), "overwrite must be never or replace"},
        {"manifest later", A("\"manifest\":true"), "manifest is not served"},
        {"role later", A("\"aws.rolearn\":\"arn:aws:iam::1:role/x\""), "aws.rolearn is not served"},
        {"sse unknown", A("\"aws.sse\":\"aes256\""), "aws.sse must be AES256 or aws:kms"},
        {"kms key alone", A("\"aws.kmskeyid\":\"k\""), "aws.kmskeyid needs aws.sse = aws:kms"},
        {"kms key of AES256", A("\"aws.kmskeyid\":\"k\",\"aws.sse\":\"AES256\""),
         "aws.kmskeyid needs"},
        {"kms key no header", A("\"aws.kmskeyid\":\"a\\r\\nb: c\",\"aws.sse\":\"aws:kms\""),
         "visible ASCII"},
        {"class unknown", A("\"aws.storageclass\":\"COLD\""), "not 'COLD'"},
        {"owner short", A("\"aws.expectedbucketowner\":\"12345678901\""), "12 digits"},
        {"owner words", A("\"aws.expectedbucketowner\":\"12345678901a\""), "12 digits"},
        {"tags a word", A("\"aws.tags\":\"team\""), "k=v&k2=v2"},
        {"tags empty pair", A("\"aws.tags\":\"a=b&\""), "k=v&k2=v2"},
        {"tags two equal signs", A("\"aws.tags\":\"a=b=c\""), "%3D"},
        {"tags no key", A("\"aws.tags\":\"=b\""), "without a key"},
        {"tags twice", A("\"aws.tags\":\"a=b&%61=c\""), "the key 'a' twice"},
        {"tags of Amazon", A("\"aws.tags\":\"aws:x=b\""), "Amazon's own"},
        {"tags not encoded", A("\"aws.tags\":\"a=b c\""), "percent-encoded"},
        {"tags header", A("\"aws.tags\":\"a=b\\r\\nx: y\""), "percent-encoded"},
        {"tags bad percent", A("\"aws.tags\":\"a=b%2\""), "two hex digits"},
        {"tags percent NUL", A("\"aws.tags\":\"a=b%00\""), "two hex digits"},
        {"tags odd character", A("\"aws.tags\":\"a=b%3C\""), "letters, digits"},
        {"tags control", A("\"aws.tags\":\"a=b%0a\""), "letters, digits"},
        {"eleven tags", A("\"aws.tags\":\"a=&b=&c=&d=&e=&f=&g=&h=&i=&j=&k=\""), "more than 10"},
        {"tag key too long", A("\"aws.tags\":\"" K32 K32 K32 K32 "x=1\""), "longer than 128"},
        {"no events a file", A("\"retention.events\":0"), "events from 1 to 10000000"},
        {"too many events a file", A("\"retention.events\":10000001"), "from 1 to 10000000"},
        {"events of a single file",
         A("\"multiplefile\":false,\"format\":\"gzip\",\"retention.events\":10"),
         "retention.events has no meaning"},
        {"delimiter a letter", A("\"csv.delimiter\":\"a\""), "csv.delimiter = 'a' is none of"},
        {"delimiter a quote", A("\"csv.delimiter\":\"\\\"\""), "is none of"},
        {"delimiter too long", A("\"csv.delimiter\":\";;\""), "is none of"},
        {"delimiter empty", A("\"csv.delimiter\":\"\""), "csv.delimiter must be"},
        {"delimiter a blank", A("\"csv.delimiter\":\" \""), "is none of"},
        {"null too long", A("\"csv.null\":\"12345678901234567\""), "longer than 16"},
        {"null not visible", A("\"csv.null\":\"a b\""), "visible ASCII"},
        {"null not ASCII", A("\"csv.null\":\"\xc3\xa9\""), "visible ASCII"},
        {"null a quote", A("\"csv.null\":\"\\\"\""), "visible ASCII"},
        {"null with the comma", A("\"csv.null\":\"a,b\""), "has the delimiter"},
        {"null with the delimiter", A("\"csv.null\":\"a;b\",\"csv.delimiter\":\";\""),
         "has the delimiter"},
        {"bom a word", A("\"csv.bom\":\"yes\""), "csv.bom = yes should be true or false"},
        {"guard a number", A("\"csv.formulaguard\":1"), "should be true or false"},
        {"webhook later", A("\"notification.url\":\"https://x\""),
         "notification.url is not served"},
        {"encryption without password", A("\"zip.encryption\":\"zipcrypto\""),
         "zip.encryption needs file.password"},
        {"encryption unknown", A("\"zip.encryption\":\"des\",\"file.password\":\"p\""),
         "zip.encryption must be aes256 or zipcrypto, not 'des'"},
    };

    (void)state;
    run_faults(rows, ARRAY_LEN(rows), sets);
}

static void
test_good(void **state)
{
    static const char *const sets[] = {"s3.allowed_endpoints=https://store.example.com", NULL};
    static const char *const with_store[] = {"default_store.bucket=shared",
                                             "default_store.region=eu-west-1", NULL};
    static const char *const own[] = {"s3.endpoint=http://127.0.0.1:9000", NULL};
    static const struct fault_row rows[] = {
        {"the smallest", A("\"format\":\"gzip\""), NULL},
        {"numbers as text", A("\"retention.size\":\"100\",\"retention.time\":\"300\""), NULL},
        {"bool as text", A("\"multiplefile\":\"false\",\"format\":\"plain\""), NULL},
        {"bounds", A("\"retention.size\":50,\"retention.time\":86400"), NULL},
        {"all of them",
         A("\"format\":\"zip\",\"file.password\":\"p\",\"notification.email\":\"a.b+c@d-e."
           "example\","
           "\"multiplefile\":true,\"retention.size\":500,\"s3.fileName\":\"flights\","
           "\"friendlyName\":\"my job\",\"aws.sessiontoken\":\"t\",\"compression\":\"best\","
           "\"aws.endpoint\":\"https://store.example.com\","
           "\"aws.prefix\":\"x/{table}/{yyyy}-{MM}-{dd}/{HH}/{job}/\""),
         NULL},
        {"the defaults of later ones", A("\"overwrite\":\"never\",\"manifest\":false"), NULL},
        {"dialect",
         A("\"csv.delimiter\":\"\\t\",\"csv.null\":\"a,b\",\"csv.bom\":\"true\","
           "\"csv.formulaguard\":true,\"retention.events\":\"10000000\""),
         NULL},
        {"old cipher", A("\"zip.encryption\":\"zipcrypto\",\"file.password\":\"p\""), NULL},
        {"objects",
         A("\"aws.sse\":\"aws:kms\",\"aws.kmskeyid\":\"arn:aws:kms:x:1:key/2\","
           "\"aws.storageclass\":\"GLACIER_IR\","
           "\"aws.expectedbucketowner\":\"123456789012\","
           "\"aws.tags\":\"a=b%3Dc&" K32 K32 K32 K32 "=%C3%A9+x\""),
         NULL},
        {"replace", A("\"overwrite\":\"replace\""), NULL},
        {"null is not given", A("\"file.password\":null,\"retention.size\":null"), NULL},
        {"donothing takes anything",
         BODY(RANGE ",\"destination\":{\"type\":\"donothing\",\"params\":{\"x\":1,\"friendlyName\":"
                    "\"n\"}}"),
         NULL},
        {"donothing without params", BODY(RANGE ",\"destination\":{\"type\":\"donothing\"}"), NULL},
        {"list of one destination",
         BODY(RANGE ",\"destination\":[{\"type\":\"s3\",\"params\":{" AWS "}}]"), NULL},
        {"browser's nulls",
         "{\"queryId\":null,\"limit\":null,\"query\":\"from a\"," RANGE "," DEST(AWS) "}", NULL},
        {"queryId alone", "{\"queryId\":\"abc\"," RANGE "," DEST(AWS) "}", NULL},
        {"python's keys",
         M("\"mode\":{\"type\":\"json/simple/compact\"},\"keepAlive\":{\"type\":\"token\"},"
           "\"ipAsString\":true,\"unknown\":[1,{}]"),
         NULL},
        {"rapid7's keys", M("\"mode\":{\"type\":\"json\"},\"dateFormat\":\"iso\""), NULL},
        {"from equals to", T("\"from\":5,\"to\":5"), NULL},
        {"to is now", T("\"from\":\"1h\",\"to\":\"now\""), NULL},
        {"to in a minute", T("\"from\":\"1h\",\"to\":1738762685"), NULL},
    };
    static const struct fault_row by_store[] = {
        {"default store", P(""), NULL},
        {"default store and options", P("\"format\":\"gzip\",\"retention.size\":60"), NULL}};
    static const struct fault_row by_endpoint[] = {
        {"any region at an endpoint of one's own",
         P("\"aws.bucket\":\"my-bucket\",\"aws.region\":\"default\",\"aws.accesskey\":\"A\","
           "\"aws.secretkey\":\"S\""),
         NULL}};

    (void)state;
    run_faults(rows, ARRAY_LEN(rows), sets);
    run_faults(by_store, ARRAY_LEN(by_store), with_store);
    run_faults(by_endpoint, ARRAY_LEN(by_endpoint), own);
}

static void
test_times(void **state)
{
    static const char *const none[] = {NULL};
    static const struct {
        const char *name, *body;
        int64_t from, to;
    } rows[] = {
        {"seconds", T("\"from\":1546083949,\"to\":1546947949"), 1546083949000, 1546947949000},
        {"fraction", T("\"from\":1541152006.165,\"to\":1541152007"), 1541152006165, 1541152007000},
        {"as text", T("\"from\":\"1541152006.165\",\"to\":\"1541152007\""), 1541152006165,
         1541152007000},
        {"milliseconds",
         T("\"timeUnit\":\"MILLISECONDS\",\"from\":1546083949123,\"to\":1546083949124"),
         1546083949123, 1546083949124},
        {"before 1970", T("\"from\":-10,\"to\":-5"), -10000, -5000},
        {"old words", T("\"from\":\"2d\",\"to\":\"1d\""), NOW - 2 * 86400000LL,
         NOW - 1 * 86400000LL},
        {"new words", T("\"from\":\"now() - 60m\",\"to\":\"now()\""), NOW - 3600000, NOW},
        {"today in a zone", T("\"timeZone\":\"GMT+2\",\"from\":\"today\",\"to\":\"now\""),
         1738706400000, NOW},
    };
    struct config *cfg = config_with(none);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct query_body b;
        struct faults f = {0};

        query_body_parse(rows[i].body, strlen(rows[i].body), cfg, NOW, &b, &f);
        if (f.count > 0)
            fail_msg("%s: %s", rows[i].name, f.items[0]);
        if (b.from_ms != rows[i].from || b.to_ms != rows[i].to)
            fail_msg("%s: got %lld %lld, want %lld %lld", rows[i].name, (long long)b.from_ms,
                     (long long)b.to_ms, (long long)rows[i].from, (long long)rows[i].to);
        query_body_done(&b);
    }
    config_free(cfg);
}

static void
test_values(void **state)
{
    static const char *const none[] = {NULL};
    static const char body[] =
        M("\"limit\":\"10\",\"offset\":5,\"vaultName\":\"low\",\"dateFormat\":\"iso\","
          "\"timeZone\":\"Europe/Madrid\"");
    struct config *cfg = config_with(none);
    struct query_body b;
    struct faults f = {0};

    (void)state;
    query_body_parse(body, strlen(body), cfg, NOW, &b, &f);
    assert_int_equal(f.count, 0);
    assert_string_equal(b.query, "from a.b select *");
    assert_int_equal(b.limit, 10);
    assert_int_equal(b.skip, 5);
    assert_int_equal(b.priority, 2);
    assert_true(b.iso_dates);
    assert_int_equal(b.tz_offset_min, 60); /* of December 2018, the range */
    assert_string_equal(b.type, "s3");
    assert_string_equal(b.params.secret_key, "SK/x+");
    assert_int_equal(b.params.multiplefile, 1);
    query_body_done(&b);
    config_free(cfg);
}

static void
test_prefix(void **state)
{
    static const struct s3_prefix_values v = {"ID", "a.b", 1546083949000};
    struct faults f = {0};
    char *got = s3_params_prefix("x/{table}/{yyyy}/{MM}/{dd}/{HH}-{job}_", &v, &f);

    (void)state;
    assert_int_equal(f.count, 0);
    assert_string_equal(got, "x/a.b/2018/12/29/11-ID_");
    free(got);
}

static void
test_start_keys(void **state)
{
    static const struct {
        const char *body, *want;
    } rows[] = {
        {"{\"aws.accesskey\":\"A\",\"aws.secretkey\":\"S\",\"aws.sessiontoken\":\"T\"}", NULL},
        {"{\"aws.bucket\":\"other-bucket\"}", "aws.bucket cannot be changed"},
        {"{\"retention.size\":60}", "retention.size cannot be changed"},
        {"{\"overwrite\":\"never\"}", "overwrite cannot be changed"},
        {"{\"aws.acceskey\":\"A\"}", "did you mean 'aws.accesskey'"},
        {"{\"aws.secretkey\":\"\"}", "208 : "},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        struct errinfo ei = ERRINFO_INIT;
        struct s3_params p;
        struct faults f = {0};
        struct json *root;

        assert_int_equal(json_parse(rows[i].body, strlen(rows[i].body), &root, &ei), 0);
        s3_params_parse_keys(root, &p, &f);
        if ((f.count == 0) != (rows[i].want == NULL) ||
            (f.count > 0 && strstr(f.items[0], rows[i].want) == NULL))
            fail_msg("%s: got '%s'", rows[i].body, f.count > 0 ? f.items[0] : "no fault");
        s3_params_done(&p);
        faults_done(&f);
        json_free(root);
    }
}

static void
test_job_object(void **state)
{
    char *paths[] = {"https://b.s3.eu-west-1.amazonaws.com/k_001.csv.gz"},
         *errors[] = {"boom \"x\""};
    struct job_record r = {
        .id = "i",
        .domain = "d",
        .owner = "o",
        .cid = "c",
        .type = "s3",
        .friendly_name = "n",
        .query = "from a",
        .table = "a",
        .status = JOB_RUNNING,
        .generated = 20,
        .sent = 10,
        .last_event_ms = 123,
        .errors = errors,
        .error_count = 1,
        .paths = paths,
        .path_count = 1,
        .paths_total = 1,
    };
    static const char want[] =
        "{\"status\":\"RUNNING\",\"id\":\"i\",\"eventGenerated\":20,\"eventsSent\":10,"
        "\"lastDatetime\":123,\"extra\":{\"paths\":[\"https://b.s3.eu-west-1.amazonaws.com/"
        "k_001.csv.gz\"],\"pathsTotal\":1,\"lastEvent\":123},\"type\":\"s3\",\"friendlyName\":"
        "\"n\","
        "\"query\":\"from a\",\"cid\":\"c\",\"owner\":\"o\",\"table\":\"a\",\"domain\":\"d\","
        "\"error\":[\"boom \\\"x\\\"\"]}";
    struct buf b = BUF_INIT(4096);
    struct json_writer w;

    (void)state;
    json_w_init(&w, &b);
    jobs_write(&w, &r);
    assert_string_equal(buf_str(&b), want);
    buf_reset(&b);
    r.status = JOB_COMPLETED;
    json_w_init(&w, &b);
    jobs_write(&w, &r);
    assert_non_null(strstr(buf_str(&b), "\"lastDatetime\":0,"));
    assert_non_null(strstr(buf_str(&b), "\"lastEvent\":123}"));
    buf_done(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_bodies), cmocka_unit_test(test_bad_params),
        cmocka_unit_test(test_good),       cmocka_unit_test(test_times),
        cmocka_unit_test(test_values),     cmocka_unit_test(test_prefix),
        cmocka_unit_test(test_start_keys), cmocka_unit_test(test_job_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
