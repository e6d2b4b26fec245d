#include "worker/encode/csv_format.h"

#include <string.h>

static const char two_digits[] = "00010203040506070809101112131415161718192021222324"
                                 "25262728293031323334353637383940414243444546474849"
                                 "50515253545556575859606162636465666768697071727374"
                                 "75767778798081828384858687888990919293949596979899";

static unsigned
digits_of(uint64_t v)
{
    static const uint64_t power[] = {
        0,
        10ULL,
        100ULL,
        1000ULL,
        10000ULL,
        100000ULL,
        1000000ULL,
        10000000ULL,
        100000000ULL,
        1000000000ULL,
        10000000000ULL,
        100000000000ULL,
        1000000000000ULL,
        10000000000000ULL,
        100000000000000ULL,
        1000000000000000ULL,
        10000000000000000ULL,
        100000000000000000ULL,
        1000000000000000000ULL,
        10000000000000000000ULL,
    };
    /* bits * log10(2), then corrected by one comparison. */
    unsigned bits = 64u - (unsigned)__builtin_clzll(v | 1);
    unsigned guess = (bits * 1233u) >> 12;

    return guess + (v >= power[guess] ? 1u : 0u);
}

char *
csv_format_u64(char *p, uint64_t v)
{
    char *end = p + digits_of(v);
    char *at = end;

    while (v >= 100) {
        at -= 2;
        memcpy(at, two_digits + 2 * (v % 100), 2);
        v /= 100;
    }
    if (v >= 10)
        memcpy(at - 2, two_digits + 2 * v, 2);
    else
        at[-1] = (char)('0' + v);
    return end;
}

char *
csv_format_i64(char *p, int64_t v)
{
    uint64_t magnitude = (uint64_t)v;

    if (v < 0) {
        *p++ = '-';
        magnitude = 0 - magnitude;
    }
    return csv_format_u64(p, magnitude);
}

/* 19 digits with leading zeros. */
static char *
format_19(char *p, uint64_t v)
{
    for (int i = 17; i > 0; i -= 2) {
        memcpy(p + i, two_digits + 2 * (v % 100), 2);
        v /= 100;
    }
    p[0] = (char)('0' + v);
    return p + 19;
}

char *
csv_format_i128(char *p, uint64_t lower, int64_t upper)
{
    const unsigned __int128 base = 10000000000000000000ULL;
    unsigned __int128 v = ((unsigned __int128)(uint64_t)upper << 64) | lower;
    uint64_t parts[3];
    int n = 0;

    if (upper < 0) {
        *p++ = '-';
        v = 0 - v;
    }
    do {
        parts[n++] = (uint64_t)(v % base);
        v /= base;
    } while (v != 0);
    p = csv_format_u64(p, parts[--n]);
    while (n > 0)
        p = format_19(p, parts[--n]);
    return p;
}

char *
csv_format_ip4(char *p, uint32_t host_order)
{
    for (int shift = 24; shift >= 0; shift -= 8) {
        p = csv_format_u64(p, (host_order >> shift) & 255u);
        *p++ = '.';
    }
    return p - 1;
}
