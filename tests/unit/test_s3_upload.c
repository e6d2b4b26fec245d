/* Multipart uploads under odd answers: errors in a 200, uploads that vanish, lost completions; and
 * the choice between one PUT and parts. */

#include "tests/unit/test_s3_fake.h"

/* --- multipart ------------------------------------------------------------------------------- */

static void
test_multipart_flow(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        OK_ETAG,
        {.status = 200, .body = "  \n " ERR("InternalError")},
        {.status = 200, .body = COMPLETED},
    };
    struct s3_put put = put_of(12 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    put.if_none_match = true;
    s = run(&put);
    want(&s, S3_OK, 6);
    want_line(0, "POST https://bkt.s3.us-east-1.amazonaws.com/k?uploads=");
    want_line(1, "PUT https://bkt.s3.us-east-1.amazonaws.com/k?partNumber=1&uploadId=u1");
    want_line(5, "POST https://bkt.s3.us-east-1.amazonaws.com/k?uploadId=u1");
    assert_string_equal(sent_header(0, "x-amz-meta-bl-job"), "j");
    assert_string_equal(sent_header(0, "if-none-match"), "");
    assert_string_equal(sent_header(5, "if-none-match"), "*");
    assert_string_equal(sent_header(5, "x-amz-mp-object-size"), "12582912");
    /* The hash of 5 MiB of zeros, by sha256sum. */
    assert_string_equal(sent_header(1, "x-amz-content-sha256"),
                        "c036cbb7553a909f8b8877d4461924307f27ecb66cff928eeeafd569c3887e29");
    assert_string_equal(s.res.etag, "e");
    assert_int_equal(s.started, 1);
    assert_true(s.res.unanswered_put);
}

/* Headers of the object belong to the call that creates the upload; the owner to every call. */
static void
test_headers_of_the_object(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    static const struct reply one[] = {OK_ETAG};
    static const struct s3_header extra[] = {{"x-amz-storage-class", "STANDARD_IA"},
                                             {"x-amz-tagging", "a=b&c=%20d"}};
    struct s3_put put = put_of(MIB);
    struct seen s;
    size_t i;

    (void)state;
    put.target.bucket_owner = "123456789012";
    put.extra = extra;
    put.extra_count = ARRAY_LEN(extra);
    put.mode = S3_FORCE_MULTIPART;
    PLAY(script);
    s = run(&put);
    want(&s, S3_OK, 3);
    for (i = 0; i < 3; i++) {
        assert_string_equal(sent_header(i, "x-amz-expected-bucket-owner"), "123456789012");
        assert_string_equal(sent_header(i, "x-amz-tagging"), i == 0 ? "a=b&c=%20d" : "");
        assert_string_equal(sent_header(i, "x-amz-storage-class"), i == 0 ? "STANDARD_IA" : "");
        assert_non_null(strstr(sent_header(i, "authorization"), "x-amz-expected-bucket-owner"));
    }
    put.mode = S3_FORCE_SINGLE;
    PLAY(one);
    s = run(&put);
    want(&s, S3_OK, 1);
    assert_string_equal(sent_header(0, "x-amz-tagging"), "a=b&c=%20d");
    assert_string_equal(sent_header(0, "x-amz-expected-bucket-owner"), "123456789012");
}

static void
test_lost_completion(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.net = S3_NET_STALL},
        {.status = 404, .body = ERR("NoSuchUpload")},
        {.status = 200,
         .headers = {{"Content-Length", "6291456"},
                     {"x-amz-meta-bl-job", "j"},
                     {"ETag", "\"h-2\""}}},
    };
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    s = run(&put);
    want(&s, S3_OK, 6);
    want_line(5, "HEAD https://bkt.s3.us-east-1.amazonaws.com/k");
    assert_string_equal(s.res.etag, "\"h-2\"");
}

/* The object there is another one: everything is sent again, into a new upload. */
static void
test_upload_vanished(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 404, .body = ERR("NoSuchUpload")},
        {.status = 200, .headers = {{"Content-Length", "6291456"}, {"x-amz-meta-bl-job", "other"}}},
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    s = run(&put);
    want(&s, S3_OK, 9);
    assert_int_equal(s.started, 2);
}

static void
test_invalid_part(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 400, .body = ERR("InvalidPart")},
        {.status = 204},
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    s = run(&put);
    want(&s, S3_OK, 9);
    want_line(4, "DELETE https://bkt.s3.us-east-1.amazonaws.com/k?uploadId=u1");
}

static void
test_part_denied(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        {.status = 403, .body = ERR("AccessDenied")},
        OK_ETAG,
    };
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    s = run(&put);
    assert_int_equal(s.res.outcome, S3_USER_ERROR);
    assert_string_equal(s.res.code, "AccessDenied");
    assert_true(s.left_upload); /* new keys may continue it */
}

static void
test_exists_on_complete(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 412, .body = ERR("PreconditionFailed")},
        {.status = 403, .body = ERR("AccessDenied")},
    };
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.mode = S3_FORCE_MULTIPART;
    put.if_none_match = true;
    s = run(&put);
    want(&s, S3_EXISTS, 5); /* whatever became of the abort */
    assert_string_equal(s.res.code, "PreconditionFailed");
    assert_int_equal(s.res.http_status, 412);
    assert_true(s.left_upload);
}

static void
test_continue_pages(void **state)
{
    static const struct reply script[] = {
        {.status = 200,
         .body = "<ListPartsResult><IsTruncated>true</IsTruncated><NextPartNumberMarker>1"
                 "</NextPartNumberMarker><Part><PartNumber>1</PartNumber><ETag>a</ETag>"
                 "<Size>5242880</Size></Part></ListPartsResult>"},
        {.status = 200,
         .body = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>2"
                 "</PartNumber><ETag>b</ETag><Size>77</Size></Part></ListPartsResult>"},
        OK_ETAG, /* part 2 has the wrong size */
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    struct s3_put put = put_of(12 * MIB);
    struct seen s;

    (void)state;
    PLAY(script);
    put.upload_id = "old/id";
    s = run(&put);
    want(&s, S3_OK, 5);
    want_line(0, "GET https://bkt.s3.us-east-1.amazonaws.com/k?uploadId=old%2Fid");
    want_line(1, "GET https://bkt.s3.us-east-1.amazonaws.com/"
                 "k?part-number-marker=1&uploadId=old%2Fid");
    want_line(2, "PUT https://bkt.s3.us-east-1.amazonaws.com/k?partNumber=2&uploadId=old%2Fid");
    assert_int_equal(s.started, 0);
}

/* --- orphans --------------------------------------------------------------------------------- */

#define UPLOAD(key, id, when)                                                                      \
    "<Upload><Key>" key "</Key><UploadId>" id "</UploadId><Initiated>" when "</Initiated></"       \
    "Upload>"
#define UPLOADS(list) "<ListMultipartUploadsResult>" list "</ListMultipartUploadsResult>"
#define ORPHANS                                                                                    \
    UPLOADS(UPLOAD("k", "theirs", "2020-01-01T00:00:00.000Z")                                      \
                UPLOAD("k", "o1", "2099-01-01T00:00:00.000Z")                                      \
                    UPLOAD("k", "o2", "2099-01-01T00:00:00Z")                                      \
                        UPLOAD("k2", "longer", "2099-01-01T00:00:00.000Z"))
#define HOST "https://bkt.s3.us-east-1.amazonaws.com/"

static void
test_orphans(void **state)
{
    static const struct reply found[] = {
        {.status = 200, .body = ORPHANS},
        {.status = 204},
        {.status = 403, .body = ERR("AccessDenied")}, /* no reason to give up */
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    static const struct reply rest[] = {
        {.status = 403, .body = ERR("AccessDenied")}, /* keys that may only put */
        {.status = 200, .body = CREATED},
        OK_ETAG,
        OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    struct reply odd[ARRAY_LEN(rest)];
    struct s3_put put = put_of(6 * MIB);
    struct seen s;

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    put.orphans_since_ms = clock_now_ms() - 5000;
    PLAY(found);
    s = run(&put);
    want(&s, S3_OK, 7);
    want_line(0, "GET " HOST "?max-uploads=1000&prefix=k&uploads=");
    want_line(1, "DELETE " HOST "k?uploadId=o2");
    want_line(2, "DELETE " HOST "k?uploadId=o1");
    want_line(3, "POST " HOST "k?uploads=");
    PLAY(rest);
    s = run(&put);
    want(&s, S3_OK, 5);
    want_line(1, "POST " HOST "k?uploads=");
    memcpy(odd, rest, sizeof(rest));
    odd[0] = (struct reply){.status = 200, .body = "<html>no list"};
    PLAY(odd);
    s = run(&put);
    want(&s, S3_OK, 5);
    /* An upload that is known is continued without a look. */
    odd[0] = (struct reply){.status = 200, .body = "<ListPartsResult></ListPartsResult>"};
    odd[1] = odd[2];
    play(odd, 4);
    odd[3] = rest[4];
    put.upload_id = "u0";
    s = run(&put);
    want(&s, S3_OK, 4);
    want_line(0, "GET " HOST "k?uploadId=u0");
}

/* --- leave to send --------------------------------------------------------------------------- */

static int sends_left;

static bool
may_send(void *ctx)
{
    (void)ctx;
    return sends_left-- > 0;
}

/* The answer is asked for before every request, so a lease that ends takes effect at the next. */
static void
test_may_send(void **state)
{
    static const struct reply script[] = {
        {.status = 200, .body = CREATED},   {.status = 500}, OK_ETAG, OK_ETAG,
        {.status = 200, .body = COMPLETED},
    };
    static const struct {
        const char *name;
        enum s3_put_mode mode;
        int sends;
        enum s3_outcome outcome;
        bool left;
    } cases[] = {
        {"not even the first", S3_FORCE_MULTIPART, 0, S3_CANCELLED, false},
        {"create only", S3_FORCE_MULTIPART, 1, S3_CANCELLED, true},
        {"a part, without its retry", S3_FORCE_MULTIPART, 3, S3_CANCELLED, true},
        {"without complete", S3_FORCE_MULTIPART, 4, S3_CANCELLED, true},
        {"all", S3_FORCE_MULTIPART, 5, S3_OK, false},
        {"one PUT", S3_FORCE_SINGLE, 0, S3_CANCELLED, false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_put put = put_of(6 * MIB);
        struct seen s;

        PLAY(script);
        sends_left = cases[i].sends;
        put.mode = cases[i].mode;
        put.may_send = may_send;
        s = run(&put);
        if (s.res.outcome != cases[i].outcome || fake.next != (size_t)cases[i].sends ||
            s.left_upload != cases[i].left)
            fail_msg("%s: got %s after %zu requests, upload left %d, want %s after %d, %d",
                     cases[i].name, s3_outcome_name(s.res.outcome), fake.next, s.left_upload,
                     s3_outcome_name(cases[i].outcome), cases[i].sends, cases[i].left);
    }
}

/* --- the window ------------------------------------------------------------------------------ */

static struct {
    struct s3_exchange_events inner[SENT_MAX];
    unsigned started, now, most;
} air;

static void
air_sent(void *ctx, int64_t body_bytes)
{
    const struct s3_exchange_events *inner = ctx;

    if (inner->sent != NULL)
        inner->sent(inner->ctx, body_bytes);
}

static void
air_done(void *ctx, const struct s3_http_response *res)
{
    const struct s3_exchange_events *inner = ctx;

    air.now--;
    inner->done(inner->ctx, res);
}

static struct s3_exchange *
air_start(struct s3_transport *t, const struct s3_http_request *req,
          const struct s3_exchange_events *events)
{
    struct s3_exchange_events *inner = &air.inner[air.started++];

    *inner = *events;
    if (++air.now > air.most)
        air.most = air.now;
    return fake_start(t, req, &(struct s3_exchange_events){air_sent, air_done, inner});
}

static void
air_cancel(struct s3_exchange *ex)
{
    air.now--;
    fake_cancel(ex);
}

struct counted {
    unsigned running;
    enum s3_outcome outcome[2];
};

static void
on_counted(void *ctx, const struct s3_result *res)
{
    struct counted *c = ctx;

    c->outcome[--c->running] = res->outcome;
}

/* Two files of three parts side by side with places for two requests, one of which is throttled:
 * all arrive; and nothing is left in the line when they are broken off at any moment. */
static void
test_window(void **state)
{
    static const struct reply all = {.status = 200, .headers = {{"ETag", "e"}}, .body = COMPLETED};
    static const struct reply list = {.status = 200, .body = "<ListPartsResult></ListPartsResult>"};
    static const struct reply slow = {.status = 503, .body = ERR("SlowDown")};
    struct s3_transport_ops ops = fake_transport;
    size_t i, stop, requests = 2 * (1 + 3 + 1) + 1;

    (void)state;
    ops.start = air_start;
    ops.cancel = air_cancel;
    for (stop = 1; stop <= requests; stop++) {
        struct event_base *own = event_base_new();
        struct s3_client_options opt = {.base = own,
                                        .retry_base_ms = 1,
                                        .retry_cap_ms = 2,
                                        .part_size = 5 * MIB,
                                        .in_flight = 2,
                                        .transport = &ops};
        struct reply script[SENT_MAX];
        struct s3_client *small = NULL;
        struct counted c = {.running = 2};
        struct s3_put put = put_of(15 * MIB);
        struct s3_op *op[2];
        bool whole = stop == requests;

        assert_int_equal(s3_client_new(&opt, &small, NULL), E_OK);
        memset(&air, 0, sizeof(air));
        for (i = 0; i < SENT_MAX; i++)
            script[i] = i < 2 ? list : i == 2 ? slow : all;
        play(script, SENT_MAX);
        put.upload_id = "u"; /* none of its parts are there */
        put.done = on_counted;
        put.ctx = &c;
        op[0] = s3_put_file(small, &put, NULL);
        op[1] = s3_put_file(small, &put, NULL);
        while (whole ? c.running > 0 : air.started < stop)
            event_base_loop(own, EVLOOP_ONCE);
        if (!whole && c.running == 2)
            s3_op_cancel(op[stop % 2]);
        while (!whole && c.running == 2)
            event_base_loop(own, EVLOOP_ONCE);
        s3_client_free(small);
        assert_int_equal(c.running, 0);
        assert_int_equal(air.now, 0);
        assert_in_range(air.most, 1, 2);
        if (whole && (c.outcome[0] != S3_OK || c.outcome[1] != S3_OK || air.started != requests))
            fail_msg("got %s, %s after %u requests, want ok after %zu",
                     s3_outcome_name(c.outcome[0]), s3_outcome_name(c.outcome[1]), air.started,
                     requests);
        event_base_loop(own, EVLOOP_NONBLOCK); /* what the fake has left */
        event_base_free(own);
    }
}

/* --- the choice between one PUT and parts ---------------------------------------------------- */

static void
test_mode(void **state)
{
    static const struct {
        const char *name;
        int64_t bytes;
        bool custom, honours, conditional;
        enum s3_put_mode mode;
        bool want_parts;
    } cases[] = {
        {"small", 10, false, false, false, S3_AUTO, false},
        {"at the threshold", 64 * MIB, false, false, false, S3_AUTO, false},
        {"above", 64 * MIB + 1, false, false, false, S3_AUTO, true},
        {"above, conditional, amazon", 64 * MIB + 1, false, false, true, S3_AUTO, true},
        {"above, conditional, custom", 64 * MIB + 1, true, false, true, S3_AUTO, false},
        {"above, conditional, custom that honours it", 64 * MIB + 1, true, true, true, S3_AUTO,
         true},
        {"above, not conditional, custom", 64 * MIB + 1, true, false, false, S3_AUTO, true},
        {"5 GiB, conditional, custom", S3_SINGLE_MAX, true, false, true, S3_AUTO, false},
        {"over 5 GiB, conditional, custom", S3_SINGLE_MAX + 1, true, false, true, S3_AUTO, true},
        {"forced parts", 10, false, false, false, S3_FORCE_MULTIPART, true},
        {"forced single", 64 * MIB + 1, false, false, false, S3_FORCE_SINGLE, false},
        {"empty, forced parts", 0, false, false, false, S3_FORCE_MULTIPART, false},
    };
    static const struct reply denied[] = {{.status = 403, .body = ERR("AccessDenied")}};
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_put put = put_of(cases[i].bytes);
        struct seen s;
        bool parts;

        PLAY(denied);
        put.target.endpoint = cases[i].custom ? "http://127.0.0.1:1" : NULL;
        put.target.conditional_complete = cases[i].honours;
        put.if_none_match = cases[i].conditional;
        put.mode = cases[i].mode;
        s = run(&put);
        want(&s, S3_USER_ERROR, 1);
        parts = strstr(fake.sent[0].line, "?uploads=") != NULL;
        if (parts != cases[i].want_parts)
            fail_msg("%s: got %s, want %s", cases[i].name, fake.sent[0].line,
                     cases[i].want_parts ? "parts" : "one PUT");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(test_headers_of_the_object),
        EACH(test_multipart_flow),
        EACH(test_lost_completion),
        EACH(test_upload_vanished),
        EACH(test_invalid_part),
        EACH(test_part_denied),
        EACH(test_exists_on_complete),
        EACH(test_continue_pages),
        EACH(test_mode),
        EACH(test_may_send),
        EACH(test_orphans),
        EACH(test_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
