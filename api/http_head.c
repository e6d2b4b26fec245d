#include "api/http_head.h"

#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#define LENGTH_DIGITS_MAX 18 /* fits int64_t */

struct slice {
    const char *p;
    size_t n;
};

static const struct {
    const char *name;
    enum http_verb method;
} methods[] = {
    {"GET", HTTP_M_GET},         {"HEAD", HTTP_M_HEAD},     {"POST", HTTP_M_POST},
    {"PUT", HTTP_M_PUT},         {"DELETE", HTTP_M_DELETE}, {"PATCH", HTTP_M_PATCH},
    {"OPTIONS", HTTP_M_OPTIONS},
};

const char *
http_method_name(unsigned method)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(methods); i++) {
        if ((unsigned)methods[i].method == method)
            return methods[i].name;
    }
    return "";
}

static int PRINTF_LIKE(3, 4) refuse(struct http_fault *f, int status, const char *fmt, ...)
{
    va_list ap;

    f->status = status;
    va_start(ap, fmt);
    vsnprintf(f->why, sizeof(f->why), fmt, ap);
    va_end(ap);
    return -1;
}

long
http_scan(struct http_scan *scan, const char *head, size_t len, size_t max_head,
          struct http_fault *fault)
{
    size_t i;

    for (i = scan->pos; i < len; i++) {
        if (i >= max_head && scan->line == 0)
            return refuse(fault, 414, "the request line is longer than %zu bytes", max_head);
        if (i >= max_head)
            return refuse(fault, 431, "the head is larger than %zu bytes", max_head);
        if (head[i] == '\0')
            return refuse(fault, 400, "a NUL in the head");
        if (head[i] == '\n' && (i == 0 || head[i - 1] != '\r'))
            return refuse(fault, 400, "a line feed without carriage return in the head");
        if (head[i] != '\n' && i > 0 && head[i - 1] == '\r')
            return refuse(fault, 400, "a carriage return without line feed in the head");
        if (head[i] != '\n') {
            scan->head_begun = scan->head_begun || head[i] != '\r';
            continue;
        }
        if (i - scan->line == 1 && scan->head_begun)
            return (long)(i + 1);
        /* RFC 9112 section 2.2: an empty line before the request line is ignored; one is. */
        if (i - scan->line == 1 && scan->skipped)
            return refuse(fault, 400, "empty lines before the request line");
        scan->skipped = scan->skipped || i - scan->line == 1;
        scan->line = i + 1;
    }
    scan->pos = len;
    return 0;
}

/* RFC 9110 section 5.6.2. */
static bool
is_tchar(unsigned char c)
{
    return isalnum(c) || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
slice_is(struct slice s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct slice
trim(struct slice s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static int
check_version(struct slice v, struct http_head *h, struct http_fault *f)
{
    if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || !isdigit((unsigned char)v.p[5]) ||
        v.p[6] != '.' || !isdigit((unsigned char)v.p[7]))
        return refuse(f, 400, "the request line does not end in HTTP/1.1");
    if (v.p[5] != '1' || v.p[7] > '1')
        return refuse(f, 505, "HTTP/%c.%c is not spoken here: use HTTP/1.1", v.p[5], v.p[7]);
    h->http10 = v.p[7] == '0';
    h->keep_alive = !h->http10;
    return 0;
}

/* origin-form, absolute-form of http(s), or "*" of OPTIONS: RFC 9112 section 3.2. */
static int
check_target(struct slice t, const struct http_head *h, struct http_fault *f)
{
    size_t i;

    if (t.n > HTTP_URI_MAX)
        return refuse(f, 414, "the request target is longer than %d bytes", HTTP_URI_MAX);
    for (i = 0; i < t.n; i++) {
        if ((unsigned char)t.p[i] <= ' ' || (unsigned char)t.p[i] >= 0x7f || t.p[i] == '#')
            return refuse(f, 400, "byte %zu of the request target is not allowed in one", i);
    }
    if (t.n > 0 && t.p[0] == '/')
        return 0;
    if (t.n == 1 && t.p[0] == '*' && h->method == HTTP_M_OPTIONS)
        return 0;
    if ((t.n > 7 && strncasecmp(t.p, "http://", 7) == 0 && t.p[7] != '/') ||
        (t.n > 8 && strncasecmp(t.p, "https://", 8) == 0 && t.p[8] != '/'))
        return 0;
    return refuse(f, 400, "the request target does not begin with '/'");
}

static int
check_request_line(struct slice line, struct http_head *h, struct http_fault *f)
{
    struct slice method = {line.p, 0}, target, version;
    size_t i;

    while (method.n < line.n && is_tchar((unsigned char)line.p[method.n]))
        method.n++;
    if (method.n == 0 || method.n == line.n || line.p[method.n] != ' ')
        return refuse(f, 400, "the request line does not begin with a method and one blank");
    target.p = line.p + method.n + 1;
    target.n = line.n - method.n - 1;
    version.p = memrchr(target.p, ' ', target.n);
    if (version.p == NULL)
        return refuse(f, 400, "the request line does not end in HTTP/1.1");
    version.n = (size_t)(target.p + target.n - version.p) - 1;
    target.n = (size_t)(version.p - target.p);
    version.p++;
    if (check_version(version, h, f) < 0)
        return -1;
    for (i = 0; i < ARRAY_LEN(methods); i++) { /* methods are case-sensitive */
        if (strlen(methods[i].name) == method.n && memcmp(methods[i].name, method.p, method.n) == 0)
            h->method = methods[i].method;
    }
    if (h->method == 0)
        return refuse(f, 501, "the method '%.*s' is not known here",
                      (int)(method.n < 32 ? method.n : 32), method.p);
    return check_target(target, h, f);
}

/* --- single fields ---------------------------------------------------------------------------- */

static int
on_length(struct slice v, struct http_head *h, struct http_fault *f)
{
    size_t i;

    if (v.n == 0)
        return refuse(f, 400, "Content-Length is empty");
    for (i = 0; i < v.n; i++) {
        if (!isdigit((unsigned char)v.p[i]))
            return refuse(f, 400, "Content-Length is not a number of digits only");
    }
    h->has_length = true;
    if (v.n > LENGTH_DIGITS_MAX) {
        h->content_length = INT64_MAX;
        return 0;
    }
    for (i = 0; i < v.n; i++)
        h->content_length = h->content_length * 10 + (v.p[i] - '0');
    return 0;
}

static int
on_encoding(struct slice v, struct http_head *h, struct http_fault *f)
{
    if (!slice_is(v, "chunked"))
        return refuse(f, 400, "the only Transfer-Encoding understood is chunked");
    h->chunked = true;
    return 0;
}

/* RFC 3986 section 3.2 without userinfo: a name, an IPv4 address or [IPv6], and a port. */
static int
on_host(struct slice v, struct http_head *h, struct http_fault *f)
{
    size_t i;

    (void)h;
    if (v.n == 0)
        return refuse(f, 400, "Host is empty");
    for (i = 0; i < v.n; i++) {
        if (!isalnum((unsigned char)v.p[i]) && strchr("-._~%:[]!$&'()*+;=", v.p[i]) == NULL)
            return refuse(f, 400, "Host has a character that no host name has");
    }
    return 0;
}

static int
on_expect(struct slice v, struct http_head *h, struct http_fault *f)
{
    if (!slice_is(v, "100-continue"))
        return refuse(f, 417, "the only expectation understood is 100-continue");
    h->expect_continue = !h->http10; /* RFC 9110 section 10.1.1: ignored in HTTP/1.0 */
    return 0;
}

static int
on_connection(struct slice v, struct http_head *h, struct http_fault *f)
{
    struct slice token;
    const char *comma;
    bool close = false, keep = false;

    for (;;) {
        comma = memchr(v.p, ',', v.n);
        token = trim((struct slice){v.p, comma != NULL ? (size_t)(comma - v.p) : v.n});
        close = close || slice_is(token, "close");
        keep = keep || slice_is(token, "keep-alive");
        /* Would ask a proxy to drop the very fields that frame the message. */
        if (slice_is(token, "content-length") || slice_is(token, "transfer-encoding") ||
            slice_is(token, "host"))
            return refuse(f, 400, "Connection names a field that must not be dropped");
        if (comma == NULL)
            break;
        v.n -= (size_t)(comma - v.p) + 1;
        v.p = comma + 1;
    }
    h->keep_alive = !close && (h->keep_alive || keep);
    return 0;
}

static int
on_look_alike(struct slice v, struct http_head *h, struct http_fault *f)
{
    (void)v;
    (void)h;
    return refuse(f, 400, "a field name with '_' that some servers read as a framing field");
}

/* Fields that may come once at most: two of them are two readings. */
static const struct single {
    const char *name;
    int (*on)(struct slice value, struct http_head *h, struct http_fault *f); /* may be NULL */
} singles[] = {
    {"Host", on_host},
    {"Content-Length", on_length},
    {"Transfer-Encoding", on_encoding},
    {"Expect", on_expect},
    {"Connection", on_connection},
    {"Content_Length", on_look_alike},
    {"Transfer_Encoding", on_look_alike},
    {"Content-Type", NULL},
    {"Content-Encoding", NULL},
    {"Authorization", NULL},
    {"Idempotency-Key", NULL},
    {"x-logtrust-apikey", NULL},
    {"x-logtrust-timestamp", NULL},
    {"x-logtrust-sign", NULL},
};
_Static_assert(sizeof(singles) / sizeof(singles[0]) <= 32, "seen is a mask of 32 bits");
#define SEEN_HOST 1u

static int
check_field(struct slice line, struct http_head *h, uint32_t *seen, struct http_fault *f)
{
    struct slice name = {line.p, 0}, value;
    size_t i;

    if (line.p[0] == ' ' || line.p[0] == '\t')
        return refuse(f, 400, "a folded header line");
    while (name.n < line.n && is_tchar((unsigned char)line.p[name.n]))
        name.n++;
    if (name.n == 0 && line.p[0] == ':')
        return refuse(f, 400, "a header without a name");
    if (name.n == line.n)
        return refuse(f, 400, "a header line without a colon");
    if (line.p[name.n] != ':')
        return refuse(f, 400, "a header name with a character that is not allowed in one");
    value = trim((struct slice){line.p + name.n + 1, line.n - name.n - 1});
    for (i = 0; i < value.n; i++) {
        unsigned char c = (unsigned char)value.p[i];
        if ((c < ' ' && c != '\t') || c == 0x7f)
            return refuse(f, 400, "a control character in a header");
    }
    for (i = 0; i < ARRAY_LEN(singles); i++) {
        if (!slice_is(name, singles[i].name))
            continue;
        if (*seen & (1u << i))
            return refuse(f, 400, "%s is there twice", singles[i].name);
        *seen |= 1u << i;
        return singles[i].on != NULL ? singles[i].on(value, h, f) : 0;
    }
    return 0;
}

int
http_head_check(const char *head, size_t len, struct http_head *ret, struct http_fault *fault)
{
    struct http_head h = {0};
    const char *p = head, *end = head + len, *eol;
    struct slice line;
    uint32_t seen = 0;

    if (len >= 2 && p[0] == '\r')
        p += 2; /* the one empty line that http_scan lets pass */
    eol = memchr(p, '\r', (size_t)(end - p));
    if (eol == NULL || end - eol < 4)
        return refuse(fault, 400, "no request line");
    if (check_request_line((struct slice){p, (size_t)(eol - p)}, &h, fault) < 0)
        return -1;
    for (p = eol + 2; end - p > 2; p = eol + 2) {
        eol = memchr(p, '\r', (size_t)(end - p));
        if (eol == NULL)
            return refuse(fault, 400, "a header line without end");
        line = (struct slice){p, (size_t)(eol - p)};
        if (++h.header_count > HTTP_HEADERS_MAX)
            return refuse(fault, 431, "more than %d header lines", HTTP_HEADERS_MAX);
        if (line.n == 0)
            return refuse(fault, 400, "an empty line within the head");
        if (check_field(line, &h, &seen, fault) < 0)
            return -1;
    }
    if (!h.http10 && !(seen & SEEN_HOST))
        return refuse(fault, 400, "HTTP/1.1 needs a Host header");
    if (h.chunked && h.has_length)
        return refuse(fault, 400, "Transfer-Encoding and Content-Length together");
    if (h.chunked && h.http10)
        return refuse(fault, 400, "Transfer-Encoding in HTTP/1.0");
    *ret = h;
    return 0;
}
