/* What each answer means: the codes of S3, statuses without a code, and broken connections. */

#include "common/s3/s3_retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct retry_case {
    const char *name;
    struct s3_answer answer; /* attempt 1 of 5 unless said otherwise */
    enum s3_class want;
    bool want_again, want_free;
};

#define CODE(s, c, cls, again)                                                                     \
    {                                                                                              \
        c, {.status = (s), .code = (c)}, S3_CLASS_##cls, again, false                              \
    }
#define UPLOAD(s, c, cls)                                                                          \
    {                                                                                              \
        c " in an upload", {.status = (s), .code = (c), .multipart = true}, S3_CLASS_##cls, false, \
            false                                                                                  \
    }
#define STATUS(s, cls, again)                                                                      \
    {                                                                                              \
        "status " #s, {.status = (s), .code = ""}, S3_CLASS_##cls, again, false                    \
    }
#define NET(n, cls, again)                                                                         \
    {                                                                                              \
#n, {.net = S3_NET_##n, .code = "" }, S3_CLASS_##cls, again, false                         \
    }

static const struct retry_case cases[] = {
    STATUS(200, OK, false),
    STATUS(204, OK, false),
    /* transient */
    CODE(500, "InternalError", TRANSIENT, true),
    CODE(503, "ServiceUnavailable", TRANSIENT, true),
    CODE(400, "RequestTimeout", TRANSIENT, true),
    CODE(409, "OperationAborted", TRANSIENT, true),
    CODE(409, "ConditionalRequestConflict", TRANSIENT, true),
    UPLOAD(409, "ConditionalRequestConflict", RESTART),
    CODE(400, "IncompleteBody", TRANSIENT, true),
    CODE(400, "PriorRequestNotComplete", TRANSIENT, true),
    STATUS(500, TRANSIENT, true),
    STATUS(502, TRANSIENT, true),
    STATUS(503, TRANSIENT, true),
    STATUS(504, TRANSIENT, true),
    STATUS(408, TRANSIENT, true),
    STATUS(409, TRANSIENT, true),
    STATUS(520, TRANSIENT, true),
    NET(RESOLVE, TRANSIENT, true),
    NET(CONNECT, TRANSIENT, true),
    NET(TLS, TRANSIENT, true),
    NET(STALL, TRANSIENT, true),
    NET(LOST, TRANSIENT, true),
    NET(PROTOCOL, TRANSIENT, true),
    {"tries used up",
     {.status = 500, .code = "InternalError", .attempt = 5},
     S3_CLASS_TRANSIENT,
     false,
     false},
    {"a code that nobody knows, 500",
     {.status = 500, .code = "Gremlins"},
     S3_CLASS_TRANSIENT,
     true,
     false},
    /* throttling */
    CODE(503, "SlowDown", THROTTLE, true),
    CODE(503, "SlowDownWrite", THROTTLE, true),
    CODE(503, "SlowDownRead", THROTTLE, true),
    CODE(503, "RequestLimitExceeded", THROTTLE, true),
    CODE(503, "BandwidthLimitExceeded", THROTTLE, true),
    CODE(400, "Throttling", THROTTLE, true),
    CODE(400, "ThrottlingException", THROTTLE, true),
    CODE(429, "TooManyRequests", THROTTLE, true),
    STATUS(429, THROTTLE, true),
    {"throttle used up",
     {.status = 503, .code = "SlowDown", .attempt = 5},
     S3_CLASS_THROTTLE,
     false,
     false},
    /* the data */
    CODE(400, "BadDigest", TRANSIENT, true),
    {"BadDigest again",
     {.status = 400, .code = "BadDigest", .attempt = 2},
     S3_CLASS_FILE,
     false,
     false},
    CODE(400, "XAmzContentSHA256Mismatch", TRANSIENT, true),
    {"XAmzContentSHA256Mismatch again",
     {.status = 400, .code = "XAmzContentSHA256Mismatch", .attempt = 2},
     S3_CLASS_FILE,
     false,
     false},
    {"BadDigest, one try only",
     {.status = 400, .code = "BadDigest", .attempts_max = 1},
     S3_CLASS_TRANSIENT,
     false,
     false},
    NET(FILE, FILE, false),
    /* the clock */
    {"skew",
     {.status = 403, .code = "RequestTimeTooSkewed", .skew_ms = 7200000},
     S3_CLASS_SKEW,
     true,
     true},
    {"skew, second time",
     {.status = 403, .code = "RequestTimeTooSkewed", .skew_ms = 1000, .skews_tried = 1},
     S3_CLASS_TRANSIENT,
     false,
     false},
    {"skew, no date",
     {.status = 403, .code = "RequestTimeTooSkewed"},
     S3_CLASS_TRANSIENT,
     false,
     false},
    {"skew of a HEAD", {.status = 403, .code = "", .skew_ms = -7200000}, S3_CLASS_SKEW, true, true},
    {"wrong signature and clock",
     {.status = 403, .code = "SignatureDoesNotMatch", .skew_ms = 1200000},
     S3_CLASS_SKEW,
     true,
     true},
    {"wrong signature, clock corrected",
     {.status = 403, .code = "SignatureDoesNotMatch", .skew_ms = 1200000, .skews_tried = 1},
     S3_CLASS_USER,
     false,
     false},
    /* the region */
    {"redirect",
     {.status = 301, .code = "PermanentRedirect", .other_region = true},
     S3_CLASS_REGION,
     true,
     true},
    {"redirect 307",
     {.status = 307, .code = "TemporaryRedirect", .other_region = true},
     S3_CLASS_REGION,
     true,
     true},
    {"malformed",
     {.status = 400, .code = "AuthorizationHeaderMalformed", .other_region = true},
     S3_CLASS_REGION,
     true,
     true},
    {"redirect of a HEAD",
     {.status = 301, .code = "", .other_region = true},
     S3_CLASS_REGION,
     true,
     true},
    {"malformed of a HEAD",
     {.status = 400, .code = "", .other_region = true},
     S3_CLASS_REGION,
     true,
     true},
    {"third redirect",
     {.status = 301, .code = "PermanentRedirect", .other_region = true, .regions_tried = 2},
     S3_CLASS_USER,
     false,
     false},
    CODE(301, "PermanentRedirect", USER, false),
    CODE(400, "AuthorizationHeaderMalformed", USER, false),
    STATUS(301, USER, false),
    /* the upload */
    UPLOAD(404, "NoSuchUpload", RESTART),
    UPLOAD(400, "InvalidPart", RESTART),
    UPLOAD(400, "InvalidPartOrder", RESTART),
    UPLOAD(400, "EntityTooSmall", RESTART),
    CODE(404, "NoSuchUpload", USER, false),
    UPLOAD(404, "NoSuchKey", RESTART),
    CODE(404, "NoSuchKey", USER, false),
    /* exists */
    CODE(412, "PreconditionFailed", PRECONDITION, false),
    STATUS(412, PRECONDITION, false),
    /* the user's */
    CODE(400, "ExpiredToken", USER, false),
    CODE(400, "TokenRefreshRequired", USER, false),
    CODE(403, "AccessDenied", USER, false),
    CODE(403, "InvalidAccessKeyId", USER, false),
    CODE(403, "SignatureDoesNotMatch", USER, false),
    CODE(404, "NoSuchBucket", USER, false),
    CODE(400, "InvalidBucketName", USER, false),
    CODE(400, "KeyTooLongError", USER, false),
    CODE(400, "EntityTooLarge", USER, false),
    CODE(400, "InvalidStorageClass", USER, false),
    CODE(400, "KMS.DisabledException", USER, false),
    CODE(400, "KMS.NotFoundException", USER, false),
    CODE(403, "AccountProblem", USER, false),
    CODE(403, "AllAccessDisabled", USER, false),
    CODE(405, "MethodNotAllowed", USER, false),
    CODE(403, "InvalidObjectState", USER, false),
    CODE(400, "MetadataTooLarge", USER, false),
    CODE(403, "UserSuspended", USER, false),
    CODE(403, "QuotaExceeded", USER, false),
    CODE(501, "NotImplemented", USER, false),
    {"a code that nobody knows, 400",
     {.status = 400, .code = "Gremlins"},
     S3_CLASS_USER,
     false,
     false},
    STATUS(400, USER, false),
    STATUS(403, USER, false),
    STATUS(404, USER, false),
    STATUS(501, USER, false),
    NET(CERT, USER, false),
};

static void
test_classes(void **state)
{
    unsigned failed = 0;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_answer a = cases[i].answer;
        struct s3_verdict v;

        a.attempt = a.attempt != 0 ? a.attempt : 1;
        a.attempts_max = a.attempts_max != 0 ? a.attempts_max : 5;
        a.base_ms = 100;
        a.cap_ms = 1000;
        v = s3_retry_decide(&a);
        if (v.class != cases[i].want || v.again != cases[i].want_again ||
            v.free != cases[i].want_free) {
            print_error("%s: got %s again=%d free=%d, want %s again=%d free=%d\n", cases[i].name,
                        s3_class_name(v.class), v.again, v.free, s3_class_name(cases[i].want),
                        cases[i].want_again, cases[i].want_free);
            failed++;
        }
        if (v.free && v.delay_ms != 0) {
            print_error("%s: got a delay of %lld, want none\n", cases[i].name,
                        (long long)v.delay_ms);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void
test_delays(void **state)
{
    struct s3_answer a = {
        .status = 503, .code = "SlowDown", .attempts_max = 100, .base_ms = 100, .cap_ms = 1000};
    int64_t top[] = {100, 200, 400, 800, 1000, 1000, 1000};
    size_t i, k;

    (void)state;
    for (i = 0; i < ARRAY_LEN(top); i++) {
        int64_t most = 0;

        a.attempt = (unsigned)i + 1;
        for (k = 0; k < 300; k++) {
            int64_t d = s3_retry_decide(&a).delay_ms;

            if (d < 0 || d > top[i])
                fail_msg("attempt %zu: got %lld ms, want 0 to %lld", i + 1, (long long)d,
                         (long long)top[i]);
            most = d > most ? d : most;
        }
        /* Full jitter over 300 draws comes near the top. */
        if (most < top[i] * 8 / 10)
            fail_msg("attempt %zu: longest of 300 is %lld ms, want near %lld", i + 1,
                     (long long)most, (long long)top[i]);
    }
}

static void
test_unanswered(void **state)
{
    static const struct {
        const char *name;
        enum s3_net net;
        int status;
        const char *code;
        bool sent, want;
    } rows[] = {
        {"lost after the body", S3_NET_LOST, 0, "", true, true},
        {"lost in the body", S3_NET_LOST, 0, "", false, false},
        {"stalled after the body", S3_NET_STALL, 0, "", true, true},
        {"cannot connect", S3_NET_CONNECT, 0, "", false, false},
        {"500", S3_NET_OK, 500, "InternalError", true, true},
        {"502 of a proxy", S3_NET_OK, 502, "", true, true},
        {"slow down", S3_NET_OK, 503, "SlowDown", true, false},
        {"denied", S3_NET_OK, 403, "AccessDenied", true, false},
        {"ok", S3_NET_OK, 200, "", true, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        bool got = s3_retry_unanswered(rows[i].net, rows[i].status, rows[i].code, rows[i].sent);

        if (got != rows[i].want)
            fail_msg("%s: got %d, want %d", rows[i].name, got, rows[i].want);
    }
}

static void
test_table(void **state)
{
    const struct s3_code_row *table;
    size_t n, i, k;

    (void)state;
    table = s3_retry_table(&n);
    assert_true(n >= 80);
    for (i = 0; i < n; i++) {
        for (k = i + 1; k < n; k++) {
            if (strcmp(table[i].code, table[k].code) == 0)
                fail_msg("'%s' stands twice in the table", table[i].code);
        }
        assert_ptr_equal(s3_retry_find(table[i].code), &table[i]);
    }
    assert_null(s3_retry_find(""));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_delays),
        cmocka_unit_test(test_unanswered),
        cmocka_unit_test(test_table),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
