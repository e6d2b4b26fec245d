#include "api/client/s3_sign.h"

#include "common/base/clock.h"
#include "common/base/json.h"
#include "common/s3/s3_request.h"
#include "common/s3/sigv4.h"

#include <ctype.h>
#include <strings.h>
#include <time.h>

#define URL_MAX (64 * 1024)

/* --- the members of the request -------------------------------------------------------------- */

/* A member that is misspelt or of another type would be signed as if it were not there. */
static int
check_members(const struct json *root, struct errinfo *ei)
{
    static const struct {
        const char *name;
        enum json_type type;
        bool needed;
    } members[] = {
        {"method", JSON_STRING, false},        {"url", JSON_STRING, true},
        {"headers", JSON_OBJECT, false},       {"body", JSON_STRING, false},
        {"payload_hash", JSON_STRING, false},  {"region", JSON_STRING, true},
        {"service", JSON_STRING, false},       {"time", JSON_STRING, false},
        {"access_key", JSON_STRING, true},     {"secret_key", JSON_STRING, true},
        {"session_token", JSON_STRING, false}, {"presign_seconds", JSON_NUMBER, false},
        {"normalize_path", JSON_BOOL, false},  {"double_encode", JSON_BOOL, false},
    };
    const struct json *m;
    size_t i;

    if (json_type(root) != JSON_OBJECT)
        return errinfo_set(ei, E_INVALID, "the request must be a JSON object");
    for (m = json_first(root); m != NULL; m = json_next(m)) {
        for (i = 0; i < ARRAY_LEN(members) && strcmp(members[i].name, json_key(m)) != 0; i++)
            ;
        if (i == ARRAY_LEN(members))
            return errinfo_set(ei, E_INVALID, "there is no member '%.60s'", json_key(m));
        if (json_type(m) != members[i].type && json_type(m) != JSON_NULL)
            return errinfo_set(ei, E_INVALID, "%s must be %s, not %s", members[i].name,
                               json_type_name(members[i].type), json_type_name(json_type(m)));
    }
    for (i = 0; i < ARRAY_LEN(members); i++) {
        if (members[i].needed && json_get_string(root, members[i].name, "")[0] == '\0')
            return errinfo_set(ei, E_INVALID, "%s is missing", members[i].name);
    }
    return E_OK;
}

static int
read_time(const struct json *root, int64_t *ret, struct errinfo *ei)
{
    const char *text = json_get_string(root, "time", NULL), *end;
    struct tm tm = {0};

    *ret = clock_now_ms() / 1000;
    if (text == NULL)
        return E_OK;
    end = strptime(text, "%Y%m%dT%H%M%SZ", &tm);
    if (end == NULL || *end != '\0' || strlen(text) != 16)
        return errinfo_set(ei, E_INVALID, "time must look like 20130524T000000Z");
    *ret = (int64_t)timegm(&tm);
    return E_OK;
}

/* --- the URL --------------------------------------------------------------------------------- */

struct parts {
    bool tls;
    struct buf host, path;
    struct s3_headers query;
};

static int
hex_of(const char *s)
{
    static const char digits[] = "0123456789abcdef";
    const char *high, *low;

    if (s[0] == '\0' || s[1] == '\0')
        return -1;
    high = strchr(digits, tolower((unsigned char)s[0]));
    low = strchr(digits, tolower((unsigned char)s[1]));
    return high != NULL && low != NULL ? (int)((high - digits) * 16 + (low - digits)) : -1;
}

/* What stands for a byte already stays; what has no place in a path is encoded. */
static void
encode_path(const char *s, size_t n, struct buf *out)
{
    size_t i;

    for (i = 0; i < n; i++) {
        const char one[2] = {s[i], '\0'};

        if (s[i] == '%' && i + 2 < n && hex_of(s + i + 1) >= 0)
            buf_putc(out, '%');
        else
            sigv4_encode(out, one, true);
    }
}

static int
decode(const char *s, size_t n, struct buf *out, struct errinfo *ei)
{
    size_t i;
    int c;

    for (i = 0; i < n; i++) {
        c = s[i] == '%' && i + 2 < n ? hex_of(s + i + 1) : -1;
        if (c == 0)
            return errinfo_set(ei, E_INVALID, "url: %%00 in the query");
        buf_putc(out, c > 0 ? (char)c : s[i]);
        if (c > 0)
            i += 2;
    }
    return E_OK;
}

static int
split_query(const char *s, struct s3_headers *query, struct errinfo *ei)
{
    int rc = E_OK;

    while (*s != '\0' && rc == E_OK) {
        size_t n = strcspn(s, "&"), name = strcspn(s, "=&");
        struct buf k = BUF_INIT(URL_MAX), v = BUF_INIT(URL_MAX);

        rc = decode(s, name, &k, ei);
        if (rc == E_OK && name < n)
            rc = decode(s + name + 1, n - name - 1, &v, ei);
        if (rc == E_OK && n > 0)
            s3_headers_add(query, buf_str(&k), buf_str(&v));
        buf_done(&k);
        buf_done(&v);
        s += n + (s[n] == '&');
    }
    return rc;
}

static int
split_url(const char *url, bool verbatim, struct parts *p, struct errinfo *ei)
{
    const char *host, *path, *query, *port;
    size_t n;

    p->tls = strncasecmp(url, "https://", 8) == 0;
    if ((!p->tls && strncasecmp(url, "http://", 7) != 0) || strlen(url) > URL_MAX ||
        strchr(url, '#') != NULL)
        return errinfo_set(ei, E_INVALID,
                           "url must be http(s)://host[:port][/path][?query], at most %d bytes",
                           URL_MAX);
    host = url + (p->tls ? 8 : 7);
    path = host + strcspn(host, "/?");
    query = path + strcspn(path, "?");
    n = (size_t)(path - host);
    if (n == 0 || n > 255 || memchr(host, '@', n) != NULL)
        return errinfo_set(ei, E_INVALID, "url: there is no usable host in it");
    /* Clients leave the scheme's own port out of the Host header. */
    port = p->tls ? ":443" : ":80";
    if (n > strlen(port) && strncmp(path - strlen(port), port, strlen(port)) == 0)
        n -= strlen(port);
    buf_append(&p->host, host, n);
    if (path == query)
        buf_putc(&p->path, '/');
    else if (verbatim)
        buf_append(&p->path, path, (size_t)(query - path));
    else
        encode_path(path, (size_t)(query - path), &p->path);
    return *query == '?' ? split_query(query + 1, &p->query, ei) : E_OK;
}

/* --- headers --------------------------------------------------------------------------------- */

static int
add_header(struct s3_headers *to, const char *name, const struct json *value, struct errinfo *ei)
{
    struct s3_header h = {name, json_string(value, NULL)};
    int rc = h.value == NULL ? errinfo_set(ei, E_INVALID,
                                           "header '%.60s' must be a string or a "
                                           "list of strings",
                                           name)
                             : s3_check_header(&h, ei);

    if (rc == E_OK)
        s3_headers_add(to, h.name, h.value);
    return rc;
}

/* Those that signing makes itself are left out: time and session_token say what they are. */
static int
read_headers(const struct json *object, bool token, struct s3_headers *to, struct errinfo *ei)
{
    const struct json *m, *v;
    int rc = E_OK;

    if (object == NULL || json_type(object) != JSON_OBJECT)
        return E_OK;
    for (m = json_first(object); m != NULL && rc == E_OK; m = json_next(m)) {
        if (strcasecmp(json_key(m), "x-amz-date") == 0 ||
            (token && strcasecmp(json_key(m), "x-amz-security-token") == 0))
            continue;
        if (json_type(m) != JSON_ARRAY) {
            rc = add_header(to, json_key(m), m, ei);
            continue;
        }
        for (v = json_first(m); v != NULL && rc == E_OK; v = json_next(v))
            rc = add_header(to, json_key(m), v, ei);
    }
    return rc;
}

/* --- signing --------------------------------------------------------------------------------- */

static int
sign(const struct json *root, struct parts *p, struct s3_headers *headers, struct buf *out,
     struct errinfo *ei)
{
    int64_t presign = json_get_int(root, "presign_seconds", 0);
    const char *body = json_get_string(root, "body", NULL);
    char hash[DIGEST_SHA256_HEX + 1];
    struct sigv4_trace trace;
    struct json_writer w;
    struct buf url = BUF_INIT(4 * URL_MAX);
    struct sigv4_input in = {
        .method = json_get_string(root, "method", "GET"),
        .path = buf_str(&p->path),
        .query = p->query.list,
        .query_count = p->query.count,
        .payload_hash = json_get_string(root, "payload_hash", NULL),
        .region = json_get_string(root, "region", NULL),
        .service = json_get_string(root, "service", "s3"),
        .access_key = json_get_string(root, "access_key", NULL),
        .secret_key = json_get_string(root, "secret_key", NULL),
        .session_token = json_get_string(root, "session_token", NULL),
        .normalize_path = json_get_bool(root, "normalize_path", false),
        .double_encode = json_get_bool(root, "double_encode", false),
    };
    int rc = read_time(root, &in.unix_s, ei);

    digest_sha256_hex(body != NULL ? body : "", body != NULL ? strlen(body) : 0, hash);
    if (in.payload_hash == NULL) /* whoever uses a presigned URL of S3 brings the body */
        in.payload_hash =
            presign > 0 && body == NULL && strcmp(in.service, "s3") == 0 ? SIGV4_UNSIGNED : hash;
    if (presign > 0)
        buf_printf(&url, "%s://%s", p->tls ? "https" : "http", buf_str(&p->host));
    sigv4_trace_init(&trace);
    if (rc == E_OK)
        rc = presign > 0 ? sigv4_presign(&in, headers, presign, &url, &trace, ei)
                         : sigv4_sign_headers(&in, headers, &trace, ei);
    if (rc == E_OK) {
        json_w_init(&w, out);
        json_w_object(&w);
        json_w_kv_string(&w, "canonical_request", buf_str(&trace.canonical_request));
        json_w_kv_string(&w, "string_to_sign", buf_str(&trace.string_to_sign));
        json_w_kv_string(&w, "signature", trace.signature);
        json_w_kv_string(&w, presign > 0 ? "url" : "authorization",
                         presign > 0 ? buf_str(&url) : s3_headers_find(headers, "authorization"));
        json_w_object_end(&w);
        buf_putc(out, '\n');
    }
    sigv4_trace_done(&trace);
    buf_wipe(&url);
    return rc;
}

int
client_s3_sign(const char *json, size_t len, struct buf *out, struct errinfo *ei)
{
    struct parts p = {.host = BUF_INIT(256), .path = BUF_INIT(3 * URL_MAX)};
    struct s3_headers headers = S3_HEADERS_INIT;
    struct json *root = NULL;
    int rc = json_parse(json, len, &root, ei);

    if (rc == E_OK)
        rc = check_members(root, ei);
    if (rc == E_OK && json_get_int(root, "presign_seconds", 0) < 0)
        rc = errinfo_set(ei, E_INVALID, "presign_seconds must be 1 to 604800");
    if (rc == E_OK)
        rc = split_url(json_get_string(root, "url", ""),
                       json_get_bool(root, "double_encode", false), &p, ei);
    if (rc == E_OK)
        rc = read_headers(json_get(root, "headers"),
                          json_get_string(root, "session_token", NULL) != NULL, &headers, ei);
    if (rc == E_OK && s3_headers_find(&headers, "host") == NULL)
        s3_headers_add(&headers, "Host", buf_str(&p.host));
    if (rc == E_OK)
        rc = sign(root, &p, &headers, out, ei);
    s3_headers_done(&headers);
    s3_headers_done(&p.query);
    buf_done(&p.host);
    buf_done(&p.path);
    json_free(root);
    return rc;
}
