#include "common/base/ids.h"

#include "common/base/errinfo.h"

#include <ctype.h>
#include <errno.h>
#include <sys/random.h>

void
ids_random(void *out, size_t n)
{
    char *p = out;
    ssize_t got;

    while (n > 0) {
        got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR)
            bug("getrandom: %s", strerror(errno));
        if (got > 0) {
            p += got;
            n -= (size_t)got;
        }
    }
}

uint64_t
ids_random_u64(void)
{
    uint64_t v;

    ids_random(&v, sizeof(v));
    return v;
}

static void
hex_of(const unsigned char *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

void
ids_uuid(char out[IDS_UUID_LEN + 1])
{
    unsigned char r[16];
    char hex[33];

    ids_random(r, sizeof(r));
    r[6] = (unsigned char)((r[6] & 0x0f) | 0x40); /* version 4, RFC 9562 section 5.4 */
    r[8] = (unsigned char)((r[8] & 0x3f) | 0x80);
    hex_of(r, sizeof(r), hex);
    snprintf(out, IDS_UUID_LEN + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}

void
ids_attempt(char out[IDS_ATTEMPT_LEN + 1])
{
    unsigned char r[16];

    ids_random(r, sizeof(r));
    hex_of(r, sizeof(r), out);
}

void
ids_cid(char out[IDS_CID_LEN + 1])
{
    unsigned char r[6];

    ids_random(r, sizeof(r));
    hex_of(r, sizeof(r), out);
}

void
ids_alnum(char *out, size_t n)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t i;

    for (i = 0; i < n; i++)
        out[i] = set[ids_random_u64() % (sizeof(set) - 1)];
    out[n] = '\0';
}

bool
ids_is_uuid(const char *s)
{
    size_t i;

    for (i = 0; i < IDS_UUID_LEN; i++) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (s[i] != '-')
                return false;
        } else if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f')) {
            return false;
        }
    }
    return s[i] == '\0';
}
