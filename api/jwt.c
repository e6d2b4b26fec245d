#include "api/jwt.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/json.h"

#include <string.h>

#define DOMAIN_MAX   100
#define SUBJECT_MAX  100
#define TABLES_MAX   8192
#define SECONDS_MAX  99999999999.0 /* more is milliseconds by mistake */
#define DOMAIN_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-"

static int
deny(struct errinfo *ei, const char *why)
{
    return errinfo_set(ei, E_DENIED, "%s", why);
}

/* The signature as it should be written: base64url without padding (RFC 4648 section 5). */
static bool
is_signed(const char *text, size_t len, const char *signature, const char *key)
{
    unsigned char mac[DIGEST_SHA256_LEN];
    char *want, *p;
    bool same;

    digest_hmac_sha256(key, strlen(key), text, len, mac);
    want = digest_base64(mac, sizeof(mac));
    for (p = want; *p != '\0'; p++)
        *p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
    want[strcspn(want, "=")] = '\0';
    same = digest_equal(want, signature);
    mem_wipe_free(want);
    return same;
}

/* A part as a JSON object; NULL: it is none. */
static struct json *
read_part(const char *part, size_t len)
{
    char *text = mem_zalloc(len + 4), *p;
    unsigned char *plain = mem_zalloc(len + 4);
    struct json *root = NULL;
    size_t n = 0;

    memcpy(text, part, len);
    if (strpbrk(text, "+/=") == NULL) {
        for (p = text; *p != '\0'; p++)
            *p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
        for (; len % 4 != 0; len++)
            text[len] = '=';
        if (digest_base64_parse(text, plain, &n) == E_OK &&
            json_parse((const char *)plain, n, &root, NULL) == E_OK &&
            json_type(root) != JSON_OBJECT) {
            json_free(root);
            root = NULL;
        }
    }
    free(text);
    free(plain);
    return root;
}

static int
check_header(const struct json *h, struct errinfo *ei)
{
    if (h == NULL)
        return deny(ei, "the token's header is not JSON");
    if (strcmp(json_get_string(h, "alg", ""), "HS256") != 0)
        return deny(ei, "the token's alg should be HS256");
    if (json_get(h, "crit") != NULL)
        return deny(ei, "the token's header has crit, of which nothing is known here");
    return E_OK;
}

/* Seconds of a claim as ms; false: there is a claim that is none. 0 where it is missing. */
static bool
read_time(const struct json *claims, const char *name, int64_t *ret_ms)
{
    const struct json *n = json_get(claims, name);
    double s = json_number(n, -1);

    *ret_ms = 0;
    if (n == NULL)
        return true;
    if (json_type(n) != JSON_NUMBER || !(s > 0) || s > SECONDS_MAX)
        return false;
    *ret_ms = (int64_t)(s * 1000);
    return true;
}

static int
check_times(const struct json *c, int64_t now_ms, struct jwt_claims *ret, struct errinfo *ei)
{
    int64_t not_before;

    if (!read_time(c, "exp", &ret->expires_ms) || !read_time(c, "nbf", &not_before))
        return deny(ei, "the token's exp and nbf should be numbers of seconds since 1970");
    if (ret->expires_ms == 0)
        return deny(ei, "the token has no exp");
    if (ret->expires_ms <= now_ms)
        return deny(ei, "the token has expired");
    if (not_before > now_ms + JWT_LEEWAY_MS)
        return deny(ei, "the token is not valid yet");
    return E_OK;
}

/* NULL: neither a text nor a list of texts, or nothing in it. */
static char *
read_tables(const struct json *n)
{
    struct buf b = BUF_INIT(TABLES_MAX);
    const struct json *each = json_type(n) == JSON_ARRAY ? json_first(n) : n;
    const char *text;

    for (; each != NULL; each = json_type(n) == JSON_ARRAY ? json_next(each) : NULL) {
        text = json_string(each, "");
        if (text[0] == '\0') {
            buf_done(&b);
            return NULL;
        }
        if (b.len > 0)
            buf_puts(&b, ",");
        buf_puts(&b, text);
    }
    if (b.failed || b.len == 0) {
        buf_done(&b);
        return NULL;
    }
    return buf_take(&b);
}

static bool
is_visible(const char *s, size_t max)
{
    size_t i;

    for (i = 0; s[i] > ' ' && s[i] < 0x7f; i++)
        ;
    return s[i] == '\0' && i > 0 && i <= max;
}

static int
read_claims(const struct json *c, int64_t now_ms, struct jwt_claims *ret, struct errinfo *ei)
{
    const char *domain = json_get_string(c, "domain", "");
    const struct json *subject = json_get(c, "sub"), *read_only = json_get(c, "readOnly");
    const struct json *tables = json_get(c, "tables");
    size_t n = strspn(domain, DOMAIN_CHARS);

    if (c == NULL)
        return deny(ei, "the token's claims are not JSON");
    if (check_times(c, now_ms, ret, ei) < 0)
        return E_DENIED;
    if (n == 0 || n > DOMAIN_MAX || domain[n] != '\0')
        return deny(ei, "the token's domain should be the name of a domain");
    ret->domain = mem_strdup(domain);
    ret->tables = tables != NULL ? read_tables(tables) : NULL;
    if (ret->tables == NULL)
        return deny(ei, "the token's tables should be globs: a list of texts");
    if (read_only != NULL && json_type(read_only) != JSON_BOOL)
        return deny(ei, "the token's readOnly should be true or false");
    ret->read_only = json_bool(read_only, false);
    if (subject != NULL && !is_visible(json_string(subject, ""), SUBJECT_MAX))
        return deny(ei, "the token's sub should be 1 to 100 visible ASCII characters");
    ret->subject = subject != NULL ? mem_strdup(json_string(subject, "")) : NULL;
    return E_OK;
}

int
jwt_verify(const char *token, const char *key, int64_t now_ms, struct jwt_claims *ret,
           struct errinfo *ei)
{
    const char *dot = strchr(token, '.'), *end = dot != NULL ? strchr(dot + 1, '.') : NULL;
    struct json *header = NULL, *claims = NULL;
    struct jwt_claims c = {0};
    int rc;

    if (end == NULL || strchr(end + 1, '.') != NULL)
        return deny(ei, "the token should be three parts with dots between them");
    if (!is_signed(token, (size_t)(end - token), end + 1, key))
        return deny(ei, "the token's signature is wrong");
    header = read_part(token, (size_t)(dot - token));
    claims = read_part(dot + 1, (size_t)(end - dot - 1));
    rc = check_header(header, ei);
    if (rc == E_OK)
        rc = read_claims(claims, now_ms, &c, ei);
    json_free(header);
    json_free(claims);
    if (rc < 0) {
        jwt_claims_done(&c);
        return rc;
    }
    *ret = c;
    return E_OK;
}

void
jwt_claims_done(struct jwt_claims *c)
{
    free(c->domain);
    free(c->subject);
    free(c->tables);
    *c = (struct jwt_claims){0};
}
