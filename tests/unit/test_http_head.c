/* The strict checks of request heads: what must be refused, with which status, and what must not.
 */

#include "api/http_head.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#define MAX_HEAD 16384
#define H        "Host: h\r\n"
#define GET      "GET / HTTP/1.1\r\n"
#define POST     "POST /search/query HTTP/1.1\r\n" H

struct row {
    const char *name;
    const char *head;
    size_t len; /* 0: strlen */
    int want;   /* status; 0: accepted */
};

#define BYTES(s) s, sizeof(s) - 1

/* Scans in steps of `step` bytes, then checks. 0, a status, or -1: the end was never found. */
static int
status_of(const char *head, size_t len, size_t step, struct http_head *h)
{
    struct http_scan scan = {0};
    struct http_fault f = {0};
    size_t seen = 0;
    long n = 0;

    while (n == 0 && seen < len) {
        seen = seen + step < len ? seen + step : len;
        n = http_scan(&scan, head, seen, MAX_HEAD, &f);
    }
    if (n == 0)
        return -1;
    if (n < 0)
        return f.status;
    return http_head_check(head, (size_t)n, h, &f) < 0 ? f.status : 0;
}

static void
run(const struct row *rows, size_t n)
{
    static const size_t steps[] = {1, 7, 1 << 20};
    struct http_head h;
    size_t i, k, failed = 0;

    for (i = 0; i < n; i++) {
        size_t len = rows[i].len != 0 ? rows[i].len : strlen(rows[i].head);
        for (k = 0; k < ARRAY_LEN(steps); k++) {
            int got = status_of(rows[i].head, len, steps[k], &h);
            if (got == rows[i].want)
                continue;
            print_error("%s (steps of %zu): got %d, want %d\n", rows[i].name, steps[k], got,
                        rows[i].want);
            failed++;
        }
    }
    assert_int_equal(failed, 0);
}

static void
test_refused(void **state)
{
    static const struct row rows[] = {
        /* line ends and strange bytes */
        {"bare LF everywhere", "GET / HTTP/1.1\nHost: h\n\n", 0, 400},
        {"bare LF after the request line", "GET / HTTP/1.1\nHost: h\r\n\r\n", 0, 400},
        {"bare LF between headers", GET H "A: b\nC: d\r\n\r\n", 0, 400},
        {"bare LF as the last line", GET H "\n", 0, 400},
        {"bare CR in the request line", "GET /\r HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"bare CR in a value", GET H "A: b\rC: d\r\n\r\n", 0, 400},
        {"CR CR LF", GET H "A: b\r\r\n\r\n", 0, 400},
        {"LF CR", GET H "A: b\n\r\r\n\r\n", 0, 400},
        {"NUL in the request line", BYTES("GET /\0 HTTP/1.1\r\n" H "\r\n"), 400},
        {"NUL in a name", BYTES(GET H "A\0: b\r\n\r\n"), 400},
        {"NUL in a value", BYTES(GET H "A: b\0\r\n\r\n"), 400},
        {"two empty lines in front", "\r\n\r\n" GET H "\r\n", 0, 400},
        {"a header before the request line", H GET "\r\n", 0, 400},
        {"TLS hello", BYTES("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"), 400},
        /* request line */
        {"no method", " / HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"HTTP/0.9", "GET /\r\n\r\n", 0, 400},
        {"two blanks after the method", "GET  / HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"two blanks after the target", "GET /  HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"tab in place of a blank", "GET\t/ HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"blank behind the version", "GET / HTTP/1.1 \r\n" H "\r\n", 0, 400},
        {"blank in the target", "GET /a b HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"no slash", "GET search/jobs HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"fragment", "GET /a#b HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"raw UTF-8 in the target", "GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"DEL in the target", "GET /\x7f HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"asterisk with GET", "GET * HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"other scheme", "GET ftp://h/ HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"absolute without authority", "GET http:/// HTTP/1.1\r\n" H "\r\n", 0, 400},
        {"lower-case method", "get / HTTP/1.1\r\n" H "\r\n", 0, 501},
        {"unknown method", "SEARCH / HTTP/1.1\r\n" H "\r\n", 0, 501},
        {"CONNECT", "CONNECT h:80 HTTP/1.1\r\n" H "\r\n", 0, 501},
        {"TRACE", "TRACE / HTTP/1.1\r\n" H "\r\n", 0, 501},
        {"lower-case version", "GET / http/1.1\r\n" H "\r\n", 0, 400},
        {"version of one digit", "GET / HTTP/1\r\n" H "\r\n", 0, 400},
        {"version 1.10", "GET / HTTP/1.10\r\n" H "\r\n", 0, 400},
        {"version 1.2", "GET / HTTP/1.2\r\n" H "\r\n", 0, 505},
        {"version 2.0", "GET / HTTP/2.0\r\n" H "\r\n", 0, 505},
        {"preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\n", 0, 505},
        /* names */
        {"folded header", GET H "A: b\r\n c\r\n\r\n", 0, 400},
        {"folded by tab", GET H "A: b\r\n\tc\r\n\r\n", 0, 400},
        {"first header folded", GET " " H "\r\n", 0, 400},
        {"empty name", GET H ": v\r\n\r\n", 0, 400},
        {"blank before the colon", GET "Host : h\r\n\r\n", 0, 400},
        {"tab before the colon", GET H "Content-Length\t: 5\r\n\r\n", 0, 400},
        {"no colon", GET H "nonsense\r\n\r\n", 0, 400},
        {"brackets in a name", GET H "A[b]: c\r\n\r\n", 0, 400},
        {"quote in a name", GET H "A\"b: c\r\n\r\n", 0, 400},
        {"UTF-8 in a name", GET H "\xc3\xa4: c\r\n\r\n", 0, 400},
        {"control character in a value", GET H "A: b\x01\r\n\r\n", 0, 400},
        {"DEL in a value", GET H "A: b\x7f\r\n\r\n", 0, 400},
        /* Host */
        {"no Host", GET "\r\n", 0, 400},
        {"two Hosts", GET H "Host: i\r\n\r\n", 0, 400},
        {"two Hosts of HTTP/1.0", "GET / HTTP/1.0\r\n" H H "\r\n", 0, 400},
        {"empty Host", GET "Host:\r\n\r\n", 0, 400},
        {"Host with a blank", GET "Host: a b\r\n\r\n", 0, 400},
        {"Host with a slash", GET "Host: a/b\r\n\r\n", 0, 400},
        {"Host with userinfo", GET "Host: u@h\r\n\r\n", 0, 400},
        /* framing */
        {"two Content-Lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 0, 400},
        {"the same twice", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 0, 400},
        {"the same in another case", POST "content-length: 5\r\nCONTENT-LENGTH: 5\r\n\r\n", 0, 400},
        {"list in Content-Length", POST "Content-Length: 5, 5\r\n\r\n", 0, 400},
        {"plus sign", POST "Content-Length: +5\r\n\r\n", 0, 400},
        {"minus sign", POST "Content-Length: -5\r\n\r\n", 0, 400},
        {"hexadecimal", POST "Content-Length: 0x5\r\n\r\n", 0, 400},
        {"fraction", POST "Content-Length: 5.0\r\n\r\n", 0, 400},
        {"blank inside", POST "Content-Length: 5 6\r\n\r\n", 0, 400},
        {"empty Content-Length", POST "Content-Length:\r\n\r\n", 0, 400},
        {"quoted", POST "Content-Length: \"5\"\r\n\r\n", 0, 400},
        {"TE and CL", POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 0, 400},
        {"CL and TE", POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
        {"TE identity", POST "Transfer-Encoding: identity\r\n\r\n", 0, 400},
        {"TE gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n", 0, 400},
        {"TE chunked, identity", POST "Transfer-Encoding: chunked, identity\r\n\r\n", 0, 400},
        {"TE chunked twice", POST "Transfer-Encoding: chunked, chunked\r\n\r\n", 0, 400},
        {"two TE", POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n", 0, 400},
        {"TE xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", 0, 400},
        {"TE with vertical tab",
         POST "Transfer-Encoding: \x0b"
              "chunked\r\n\r\n",
         0, 400},
        {"TE in quotes", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", 0, 400},
        {"TE with a parameter", POST "Transfer-Encoding: chunked;q=1\r\n\r\n", 0, 400},
        {"empty TE", POST "Transfer-Encoding:\r\n\r\n", 0, 400},
        {"TE in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 0, 400},
        {"Transfer_Encoding", POST "Transfer_Encoding: chunked\r\n\r\n", 0, 400},
        {"Content_Length", POST "Content_Length: 5\r\n\r\n", 0, 400},
        {"Connection drops Content-Length",
         POST "Connection: close, Content-Length\r\nContent-Length: 5\r\n\r\n", 0, 400},
        {"two Connections", GET H "Connection: close\r\nConnection: keep-alive\r\n\r\n", 0, 400},
        {"another expectation", POST "Expect: 200-ok\r\n\r\n", 0, 417},
        /* what authentication reads must not be there twice */
        {"two Authorizations", GET H "Authorization: a\r\nAuthorization: b\r\n\r\n", 0, 400},
        {"two signatures", GET H "x-logtrust-sign: a\r\nX-Logtrust-Sign: b\r\n\r\n", 0, 400},
        {"two keys", GET H "x-logtrust-apikey: a\r\nx-logtrust-apikey: a\r\n\r\n", 0, 400},
    };

    (void)state;
    print_message("%zu heads to refuse\n", ARRAY_LEN(rows));
    run(rows, ARRAY_LEN(rows));
}

static void
test_accepted(void **state)
{
    static const struct row rows[] = {
        {"the smallest", GET H "\r\n", 0, 0},
        {"one empty line in front", "\r\n" GET H "\r\n", 0, 0},
        {"no blank behind the colon", GET "Host:h\r\n\r\n", 0, 0},
        {"blanks around a value", GET "Host: \t h \t\r\n\r\n", 0, 0},
        {"empty value", GET H "X-Empty:\r\n\r\n", 0, 0},
        {"UTF-8 in a value", GET H "X: \xc3\xa4\r\n\r\n", 0, 0},
        {"IPv6 host", GET "Host: [::1]:8080\r\n\r\n", 0, 0},
        {"all of tchar", GET H "!#$%&'*+-.^_`|~09azAZ: v\r\n\r\n", 0, 0},
        {"absolute target", "GET http://h/search/jobs HTTP/1.1\r\n" H "\r\n", 0, 0},
        {"asterisk of OPTIONS", "OPTIONS * HTTP/1.1\r\n" H "\r\n", 0, 0},
        {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\n\r\n", 0, 0},
        {"chunked in any case", POST "Transfer-Encoding: Chunked\r\n\r\n", 0, 0},
        {"leading zeros", POST "Content-Length: 0005\r\n\r\n", 0, 0},
        {"upgrade is ignored", GET H "Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n", 0, 0},
        {"not complete", GET H, 0, -1},
        {"half an end", GET H "\r", 0, -1},
    };

    (void)state;
    run(rows, ARRAY_LEN(rows));
}

/* A head of n bytes in front of the empty line, made of one header line or one target. */
static void
check_size(const char *name, const char *before, size_t fill, const char *after, int want)
{
    struct buf b = BUF_INIT(1 << 20);
    struct http_head h;
    size_t i;
    int got;

    buf_puts(&b, before);
    for (i = 0; i < fill; i++)
        buf_putc(&b, 'a');
    buf_puts(&b, after);
    got = status_of(b.data, b.len, 4096, &h);
    if (got != want)
        fail_msg("%s: got %d, want %d", name, got, want);
    buf_done(&b);
}

static void
test_sizes(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct http_head h;
    int i;

    (void)state;
    check_size("target of 8000", "GET /", 7999, " HTTP/1.1\r\n" H "\r\n", 0);
    check_size("target of 8001", "GET /", 8000, " HTTP/1.1\r\n" H "\r\n", 414);
    check_size("endless request line", "GET /", 20000, "", 414);
    check_size("large header", GET H "A: ", 16000, "\r\n\r\n", 0);
    check_size("too large header", GET H "A: ", 16384, "\r\n\r\n", 431);
    check_size("endless header", GET H "A: ", 20000, "", 431);
    check_size("large and bad", "GET / HTTP/1.1\r\n:", 10, "\r\n\r\n", 400);
    buf_puts(&b, GET H);
    for (i = 1; i < HTTP_HEADERS_MAX; i++)
        buf_printf(&b, "A%d: b\r\n", i);
    buf_puts(&b, "\r\n");
    assert_int_equal(status_of(b.data, b.len, 512, &h), 0);
    assert_int_equal(h.header_count, HTTP_HEADERS_MAX);
    b.len -= 2;
    buf_puts(&b, "One: more\r\n\r\n");
    assert_int_equal(status_of(b.data, b.len, 512, &h), 431);
    buf_done(&b);
}

static void
test_meaning(void **state)
{
    static const struct {
        const char *name, *head;
        bool keep_alive, chunked, expect;
        int64_t length;
    } rows[] = {
        {"1.1 goes on", GET H "\r\n", true, false, false, 0},
        {"1.1 close", GET H "Connection: close\r\n\r\n", false, false, false, 0},
        {"close among others", GET H "Connection: x , CLOSE\r\n\r\n", false, false, false, 0},
        {"close wins", GET H "Connection: keep-alive, close\r\n\r\n", false, false, false, 0},
        {"1.0 ends", "GET / HTTP/1.0\r\n\r\n", false, false, false, 0},
        {"1.0 keep-alive", "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", true, false, false,
         0},
        {"length", POST "Content-Length: 1048576\r\n\r\n", true, false, false, 1048576},
        {"chunked", POST "Transfer-Encoding: chunked\r\n\r\n", true, true, false, 0},
        {"expect", POST "Expect: 100-Continue\r\nContent-Length: 3\r\n\r\n", true, false, true, 3},
        {"1.0 expects nothing",
         "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n", false, false,
         false, 3},
        {"20 digits", POST "Content-Length: 18446744073709551621\r\n\r\n", true, false, false,
         INT64_MAX},
    };
    struct http_head h;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        int got = status_of(rows[i].head, strlen(rows[i].head), 3, &h);
        if (got != 0)
            fail_msg("%s: got %d, want 0", rows[i].name, got);
        if (h.keep_alive != rows[i].keep_alive || h.chunked != rows[i].chunked ||
            h.expect_continue != rows[i].expect || h.content_length != rows[i].length)
            fail_msg("%s: got keep_alive %d chunked %d expect %d length %lld", rows[i].name,
                     h.keep_alive, h.chunked, h.expect_continue, (long long)h.content_length);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_meaning),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
