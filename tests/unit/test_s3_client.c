/* The client and single calls under odd answers: redirects, skewed clocks, lost answers, and input
 * that is refused before anything is sent. */

#include "tests/unit/test_s3_fake.h"

/* --- region ---------------------------------------------------------------------------------- */

static void
test_region(void **state)
{
    static const struct reply script[] = {REDIRECT("eu-west-1"), OK_ETAG, OK_ETAG};
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    s = run(&put);
    want(&s, S3_OK, 2);
    want_line(0, "PUT https://bkt.s3.us-east-1.amazonaws.com/k");
    want_line(1, "PUT https://bkt.s3.eu-west-1.amazonaws.com/k");
    assert_non_null(strstr(sent_header(1, "authorization"), "/eu-west-1/s3/"));
    assert_string_equal(sent_header(1, "host"), "bkt.s3.eu-west-1.amazonaws.com");
    assert_string_equal(s.res.region, "eu-west-1");
    /* The next operation knows. */
    s = run(&put);
    assert_int_equal(s.res.outcome, S3_OK);
    want_line(2, "PUT https://bkt.s3.eu-west-1.amazonaws.com/k");
}

static void
test_region_in_body(void **state)
{
    static const struct reply script[] = {
        {.status = 400,
         .body = "<Error><Code>AuthorizationHeaderMalformed</Code><Message>m</Message>"
                 "<Region>my-region</Region></Error>"},
        OK_ETAG,
    };
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    put.target.endpoint = "http://store.example.com:9000";
    s = run(&put);
    want(&s, S3_OK, 2);
    want_line(1, "PUT http://bkt.store.example.com:9000/k"); /* the host stays */
    assert_non_null(strstr(sent_header(1, "authorization"), "/my-region/s3/"));
}

static void
test_region_refused(void **state)
{
    static const struct reply other_partition[] = {REDIRECT("cn-north-1")};
    static const struct reply injected[] = {REDIRECT("evil.com/")};
    static const struct reply none[] = {{.status = 301, .body = ERR("PermanentRedirect")}};
    static const struct reply circle[] = {REDIRECT("eu-west-1"), REDIRECT("eu-west-2"),
                                          REDIRECT("eu-west-1")};
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(other_partition);
    s = run(&put);
    want(&s, S3_USER_ERROR, 1);
    assert_string_equal(s.res.code, "PermanentRedirect");
    PLAY(injected);
    s = run(&put);
    want(&s, S3_USER_ERROR, 1);
    PLAY(none);
    s = run(&put);
    want(&s, S3_USER_ERROR, 1);
    PLAY(circle);
    s = run(&put);
    want(&s, S3_USER_ERROR, 3);
}

/* --- clock ----------------------------------------------------------------------------------- */

static int64_t
signed_offset_s(size_t i)
{
    struct tm tm = {0};

    assert_non_null(strptime(sent_header(i, "x-amz-date"), "%Y%m%dT%H%M%SZ", &tm));
    return (int64_t)timegm(&tm) - clock_now_ms() / 1000;
}

static void
test_clock(void **state)
{
    static const struct reply script[] = {
        {.status = 403, .body = ERR("RequestTimeTooSkewed"), .date_offset_ms = 7200000},
        OK_ETAG,
        OK_ETAG,
    };
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    s = run(&put);
    want(&s, S3_OK, 2);
    assert_in_range(signed_offset_s(0) + 5, 0, 10);
    assert_in_range(signed_offset_s(1) - 7200 + 5, 0, 10);
    s = run(&put);
    assert_in_range(signed_offset_s(2) - 7200 + 5, 0, 10);
}

static void
test_clock_stays_wrong(void **state)
{
    static const struct reply script[] = {
        {.status = 403, .body = ERR("RequestTimeTooSkewed"), .date_offset_ms = 7200000},
        {.status = 403, .body = ERR("RequestTimeTooSkewed"), .date_offset_ms = 14400000},
    };
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    s = run(&put);
    want(&s, S3_RETRY_LATER, 2);
}

/* --- one PUT --------------------------------------------------------------------------------- */

static void
test_single_retries(void **state)
{
    static const struct reply used_up[] = {
        {.status = 503, .body = ERR("SlowDown")},
        {.status = 503, .body = ERR("SlowDown")},
        {.status = 503, .body = ERR("SlowDown")},
    };
    static const struct reply lost[] = {
        {.net = S3_NET_LOST},
        {.status = 412, .body = ERR("PreconditionFailed")},
    };
    static const struct reply refused[] = {
        {.net = S3_NET_CONNECT},
        {.status = 412, .body = ERR("PreconditionFailed")},
    };
    static const struct reply conflict[] = {
        {.status = 409, .body = ERR("ConditionalRequestConflict")},
        OK_ETAG,
    };
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    put.if_none_match = true;
    PLAY(used_up);
    s = run(&put);
    want(&s, S3_RETRY_LATER, 3);
    assert_string_equal(s.res.message,
                        "put object 'k' in bucket 'bkt': 503 SlowDown: words (after 3 attempts)");
    assert_false(s.res.unanswered_put);
    PLAY(lost);
    s = run(&put);
    want(&s, S3_EXISTS, 2);
    assert_true(s.res.unanswered_put);
    PLAY(refused);
    s = run(&put);
    want(&s, S3_EXISTS, 2);
    assert_false(s.res.unanswered_put);
    PLAY(conflict);
    s = run(&put);
    want(&s, S3_OK, 2);
    assert_string_equal(sent_header(1, "if-none-match"), "*");
    assert_string_equal(sent_header(1, "x-amz-content-sha256"), SHA_ZEROS);
    assert_string_equal(sent_header(1, "x-amz-meta-bl-job"), "j");
    assert_string_equal(s.res.etag, "\"e\"");
    assert_string_equal(s.res.message, "");
}

/* Every try is signed anew, with the token among what is signed. */
static void
test_session_token(void **state)
{
    static const struct reply script[] = {{.status = 500}, OK_ETAG};
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    put.target.session_token = "token/+=";
    s = run(&put);
    want(&s, S3_OK, 2);
    assert_string_equal(sent_header(1, "x-amz-security-token"), "token/+=");
    assert_non_null(strstr(sent_header(1, "authorization"), "x-amz-security-token"));
}

static void
test_words_of_the_store_stay_one_line(void **state)
{
    static const struct reply script[] = {
        {.status = 403,
         .body = "<Error><Code>AccessDenied</Code><Message>a\r\n2026 fake log line</Message>"
                 "</Error>"},
    };
    struct s3_put put = put_of(10);
    struct seen s;

    (void)state;
    PLAY(script);
    s = run(&put);
    want(&s, S3_USER_ERROR, 1);
    assert_null(strpbrk(s.res.message, "\r\n"));
}

/* --- input ----------------------------------------------------------------------------------- */

static void
test_refused_input(void **state)
{
    static const struct s3_header split[] = {{"bl-job", "a\r\nX-Evil: 1"}};
    static const struct s3_header foreign[] = {{"Authorization", "x"}};
    struct s3_put put;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    PLAY(((const struct reply[]){{0}}));
    put = put_of(10);
    put.metadata = split;
    assert_null(s3_put_file(client, &put, &ei));
    assert_int_equal(ei.code, E_INVALID);
    put = put_of(10);
    put.extra = foreign;
    put.extra_count = 1;
    assert_null(s3_put_file(client, &put, &ei));
    put = put_of(10);
    put.sha256_hex = "ABC";
    assert_null(s3_put_file(client, &put, &ei));
    put = put_of(10);
    put.key = "../k";
    assert_null(s3_put_file(client, &put, &ei));
    put = put_of(10);
    put.target.secret_key = "";
    assert_null(s3_put_file(client, &put, &ei));
    put = put_of(10);
    put.bytes = -1;
    assert_null(s3_put_file(client, &put, &ei));
    put.bytes = S3_SINGLE_MAX + 1;
    put.mode = S3_FORCE_SINGLE;
    assert_null(s3_put_file(client, &put, &ei));
    assert_int_equal(fake.next, 0);
}

static void
test_options(void **state)
{
    static const struct s3_client_options bad[] = {
        {.part_size = 1},      {.part_window = 65},        {.attempts = 101},
        {.retry_base_ms = -1}, {.connect_timeout_ms = -1}, {.stall_timeout_s = 3601},
    };
    struct s3_client *c = NULL;
    struct errinfo ei = ERRINFO_INIT;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(s3_client_new(&bad[i], &c, &ei), E_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_region),
        EACH(test_region_in_body),
        EACH(test_region_refused),
        EACH(test_clock),
        EACH(test_clock_stays_wrong),
        EACH(test_single_retries),
        EACH(test_session_token),
        EACH(test_words_of_the_store_stay_one_line),
        EACH(test_refused_input),
        cmocka_unit_test(test_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
