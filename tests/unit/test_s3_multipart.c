/* Bookkeeping of a multipart upload: sizes, order, window, continuing, the final list. */

#include "common/s3/s3_multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define MIB 1048576LL
#define GIB (1024 * MIB)
#define TIB (1024 * GIB)

static void
test_part_sizes(void **state)
{
    static const struct {
        const char *name;
        int64_t bytes, wished, want_part;
        unsigned want_parts;
    } cases[] = {
        {"one byte", 1, 16 * MIB, 16 * MIB, 1},
        {"exactly one part", 16 * MIB, 16 * MIB, 16 * MIB, 1},
        {"one byte more", 16 * MIB + 1, 16 * MIB, 16 * MIB, 2},
        {"below S3's least", 100 * MIB, 1, 5 * MIB, 20},
        {"rounded up", 100 * MIB, 5 * MIB + 1, 6 * MIB, 17},
        {"grows with the file", 1 * TIB, 16 * MIB, 117 * MIB, 8963},
        {"5 TiB", 5 * TIB, 16 * MIB, 583 * MIB, 8993},
        {"most", 9000 * 5 * GIB, 16 * MIB, 5 * GIB, 9000},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_multipart m;
        struct errinfo ei = ERRINFO_INIT;

        assert_int_equal(s3_multipart_init(&m, cases[i].bytes, cases[i].wished, 4, &ei), E_OK);
        if (m.part_bytes != cases[i].want_part || m.parts != cases[i].want_parts)
            fail_msg("%s: got %lld x %u, want %lld x %u", cases[i].name, (long long)m.part_bytes,
                     m.parts, (long long)cases[i].want_part, cases[i].want_parts);
        s3_multipart_done(&m);
    }
}

static void
test_refused_sizes(void **state)
{
    struct s3_multipart m;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    assert_int_equal(s3_multipart_init(&m, 0, 16 * MIB, 4, &ei), E_INVALID);
    assert_int_equal(s3_multipart_init(&m, -1, 16 * MIB, 4, &ei), E_INVALID);
    assert_int_equal(s3_multipart_init(&m, 9000 * 5 * GIB + 1, 16 * MIB, 4, &ei), E_INVALID);
}

static void
want_send(struct s3_multipart *m, unsigned number, int64_t offset, int64_t bytes)
{
    struct s3_part p;

    assert_int_equal(s3_multipart_next(m, &p), S3_MULTIPART_SEND);
    if (p.number != number || p.offset != offset || p.bytes != bytes)
        fail_msg("got part %u [%lld +%lld], want %u [%lld +%lld]", p.number, (long long)p.offset,
                 (long long)p.bytes, number, (long long)offset, (long long)bytes);
}

static void
test_window_and_failure(void **state)
{
    struct s3_multipart m;
    struct s3_part p;
    struct buf body;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    assert_int_equal(s3_multipart_init(&m, 12 * MIB, 5 * MIB, 2, &ei), E_OK);
    want_send(&m, 1, 0, 5 * MIB);
    want_send(&m, 2, 5 * MIB, 5 * MIB);
    assert_int_equal(s3_multipart_next(&m, &p), S3_MULTIPART_WAIT);
    s3_multipart_failed(&m, 1);
    want_send(&m, 1, 0, 5 * MIB);
    s3_multipart_sent(&m, 2, "\"two\"");
    assert_int_equal(m.done_bytes, 5 * MIB);
    want_send(&m, 3, 10 * MIB, 2 * MIB);
    s3_multipart_sent(&m, 3, "three&<3>");
    assert_int_equal(s3_multipart_next(&m, &p), S3_MULTIPART_WAIT);
    s3_multipart_sent(&m, 1, "\"one\"");
    assert_int_equal(s3_multipart_next(&m, &p), S3_MULTIPART_COMPLETE);
    assert_int_equal(m.done_bytes, 12 * MIB);
    buf_init(&body, 4096);
    s3_multipart_complete_body(&m, &body);
    assert_string_equal(
        buf_str(&body),
        "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
        "<Part><PartNumber>1</PartNumber><ETag>&#34;one&#34;</ETag></Part>"
        "<Part><PartNumber>2</PartNumber><ETag>&#34;two&#34;</ETag></Part>"
        "<Part><PartNumber>3</PartNumber><ETag>three&#38;&#60;3&#62;</ETag></Part>"
        "</CompleteMultipartUpload>");
    buf_done(&body);
    s3_multipart_restart(&m);
    assert_int_equal(m.done_bytes, 0);
    want_send(&m, 1, 0, 5 * MIB);
    s3_multipart_done(&m);
}

static void
test_continue(void **state)
{
    static const struct {
        const char *name;
        unsigned number;
        int64_t bytes;
        const char *etag;
        bool want;
    } listed[] = {
        {"fits", 2, 5 * MIB, "e", true},
        {"again", 2, 5 * MIB, "e", false},
        {"last fits", 3, 2 * MIB, "e", true},
        {"wrong size", 1, 5 * MIB - 1, "e", false},
        {"no etag", 1, 5 * MIB, "", false},
        {"number 0", 0, 5 * MIB, "e", false},
        {"number too high", 4, 5 * MIB, "e", false},
    };
    struct s3_multipart m;
    struct s3_part p;
    struct errinfo ei = ERRINFO_INIT;
    size_t i;

    (void)state;
    assert_int_equal(s3_multipart_init(&m, 12 * MIB, 5 * MIB, 4, &ei), E_OK);
    for (i = 0; i < ARRAY_LEN(listed); i++) {
        bool got = s3_multipart_have(&m, listed[i].number, listed[i].bytes, listed[i].etag);

        if (got != listed[i].want)
            fail_msg("%s: got %d, want %d", listed[i].name, got, listed[i].want);
    }
    assert_int_equal(m.done_bytes, 7 * MIB);
    want_send(&m, 1, 0, 5 * MIB);
    assert_int_equal(s3_multipart_next(&m, &p), S3_MULTIPART_WAIT);
    s3_multipart_sent(&m, 1, "e");
    assert_int_equal(s3_multipart_next(&m, &p), S3_MULTIPART_COMPLETE);
    s3_multipart_done(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_part_sizes),
        cmocka_unit_test(test_refused_sizes),
        cmocka_unit_test(test_window_and_failure),
        cmocka_unit_test(test_continue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
