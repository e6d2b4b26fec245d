/* The chunked decoder: good bodies in any split, bad ones refused, and nothing read behind them. */

#include "api/http_chunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define BODY_MAX 64

/* Status of the fault, 0 = complete, -1 = more is needed. */
static int
decode(const char *in, size_t step, struct buf *body, size_t *ret_used)
{
    struct http_chunk c = {0};
    struct http_fault f = {0};
    size_t n = strlen(in), at = 0, used = 0, take;
    int rc = 0;

    while (rc == 0 && at < n) {
        take = n - at < step ? n - at : step;
        rc = http_chunk_decode(&c, in + at, take, body, &used, &f);
        at += used;
    }
    *ret_used = at;
    return rc < 0 ? f.status : rc == 1 ? 0 : -1;
}

static void
test_chunks(void **state)
{
    static const struct {
        const char *name, *in;
        int want;
        const char *body; /* of a good one */
        const char *rest; /* must be left */
    } rows[] = {
        {"empty", "0\r\n\r\n", 0, "", ""},
        {"one", "5\r\nhello\r\n0\r\n\r\n", 0, "hello", ""},
        {"two", "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", 0, "hello!", ""},
        {"hexadecimal", "A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", 0,
         "01234567890123456789", ""},
        {"leading zeros", "0005\r\nhello\r\n0000\r\n\r\n", 0, "hello", ""},
        {"extension", "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", 0, "hello", ""},
        {"trailers", "1\r\na\r\n0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", 0, "a", ""},
        {"next request", "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n", 0, "a", "GET / HTTP/1.1\r\n"},
        {"CRLF in data", "2\r\n\r\n\r\n0\r\n\r\n", 0, "\r\n", ""},
        {"cut in the size", "5", -1, NULL, NULL},
        {"cut in the data", "5\r\nhel", -1, NULL, NULL},
        {"cut before the end", "5\r\nhello\r\n0\r\n", -1, NULL, NULL},
        {"no size", "\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"0x", "0x5\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"plus", "+5\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"minus", "-5\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"blank in front", " 5\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"blank behind", "5 \r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"tab behind", "5\t\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"no hex", "g\r\n", 400, NULL, NULL},
        {"bare LF behind the size", "5\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"bare CR behind the size", "5\rhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"bare LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"XX in place of CRLF", "5\r\nhelloXX0\r\n\r\n", 400, NULL, NULL},
        {"data longer than its size", "4\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"data shorter than its size", "6\r\nhello\r\n0\r\n\r\n", 400, NULL, NULL},
        {"bare LF behind the data", "5\r\nhello\n0\r\n\r\n", 400, NULL, NULL},
        {"bare LF at the end", "0\r\n\n", 400, NULL, NULL},
        {"bare LF in a trailer", "0\r\nA: b\nC: d\r\n\r\n", 400, NULL, NULL},
        {"control in a trailer", "0\r\nA: \x01\r\n\r\n", 400, NULL, NULL},
        {"nine digits", "000000005\r\nhello\r\n0\r\n\r\n", 413, NULL, NULL},
        {"overflow", "FFFFFFFFFFFFFFFF1\r\n", 413, NULL, NULL},
        {"over the ceiling",
         "30\r\n012345678901234567890123456789012345678901234567\r\n20\r\n"
         "01234567890123456789012345678901\r\n0\r\n\r\n",
         413, NULL, NULL},
    };
    size_t i, step, used, failed = 0;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        for (step = 1; step < 80; step += 1 + step / 8) {
            struct buf body = BUF_INIT(BODY_MAX);
            int got = decode(rows[i].in, step, &body, &used);
            if (got != rows[i].want ||
                (got == 0 && (strcmp(buf_str(&body), rows[i].body) != 0 ||
                              strcmp(rows[i].in + used, rows[i].rest) != 0))) {
                print_error("%s (steps of %zu): got %d '%s', want %d '%s'\n", rows[i].name, step,
                            got, buf_str(&body), rows[i].want, rows[i].body);
                failed++;
            }
            buf_done(&body);
        }
    }
    assert_int_equal(failed, 0);
}

static void
test_long_lines(void **state)
{
    struct buf in = BUF_INIT(1 << 20), body = BUF_INIT(BODY_MAX);
    size_t used;
    int i;

    (void)state;
    buf_puts(&in, "1;");
    for (i = 0; i < 300; i++)
        buf_putc(&in, 'x');
    assert_int_equal(decode(buf_str(&in), 64, &body, &used), 400);
    buf_reset(&in);
    buf_puts(&in, "0\r\n");
    for (i = 0; i < 1000; i++)
        buf_puts(&in, "Trailer: x\r\n");
    assert_int_equal(decode(buf_str(&in), 64, &body, &used), 400);
    buf_done(&in);
    buf_done(&body);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_long_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
