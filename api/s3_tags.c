#include "api/s3_tags.h"

#include "common/base/buf.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* n bytes of text, decoded; out holds n + 1. False: a '%' without two digits, or a NUL. */
static bool
decode(const char *text, size_t n, char *out)
{
    size_t i;
    int hi, lo;

    for (i = 0; i < n; i++) {
        if (text[i] != '%') {
            *out++ = text[i] == '+' ? ' ' : text[i];
            continue;
        }
        hi = i + 2 < n ? hex_digit(text[i + 1]) : -1;
        lo = i + 2 < n ? hex_digit(text[i + 2]) : -1;
        if (hi < 0 || lo < 0 || (hi == 0 && lo == 0))
            return false;
        *out++ = (char)(unsigned char)(hi << 4 | lo);
        i += 2;
    }
    *out = '\0';
    return true;
}

static bool
is_tag_text(const char *s)
{
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;

        if (c < 0x80 && !isalnum(c) && strchr(" +-=._:/@", c) == NULL)
            return false;
    }
    return true;
}

/* Of UTF-8: bytes that do not go on with a character. */
static size_t
characters(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static int
check_tag(char *const *keys, size_t count, const char *key, const char *value, struct errinfo *ei)
{
    size_t i;

    if (key[0] == '\0')
        return errinfo_set(ei, E_INVALID, "has a tag without a key");
    if (characters(key) > S3_TAG_KEY_MAX)
        return errinfo_set(ei, E_INVALID, "has a key longer than %d characters", S3_TAG_KEY_MAX);
    if (characters(value) > S3_TAG_VALUE_MAX)
        return errinfo_set(ei, E_INVALID, "has a value longer than %d characters",
                           S3_TAG_VALUE_MAX);
    if (!is_tag_text(key) || !is_tag_text(value))
        return errinfo_set(ei, E_INVALID,
                           "has something else than letters, digits, blanks and + - = . _ : / @ in "
                           "a key or value");
    if (strncmp(key, "aws:", 4) == 0)
        return errinfo_set(ei, E_INVALID, "has a key with aws: in front, which is Amazon's own");
    for (i = 0; i < count; i++) {
        if (strcmp(keys[i], key) == 0)
            return errinfo_set(ei, E_INVALID, "has the key '%.40s' twice", key);
    }
    return E_OK;
}

/* One pair k=v of n bytes. The decoded key is added to keys. */
static int
take_pair(const char *pair, size_t n, char **keys, size_t *count, struct errinfo *ei)
{
    const char *eq = memchr(pair, '=', n);
    char *key, *value;
    size_t k;
    int rc;

    if (eq == NULL || memchr(eq + 1, '=', n - (size_t)(eq + 1 - pair)) != NULL)
        return errinfo_set(ei, E_INVALID, "must be k=v&k2=v2 (a '=' inside is %%3D)");
    if (*count == S3_TAGS_MAX)
        return errinfo_set(ei, E_INVALID, "has more than %d tags", S3_TAGS_MAX);
    k = (size_t)(eq - pair);
    key = mem_zalloc(n + 1);
    value = mem_zalloc(n + 1);
    if (!decode(pair, k, key) || !decode(eq + 1, n - k - 1, value))
        rc = errinfo_set(ei, E_INVALID, "has a '%%' that is not followed by two hex digits");
    else
        rc = check_tag(keys, *count, key, value, ei);
    free(value);
    keys[(*count)++] = key;
    return rc;
}

int
s3_tags_check(const char *v, struct errinfo *ei)
{
    char *keys[S3_TAGS_MAX];
    size_t count = 0, n, i;
    int rc = E_OK;

    for (i = 0; v[i] != '\0'; i++) {
        if (v[i] <= ' ' || v[i] > '~')
            return errinfo_set(ei, E_INVALID,
                               "must be percent-encoded where it is no visible ASCII");
    }
    for (;;) {
        n = strcspn(v, "&");
        rc = take_pair(v, n, keys, &count, ei);
        if (rc < 0 || v[n] == '\0')
            break;
        v += n + 1;
    }
    for (i = 0; i < count; i++)
        free(keys[i]);
    return rc;
}
