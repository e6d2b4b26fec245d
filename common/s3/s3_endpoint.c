#include "common/s3/s3_endpoint.h"

#include "common/s3/sigv4.h"

#include <arpa/inet.h>
#include <ctype.h>

/* --- partitions and regions ------------------------------------------------------------------ */

struct partition {
    const char *id;
    const char *prefixes; /* first words of its regions, each between blanks */
    const char *suffix;
    bool dualstack, fips;
};

static const struct partition partitions[] = {
    {"aws", " af ap ca eu il me mx sa us ", "amazonaws.com", true, true},
    {"aws-cn", " cn ", "amazonaws.com.cn", true, false},
    {"aws-us-gov", " us-gov ", "amazonaws.com", true, true},
    {"aws-iso", " us-iso ", "c2s.ic.gov", false, true},
    {"aws-iso-b", " us-isob ", "sc2s.sgov.gov", false, true},
    {"aws-iso-e", " eu-isoe ", "cloud.adc-e.uk", false, true},
    {"aws-iso-f", " us-isof ", "csp.hci.ic.gov", false, true},
    {"aws-eusc", " eusc-de ", "amazonaws.eu", false, true},
};

/* A region is <prefix>-<word>-<number>: "us-gov-west-1" has prefix "us-gov". */
static const struct partition *
find_partition(const char *region)
{
    size_t n = strlen(region), number, word, i;
    char needle[S3_REGION_MAX + 3];

    if (n > S3_REGION_MAX)
        return NULL;
    for (number = n; number > 0 && isdigit((unsigned char)region[number - 1]); number--)
        ;
    if (number == n || number < 2 || region[number - 1] != '-')
        return NULL;
    for (word = number - 1; word > 0 && islower((unsigned char)region[word - 1]); word--)
        ;
    if (word == number - 1 || word < 2 || region[word - 1] != '-')
        return NULL;
    snprintf(needle, sizeof(needle), " %.*s ", (int)(word - 1), region);
    for (i = 0; i < ARRAY_LEN(partitions); i++) {
        if (strstr(partitions[i].prefixes, needle) != NULL)
            return &partitions[i];
    }
    return NULL;
}

bool
s3_same_partition(const char *region_a, const char *region_b)
{
    const struct partition *a = find_partition(region_a);

    return a != NULL && a == find_partition(region_b);
}

static bool
only_chars(const char *s, const char *set)
{
    return s[strspn(s, set)] == '\0';
}

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"

int
s3_check_region(const char *region, bool custom_endpoint, struct errinfo *ei)
{
    size_t n = region != NULL ? strlen(region) : 0;

    if (n == 0)
        return errinfo_set(ei, E_INVALID, "region is empty");
    if (n > S3_REGION_MAX || !only_chars(region, LOWER UPPER DIGITS "-") || region[0] == '-' ||
        region[n - 1] == '-')
        return errinfo_set(ei, E_INVALID,
                           "region '%.64s' is no region name: letters, digits and inner hyphens, "
                           "at most %d",
                           region, S3_REGION_MAX);
    if (!custom_endpoint && find_partition(region) == NULL)
        return errinfo_set(ei, E_INVALID,
                           "region '%s' is no region of a known AWS partition (such as eu-west-1)",
                           region);
    return E_OK;
}

/* --- bucket names ---------------------------------------------------------------------------- */

static bool
ends_with(const char *s, const char *tail)
{
    size_t n = strlen(s), t = strlen(tail);

    return n >= t && strcmp(s + n - t, tail) == 0;
}

static bool
starts_with(const char *s, const char *head)
{
    return strncmp(s, head, strlen(head)) == 0;
}

static bool
bad_length(const char *s)
{
    return strlen(s) < 3 || strlen(s) > 63;
}

static bool
bad_chars(const char *s)
{
    return !only_chars(s, LOWER DIGITS ".-");
}

static bool
bad_ends(const char *s)
{
    size_t n = strlen(s);

    return !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]);
}

static bool
bad_dots(const char *s)
{
    return strstr(s, "..") != NULL;
}

static bool
is_ipv4(const char *s)
{
    struct in_addr a;

    return inet_pton(AF_INET, s, &a) == 1;
}

/* "1.2.3.4" as S3 means it: four numbers, whatever their size. */
static bool
looks_ipv4(const char *s)
{
    unsigned dots = 0;

    for (; *s != '\0'; s++) {
        if (*s == '.')
            dots++;
        else if (!isdigit((unsigned char)*s))
            return false;
    }
    return dots == 3;
}

static bool
bad_prefix(const char *s)
{
    return starts_with(s, "xn--") || starts_with(s, "sthree-") || starts_with(s, "amzn-s3-demo-");
}

static bool
bad_suffix(const char *s)
{
    return ends_with(s, "-s3alias") || ends_with(s, "--ol-s3") || ends_with(s, ".mrap") ||
           ends_with(s, "--x-s3") || ends_with(s, "--table-s3");
}

static const struct {
    bool (*broken)(const char *bucket);
    const char *rule;
} bucket_rules[] = {
    {bad_length, "must have 3 to 63 characters"},
    {bad_chars, "may hold only lower-case letters, digits, dots and hyphens"},
    {bad_ends, "must begin and end with a letter or a digit"},
    {bad_dots, "must not hold two dots in a row"},
    {looks_ipv4, "must not look like an IP address"},
    {bad_prefix, "must not begin with xn--, sthree- or amzn-s3-demo-"},
    {bad_suffix, "must not end with -s3alias, --ol-s3, .mrap, --x-s3 or --table-s3"},
};

int
s3_check_bucket_name(const char *bucket, struct errinfo *ei)
{
    size_t i;

    if (bucket == NULL || bucket[0] == '\0')
        return errinfo_set(ei, E_INVALID, "bucket name is empty");
    for (i = 0; i < ARRAY_LEN(bucket_rules); i++) {
        if (bucket_rules[i].broken(bucket))
            return errinfo_set(ei, E_INVALID, "bucket name '%.100s' %s", bucket,
                               bucket_rules[i].rule);
    }
    return E_OK;
}

/* --- keys ------------------------------------------------------------------------------------ */

/* RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF. */
static bool
valid_utf8(const char *s)
{
    static const struct {
        unsigned char first_lo, first_hi, second_lo, second_hi;
        unsigned more;
    } rows[] = {
        {0x00, 0x7f, 0, 0, 0},       {0xc2, 0xdf, 0x80, 0xbf, 1}, {0xe0, 0xe0, 0xa0, 0xbf, 2},
        {0xe1, 0xec, 0x80, 0xbf, 2}, {0xed, 0xed, 0x80, 0x9f, 2}, {0xee, 0xef, 0x80, 0xbf, 2},
        {0xf0, 0xf0, 0x90, 0xbf, 3}, {0xf1, 0xf3, 0x80, 0xbf, 3}, {0xf4, 0xf4, 0x80, 0x8f, 3},
    };
    const unsigned char *p = (const unsigned char *)s;
    unsigned i, k;

    while (*p != 0) {
        for (i = 0; i < ARRAY_LEN(rows); i++) {
            if (*p >= rows[i].first_lo && *p <= rows[i].first_hi)
                break;
        }
        if (i == ARRAY_LEN(rows))
            return false;
        if (rows[i].more > 0 && (p[1] < rows[i].second_lo || p[1] > rows[i].second_hi))
            return false;
        for (k = 2; k <= rows[i].more; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return false;
        }
        p += rows[i].more + 1;
    }
    return true;
}

static bool
has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return true;
    }
    return false;
}

/* Read from the left, no more ".." than names before: "a/../b" stays inside, "../b" does not. */
static bool
climbs_out(const char *key)
{
    long depth = 0;
    size_t n;

    for (;;) {
        n = strcspn(key, "/");
        if (n == 2 && strncmp(key, "..", 2) == 0)
            depth--;
        else if (n > 0 && !(n == 1 && key[0] == '.'))
            depth++;
        if (depth < 0)
            return true;
        if (key[n] == '\0')
            return false;
        key += n + 1;
    }
}

int
s3_check_key(const char *key, struct errinfo *ei)
{
    if (key == NULL || key[0] == '\0')
        return errinfo_set(ei, E_INVALID, "object key is empty");
    if (strlen(key) > S3_KEY_MAX)
        return errinfo_set(ei, E_INVALID, "object key is %zu bytes long, at most %d are allowed",
                           strlen(key), S3_KEY_MAX);
    if (!valid_utf8(key))
        return errinfo_set(ei, E_INVALID, "object key is not valid UTF-8");
    if (has_control(key))
        return errinfo_set(ei, E_INVALID, "object key holds a control character");
    if (climbs_out(key))
        return errinfo_set(ei, E_INVALID, "object key '%.200s' climbs out of the bucket by '..'",
                           key);
    if (strcmp(key, "soap") == 0)
        return errinfo_set(ei, E_INVALID, "object key 'soap' is reserved by S3");
    return E_OK;
}

/* --- endpoints ------------------------------------------------------------------------------- */

struct custom_endpoint {
    bool tls, is_ip;
    char host[256]; /* IPv6 in brackets */
    char port[8];   /* "" when it is the scheme's own */
};

static int
bad_endpoint(const char *endpoint, const char *why, struct errinfo *ei)
{
    return errinfo_set(ei, E_INVALID, "endpoint '%.200s' %s; expected http(s)://host[:port]",
                       endpoint, why);
}

static int
parse_port(const char *endpoint, const char *text, struct custom_endpoint *ret, struct errinfo *ei)
{
    long port;

    if (text[0] == '\0' || strlen(text) > 5 || !only_chars(text, DIGITS))
        return bad_endpoint(endpoint, "has no port number after ':'", ei);
    port = strtol(text, NULL, 10);
    if (port < 1 || port > 65535)
        return bad_endpoint(endpoint, "has a port out of 1-65535", ei);
    if (port != (ret->tls ? 443 : 80))
        snprintf(ret->port, sizeof(ret->port), ":%ld", port);
    return E_OK;
}

static bool
valid_host_name(const char *host)
{
    size_t n = strlen(host), run = 0, i;

    if (n == 0 || n > 253 || !only_chars(host, LOWER UPPER DIGITS "-."))
        return false;
    for (i = 0; i <= n; i++) {
        if (i == n || host[i] == '.') {
            if (run == 0 || run > 63 || host[i - 1] == '-' || host[i - run] == '-')
                return false;
            run = 0;
        } else {
            run++;
        }
    }
    return true;
}

static int
parse_custom(const char *endpoint, struct custom_endpoint *ret, struct errinfo *ei)
{
    const char *p, *end, *host_end;
    struct in6_addr a6;
    char text[256], inner[64];

    memset(ret, 0, sizeof(*ret));
    ret->tls = starts_with(endpoint, "https://");
    if (!ret->tls && !starts_with(endpoint, "http://"))
        return bad_endpoint(endpoint, "does not begin with http:// or https://", ei);
    p = endpoint + (ret->tls ? 8 : 7);
    end = p + strlen(p);
    if (end > p && end[-1] == '/')
        end--;
    if ((size_t)(end - p) >= sizeof(text))
        return bad_endpoint(endpoint, "is too long", ei);
    snprintf(text, sizeof(text), "%.*s", (int)(end - p), p);
    if (strpbrk(text, "/?#@\\") != NULL)
        return bad_endpoint(endpoint, "has more than host and port", ei);
    host_end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");
    if (host_end == NULL)
        return bad_endpoint(endpoint, "has no ']'", ei);
    if (text[0] == '[')
        host_end++;
    snprintf(ret->host, sizeof(ret->host), "%.*s", (int)(host_end - text), text);
    if (text[0] == '[') {
        snprintf(inner, sizeof(inner), "%.*s", (int)(host_end - text - 2), text + 1);
        ret->is_ip = true;
        if (inet_pton(AF_INET6, inner, &a6) != 1)
            return bad_endpoint(endpoint, "has no IPv6 address in its brackets", ei);
    } else {
        ret->is_ip = is_ipv4(ret->host);
        if (!valid_host_name(ret->host) || (looks_ipv4(ret->host) && !ret->is_ip))
            return bad_endpoint(endpoint, "has no valid host name", ei);
    }
    if (*host_end == '\0')
        return E_OK;
    if (*host_end != ':')
        return bad_endpoint(endpoint, "has text between ']' and the port", ei);
    return parse_port(endpoint, host_end + 1, ret, ei);
}

static int
resolve_amazon(const struct s3_endpoint_spec *spec, struct s3_endpoint *ret, struct errinfo *ei)
{
    const struct partition *part = find_partition(spec->region);
    char service[128];

    if (spec->dualstack && !part->dualstack)
        return errinfo_set(ei, E_INVALID, "partition %s has no dual-stack endpoints", part->id);
    if (spec->fips && !part->fips)
        return errinfo_set(ei, E_INVALID, "partition %s has no FIPS endpoints", part->id);
    snprintf(service, sizeof(service), "s3%s%s.%s.%s", spec->fips ? "-fips" : "",
             spec->dualstack ? ".dualstack" : "", spec->region, part->suffix);
    ret->tls = true;
    ret->amazon = true;
    ret->bucket_in_path = spec->path_style || strchr(spec->bucket, '.') != NULL;
    if (ret->bucket_in_path)
        snprintf(ret->host, sizeof(ret->host), "%s", service);
    else
        snprintf(ret->host, sizeof(ret->host), "%s.%s", spec->bucket, service);
    return E_OK;
}

static int
resolve_custom(const struct s3_endpoint_spec *spec, struct s3_endpoint *ret, struct errinfo *ei)
{
    struct custom_endpoint ce;
    int rc;

    if (spec->dualstack || spec->fips)
        return errinfo_set(ei, E_INVALID,
                           "an endpoint of one's own takes neither dual-stack nor FIPS");
    rc = parse_custom(spec->endpoint, &ce, ei);
    if (rc < 0)
        return rc;
    ret->tls = ce.tls;
    ret->bucket_in_path = spec->path_style || strchr(spec->bucket, '.') != NULL || ce.is_ip ||
                          strchr(ce.host, '.') == NULL;
    if (ret->bucket_in_path)
        snprintf(ret->host, sizeof(ret->host), "%s%s", ce.host, ce.port);
    else
        snprintf(ret->host, sizeof(ret->host), "%s.%s%s", spec->bucket, ce.host, ce.port);
    return E_OK;
}

int
s3_endpoint_resolve(const struct s3_endpoint_spec *spec, struct s3_endpoint *ret,
                    struct errinfo *ei)
{
    bool custom = spec->endpoint != NULL && spec->endpoint[0] != '\0';
    struct s3_endpoint ep;
    int rc;

    memset(&ep, 0, sizeof(ep));
    rc = s3_check_bucket_name(spec->bucket, ei);
    if (rc < 0)
        return rc;
    rc = s3_check_region(spec->region, custom, ei);
    if (rc < 0)
        return rc;
    snprintf(ep.bucket, sizeof(ep.bucket), "%s", spec->bucket);
    rc = custom ? resolve_custom(spec, &ep, ei) : resolve_amazon(spec, &ep, ei);
    if (rc == E_OK)
        *ret = ep;
    return rc;
}

void
s3_endpoint_origin(const struct s3_endpoint *ep, struct buf *out)
{
    buf_printf(out, "%s://%s", ep->tls ? "https" : "http", ep->host);
}

void
s3_endpoint_path(const struct s3_endpoint *ep, const char *key, struct buf *out)
{
    if (ep->bucket_in_path)
        buf_printf(out, "/%s", ep->bucket);
    if (key != NULL || !ep->bucket_in_path)
        buf_putc(out, '/');
    if (key != NULL)
        sigv4_encode(out, key, true);
}
