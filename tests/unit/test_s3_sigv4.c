/* Signatures of the worked examples in the S3 API Reference, "Signature Calculations for the
 * Authorization Header" and "Authenticating Requests: Using Query Parameters". */

#include "common/s3/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define ACCESS_KEY "AKIAIOSFODNN7EXAMPLE"
#define SECRET_KEY "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
#define WHEN       1369353600 /* 2013-05-24 00:00:00 UTC */

struct example {
    const char *name, *method, *path;
    struct s3_header query[3];
    struct s3_header headers[5]; /* host is added */
    const char *payload_hash;
    int64_t presign_s; /* 0: by headers */
    const char *want;
};

static const struct example examples[] = {
    {"get object",
     "GET",
     "/test.txt",
     {{0}},
     {{"Range", "bytes=0-9"}},
     SIGV4_EMPTY_HASH,
     0,
     "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {"put object",
     "PUT",
     "/test%24file.text",
     {{0}},
     {{"Date", "Fri, 24 May 2013 00:00:00 GMT"}, {"x-amz-storage-class", "REDUCED_REDUNDANCY"}},
     "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     0,
     "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {"get bucket lifecycle",
     "GET",
     "/",
     {{"lifecycle", ""}},
     {{0}},
     SIGV4_EMPTY_HASH,
     0,
     "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {"list objects",
     "GET",
     "/",
     {{"prefix", "J"}, {"max-keys", "2"}},
     {{0}},
     SIGV4_EMPTY_HASH,
     0,
     "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
    {"presigned get",
     "GET",
     "/test.txt",
     {{0}},
     {{0}},
     SIGV4_UNSIGNED,
     86400,
     "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
};

static struct sigv4_input
input_of(const struct example *e)
{
    struct sigv4_input in = {
        .method = e->method,
        .path = e->path,
        .query = e->query,
        .payload_hash = e->payload_hash,
        .region = "us-east-1",
        .service = "s3",
        .unix_s = WHEN,
        .access_key = ACCESS_KEY,
        .secret_key = SECRET_KEY,
    };

    while (in.query_count < ARRAY_LEN(e->query) && e->query[in.query_count].name != NULL)
        in.query_count++;
    return in;
}

static void
test_examples(void **state)
{
    size_t i, k;

    (void)state;
    for (i = 0; i < ARRAY_LEN(examples); i++) {
        const struct example *e = &examples[i];
        struct sigv4_input in = input_of(e);
        struct s3_headers headers = S3_HEADERS_INIT;
        struct sigv4_trace trace;
        struct errinfo ei = ERRINFO_INIT;
        struct buf url;

        buf_init(&url, 4096);
        s3_headers_add(&headers, "Host", "examplebucket.s3.amazonaws.com");
        for (k = 0; k < ARRAY_LEN(e->headers) && e->headers[k].name != NULL; k++)
            s3_headers_copy(&headers, &e->headers[k], 1);
        if (e->presign_s > 0) {
            assert_int_equal(sigv4_presign(&in, &headers, e->presign_s, &url, &trace, &ei), E_OK);
            assert_non_null(strstr(buf_str(&url), e->want));
        } else {
            s3_headers_add(&headers, "x-amz-content-sha256", e->payload_hash);
            assert_int_equal(sigv4_sign_headers(&in, &headers, &trace, &ei), E_OK);
            assert_non_null(strstr(s3_headers_find(&headers, "authorization"), e->want));
        }
        if (strcmp(trace.signature, e->want) != 0)
            fail_msg("%s: got %s, want %s; canonical request:\n%s", e->name, trace.signature,
                     e->want, buf_str(&trace.canonical_request));
        sigv4_trace_done(&trace);
        s3_headers_done(&headers);
        buf_done(&url);
    }
}

static void
test_authorization_line(void **state)
{
    struct sigv4_input in = input_of(&examples[0]);
    struct s3_headers headers = S3_HEADERS_INIT;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    s3_headers_add(&headers, "Host", "examplebucket.s3.amazonaws.com");
    s3_headers_add(&headers, "Range", "bytes=0-9");
    s3_headers_add(&headers, "x-amz-content-sha256", SIGV4_EMPTY_HASH);
    s3_headers_add(&headers, "User-Agent", "not signed");
    assert_int_equal(sigv4_sign_headers(&in, &headers, NULL, &ei), E_OK);
    assert_string_equal(
        s3_headers_find(&headers, "authorization"),
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, "
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date, "
        "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
    s3_headers_done(&headers);
}

/* "GET, PUT ... example: presigned URL" of the same pages, word for word. */
static void
test_presigned_url(void **state)
{
    struct sigv4_input in = input_of(&examples[4]);
    struct s3_headers headers = S3_HEADERS_INIT;
    struct errinfo ei = ERRINFO_INIT;
    struct buf url;

    (void)state;
    buf_init(&url, 4096);
    s3_headers_add(&headers, "Host", "examplebucket.s3.amazonaws.com");
    assert_int_equal(sigv4_presign(&in, &headers, 86400, &url, NULL, &ei), E_OK);
    assert_string_equal(
        buf_str(&url),
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F"
        "20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
    assert_int_equal(sigv4_presign(&in, &headers, 0, &url, NULL, &ei), E_INVALID);
    assert_int_equal(sigv4_presign(&in, &headers, 604801, &url, NULL, &ei), E_INVALID);
    s3_headers_done(&headers);
    assert_int_equal(sigv4_presign(&in, &headers, 1, &url, NULL, &ei), E_INVALID);
    buf_done(&url);
}

static void
test_paths(void **state)
{
    static const struct {
        const char *path;
        bool normalize, twice;
        const char *want;
    } cases[] = {
        {"/a/../b//c/./d", false, false, "/a/../b//c/./d"},
        {"/a/../b//c/./d", true, false, "/b/c/d"},
        {"/a/b/../..", true, false, "/"},
        {"/../../x/", true, false, "/x/"},
        {"//", true, false, "/"},
        {"", true, false, "/"},
        {"", false, false, "/"},
        {"/a%20b/%C3%BC", false, true, "/a%2520b/%25C3%25BC"},
        {"/a/./b/", true, true, "/a/b/"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigv4_input in = input_of(&examples[0]);
        struct s3_headers headers = S3_HEADERS_INIT;
        struct sigv4_trace trace;
        struct errinfo ei = ERRINFO_INIT;
        char *want = mem_printf("GET\n%s\n\nhost:h\n", cases[i].want);

        in.path = cases[i].path;
        in.normalize_path = cases[i].normalize;
        in.double_encode = cases[i].twice;
        s3_headers_add(&headers, "host", "h");
        assert_int_equal(sigv4_sign_headers(&in, &headers, &trace, &ei), E_OK);
        if (strncmp(buf_str(&trace.canonical_request), want, strlen(want)) != 0)
            fail_msg("path '%s': got '%s', want '%s...'", cases[i].path,
                     buf_str(&trace.canonical_request), want);
        sigv4_trace_done(&trace);
        s3_headers_done(&headers);
        free(want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_authorization_line),
        cmocka_unit_test(test_presigned_url),
        cmocka_unit_test(test_paths),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
