#include "common/s3/sigv4.h"

#include <ctype.h>
#include <strings.h>

#define ALGORITHM  "AWS4-HMAC-SHA256"
#define TEXT_MAX   (256 * 1024)
#define DATE_LEN   16 /* 20130524T000000Z */
#define DAY_LEN    8
#define EXPIRE_MAX 604800

static const char *const unsigned_headers[] = {
    "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id",
};

/* One signature in the making. */
struct signing {
    const struct sigv4_input *in;
    char date[DATE_LEN + 1];
    struct buf headers; /* canonical: "name:value\n"... */
    struct buf signed_names;
    struct buf scope;
    struct sigv4_trace trace;
};

void
sigv4_trace_init(struct sigv4_trace *t)
{
    buf_init(&t->canonical_request, TEXT_MAX);
    buf_init(&t->string_to_sign, TEXT_MAX);
    t->signature[0] = '\0';
}

void
sigv4_trace_done(struct sigv4_trace *t)
{
    buf_wipe(&t->canonical_request);
    buf_wipe(&t->string_to_sign);
    t->signature[0] = '\0';
}

void
sigv4_encode(struct buf *out, const char *s, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF";
    const unsigned char *p;

    for (p = (const unsigned char *)s; *p != '\0'; p++) {
        if ((*p < 0x80 && isalnum(*p)) || strchr("-._~", *p) != NULL || (keep_slash && *p == '/')) {
            buf_putc(out, (char)*p);
        } else {
            buf_putc(out, '%');
            buf_putc(out, digits[*p >> 4]);
            buf_putc(out, digits[*p & 15]);
        }
    }
}

/* Order by name, then value: S3 sorts the encoded forms, byte by byte. */
static int
compare_pairs(const void *a, const void *b)
{
    const struct s3_header *x = a, *y = b;
    int c = strcmp(x->name, y->name);

    return c != 0 ? c : strcmp(x->value, y->value);
}

void
sigv4_encode_query(struct buf *out, const struct s3_header *query, size_t n)
{
    struct s3_headers encoded = S3_HEADERS_INIT;
    struct buf name, value;
    size_t i;

    buf_init(&name, TEXT_MAX);
    buf_init(&value, TEXT_MAX);
    for (i = 0; i < n; i++) {
        buf_reset(&name);
        buf_reset(&value);
        sigv4_encode(&name, query[i].name, false);
        sigv4_encode(&value, query[i].value, false);
        s3_headers_add(&encoded, buf_str(&name), buf_str(&value));
        out->failed |= name.failed || value.failed;
    }
    if (n > 1)
        qsort(encoded.list, n, sizeof(*encoded.list), compare_pairs);
    for (i = 0; i < n; i++)
        buf_printf(out, "%s%s=%s", i > 0 ? "&" : "", encoded.list[i].name, encoded.list[i].value);
    s3_headers_done(&encoded);
    buf_wipe(&name);
    buf_wipe(&value);
}

/* RFC 3986 section 5.2.4, and the empty segments dropped besides, as the services do. */
static void
normalize_path(struct buf *out, const char *path)
{
    const char *p = path;
    size_t n, last;

    while (*p != '\0') {
        p += strspn(p, "/");
        n = strcspn(p, "/");
        if (n == 2 && strncmp(p, "..", 2) == 0) {
            last = out->len;
            while (last > 0 && out->data[last - 1] != '/')
                last--;
            if (out->len > 0)
                out->data[out->len = last > 0 ? last - 1 : 0] = '\0';
        } else if (n > 0 && !(n == 1 && *p == '.')) {
            buf_putc(out, '/');
            buf_append(out, p, n);
        }
        p += n;
    }
    if (out->len == 0 || path[strlen(path) - 1] == '/')
        buf_putc(out, '/');
}

static void
canonical_path(struct buf *out, const struct sigv4_input *in)
{
    struct buf tidy;

    buf_init(&tidy, TEXT_MAX);
    if (in->normalize_path)
        normalize_path(&tidy, in->path);
    else
        buf_puts(&tidy, in->path[0] != '\0' ? in->path : "/");
    if (in->double_encode)
        sigv4_encode(out, buf_str(&tidy), true);
    else
        buf_puts(out, buf_str(&tidy));
    out->failed |= tidy.failed;
    buf_done(&tidy);
}

/* Blanks at the ends go, runs of blanks inside become one. */
static void
trimmed_value(struct buf *out, const char *value)
{
    const char *p = value;
    bool first = true;
    size_t n;

    for (;;) {
        p += strspn(p, " \t\r\n\f\v");
        n = strcspn(p, " \t\r\n\f\v");
        if (n == 0)
            return;
        if (!first)
            buf_putc(out, ' ');
        buf_append(out, p, n);
        first = false;
        p += n;
    }
}

struct indexed_header {
    const char *name, *value;
    size_t index; /* several headers of one name keep their order */
};

static int
compare_headers(const void *a, const void *b)
{
    const struct indexed_header *x = a, *y = b;
    int c = strcasecmp(x->name, y->name);

    return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static bool
is_signed(const char *name)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(unsigned_headers); i++) {
        if (strcasecmp(unsigned_headers[i], name) == 0)
            return false;
    }
    return true;
}

static void
put_lower(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++)
        buf_putc(out, (char)tolower((unsigned char)*s));
}

static void
canonical_headers(struct signing *s, const struct s3_headers *headers)
{
    struct indexed_header *list = mem_alloc(headers->count * sizeof(*list));
    size_t n = 0, i;

    for (i = 0; i < headers->count; i++) {
        if (is_signed(headers->list[i].name))
            list[n++] = (struct indexed_header){headers->list[i].name, headers->list[i].value, i};
    }
    if (n > 1)
        qsort(list, n, sizeof(*list), compare_headers);
    for (i = 0; i < n; i++) {
        if (i > 0 && strcasecmp(list[i].name, list[i - 1].name) == 0) {
            buf_putc(&s->headers, ',');
        } else {
            if (i > 0) {
                buf_putc(&s->headers, '\n');
                buf_putc(&s->signed_names, ';');
            }
            put_lower(&s->headers, list[i].name);
            buf_putc(&s->headers, ':');
            put_lower(&s->signed_names, list[i].name);
        }
        trimmed_value(&s->headers, list[i].value);
    }
    if (n > 0)
        buf_putc(&s->headers, '\n');
    free(list);
}

static void
signing_init(struct signing *s, const struct sigv4_input *in)
{
    time_t t = (time_t)in->unix_s;
    struct tm tm;

    s->in = in;
    gmtime_r(&t, &tm);
    strftime(s->date, sizeof(s->date), "%Y%m%dT%H%M%SZ", &tm);
    buf_init(&s->headers, TEXT_MAX);
    buf_init(&s->signed_names, TEXT_MAX);
    buf_init(&s->scope, 1024);
    sigv4_trace_init(&s->trace);
    buf_printf(&s->scope, "%.*s/%s/%s/aws4_request", DAY_LEN, s->date, in->region, in->service);
}

static void
signing_done(struct signing *s, struct sigv4_trace *trace)
{
    buf_wipe(&s->headers);
    buf_done(&s->signed_names);
    buf_done(&s->scope);
    if (trace != NULL)
        *trace = s->trace;
    else
        sigv4_trace_done(&s->trace);
}

/* HMAC chain: secret -> day -> region -> service -> "aws4_request". */
static void
signing_key(const struct signing *s, unsigned char key[DIGEST_SHA256_LEN])
{
    char *first = mem_printf("AWS4%s", s->in->secret_key);
    const char *steps[] = {s->in->region, s->in->service, "aws4_request"};
    size_t i;

    digest_hmac_sha256(first, strlen(first), s->date, DAY_LEN, key);
    for (i = 0; i < ARRAY_LEN(steps); i++)
        digest_hmac_sha256(key, DIGEST_SHA256_LEN, steps[i], strlen(steps[i]), key);
    mem_wipe_free(first);
}

static int
compute(struct signing *s, const struct s3_header *query, size_t query_count, struct errinfo *ei)
{
    unsigned char key[DIGEST_SHA256_LEN], mac[DIGEST_SHA256_LEN];
    struct buf *creq = &s->trace.canonical_request, *sts = &s->trace.string_to_sign;
    char hash[DIGEST_SHA256_HEX + 1];

    buf_printf(creq, "%s\n", s->in->method);
    canonical_path(creq, s->in);
    buf_putc(creq, '\n');
    sigv4_encode_query(creq, query, query_count);
    buf_printf(creq, "\n%s\n%s\n%s", buf_str(&s->headers), buf_str(&s->signed_names),
               s->in->payload_hash);
    digest_sha256_hex(buf_str(creq), creq->len, hash);
    buf_printf(sts, ALGORITHM "\n%s\n%s\n%s", s->date, buf_str(&s->scope), hash);
    if (creq->failed || sts->failed || s->headers.failed || s->signed_names.failed ||
        s->scope.failed)
        return errinfo_set(ei, E_INVALID, "request is too large to be signed");
    signing_key(s, key);
    digest_hmac_sha256(key, sizeof(key), buf_str(sts), sts->len, mac);
    digest_hex(mac, sizeof(mac), s->trace.signature);
    explicit_bzero(key, sizeof(key));
    return E_OK;
}

static bool
has_token(const struct sigv4_input *in)
{
    return in->session_token != NULL && in->session_token[0] != '\0';
}

int
sigv4_sign_headers(const struct sigv4_input *in, struct s3_headers *headers,
                   struct sigv4_trace *trace, struct errinfo *ei)
{
    struct signing s;
    int rc;

    if (s3_headers_find(headers, "host") == NULL)
        return errinfo_set(ei, E_INVALID, "no host header to sign");
    signing_init(&s, in);
    s3_headers_add(headers, "X-Amz-Date", s.date);
    if (has_token(in))
        s3_headers_add(headers, "X-Amz-Security-Token", in->session_token);
    canonical_headers(&s, headers);
    rc = compute(&s, in->query, in->query_count, ei);
    if (rc == E_OK)
        s3_headers_addf(
            headers, "Authorization", ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
            in->access_key, buf_str(&s.scope), buf_str(&s.signed_names), s.trace.signature);
    signing_done(&s, trace);
    return rc;
}

int
sigv4_presign(const struct sigv4_input *in, const struct s3_headers *headers, int64_t seconds,
              struct buf *out, struct sigv4_trace *trace, struct errinfo *ei)
{
    struct s3_headers query = S3_HEADERS_INIT;
    struct signing s;
    int rc;

    if (s3_headers_find(headers, "host") == NULL)
        return errinfo_set(ei, E_INVALID, "no host header to sign");
    if (seconds < 1 || seconds > EXPIRE_MAX)
        return errinfo_set(ei, E_INVALID, "a presigned URL lives 1 to %d seconds, not %lld",
                           EXPIRE_MAX, (long long)seconds);
    signing_init(&s, in);
    canonical_headers(&s, headers);
    s3_headers_copy(&query, in->query, in->query_count);
    s3_headers_add(&query, "X-Amz-Algorithm", ALGORITHM);
    s3_headers_addf(&query, "X-Amz-Credential", "%s/%s", in->access_key, buf_str(&s.scope));
    s3_headers_add(&query, "X-Amz-Date", s.date);
    s3_headers_addf(&query, "X-Amz-Expires", "%lld", (long long)seconds);
    s3_headers_add(&query, "X-Amz-SignedHeaders", buf_str(&s.signed_names));
    if (has_token(in))
        s3_headers_add(&query, "X-Amz-Security-Token", in->session_token);
    rc = compute(&s, query.list, query.count, ei);
    if (rc == E_OK) {
        buf_printf(out, "%s?", in->path);
        sigv4_encode_query(out, query.list, query.count);
        buf_printf(out, "&X-Amz-Signature=%s", s.trace.signature);
    }
    s3_headers_done(&query);
    signing_done(&s, trace);
    return rc;
}
