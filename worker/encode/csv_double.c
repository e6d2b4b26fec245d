#include "worker/encode/csv_format.h"

#include <pthread.h>
#include <string.h>

/*
 * Shortest decimal form of binary floating point numbers: the Schubfach algorithm (Raffaello
 * Giulietti, "The Schubfach way to render doubles", 2020). Among the decimals that round to the
 * value it takes one with the fewest digits, and of those the closest.
 *
 * It needs 10^k to 128 bits for each k that a double can ask for. The table is computed once, with
 * whole numbers, instead of standing here as 617 pairs of constants.
 */

#define POW10_MIN  (-292)
#define POW10_MAX  324
#define LIMBS      40 /* 64-bit digits of a big number: 2,560 bits hold 2^2400 and 10^324 */
#define SCALE_BITS 2400

struct u128 {
    uint64_t hi, lo;
};

static struct u128 pow10_table[POW10_MAX - POW10_MIN + 1];
static pthread_once_t pow10_once = PTHREAD_ONCE_INIT;

/* The 128 bits from the topmost set bit on; rounded up unless what is cut off is zero (exact). */
static struct u128
top_bits(const uint64_t *n, bool exact)
{
    struct u128 r;
    int top = LIMBS - 1;
    int shift;
    uint64_t w[3];
    bool rest;

    while (n[top] == 0)
        top--;
    for (int i = 0; i < 3; i++)
        w[i] = top - i >= 0 ? n[top - i] : 0;
    shift = __builtin_clzll(w[0]);
    r.hi = shift != 0 ? w[0] << shift | w[1] >> (64 - shift) : w[0];
    r.lo = shift != 0 ? w[1] << shift | w[2] >> (64 - shift) : w[1];
    rest = !exact || (shift != 0 ? w[2] << shift : w[2]) != 0;
    for (int i = top - 3; !rest && i >= 0; i--)
        rest = n[i] != 0;
    if (rest && ++r.lo == 0)
        r.hi++;
    return r;
}

static void
fill_pow10_table(void)
{
    uint64_t n[LIMBS] = {1};
    unsigned __int128 t;

    for (int k = 0; k <= POW10_MAX; k++) {
        pow10_table[k - POW10_MIN] = top_bits(n, true);
        t = 0;
        for (int i = 0; i < LIMBS; i++) {
            t += (unsigned __int128)n[i] * 10;
            n[i] = (uint64_t)t;
            t >>= 64;
        }
    }
    /* floor(floor(x / 10) / 10) = floor(x / 100): dividing on keeps the result exact. */
    memset(n, 0, sizeof(n));
    n[SCALE_BITS / 64] = 1ULL << (SCALE_BITS % 64);
    for (int k = -1; k >= POW10_MIN; k--) {
        t = 0;
        for (int i = LIMBS - 1; i >= 0; i--) {
            t = t << 64 | n[i];
            n[i] = (uint64_t)(t / 10);
            t %= 10;
        }
        pow10_table[k - POW10_MIN] = top_bits(n, false);
    }
}

/* Upper 64 bits of g * cp / 2^64, the last bit set where anything was cut off ("round to odd"). */
static uint64_t
round_to_odd(struct u128 g, uint64_t cp)
{
    uint64_t x = (uint64_t)((unsigned __int128)g.lo * cp >> 64);
    unsigned __int128 y = (unsigned __int128)g.hi * cp + x;

    return (uint64_t)(y >> 64) | ((uint64_t)y > 1 ? 1u : 0u);
}

/* c * 2^q -> digits * 10^exponent. lower_closer: c is a power of two, so that the next smaller
 * value is half as far away as the next larger one. */
static uint64_t
shortest(uint64_t c, int q, bool lower_closer, int *ret_exponent)
{
    /* floor(log10(2^q)), or of 3/4 of it; floor(log2(10^-k)): integer approximations that hold
     * over the range of doubles. */
    int k = (q * 1262611 - (lower_closer ? 524031 : 0)) >> 22;
    int h = q + ((-k * 1741647) >> 19) + 1;
    struct u128 g = pow10_table[-k - POW10_MIN];
    uint64_t odd = c & 1;
    uint64_t lower = round_to_odd(g, (4 * c - 2 + (lower_closer ? 1u : 0u)) << h) + odd;
    uint64_t value = round_to_odd(g, (4 * c) << h);
    uint64_t upper = round_to_odd(g, (4 * c + 2) << h) - odd;
    uint64_t s = value / 4;
    uint64_t s10 = s / 10;
    bool below, above;

    if (s >= 10) {
        below = lower <= 40 * s10;
        above = 40 * s10 + 40 <= upper;
        if (below != above) {
            *ret_exponent = k + 1;
            return s10 + (above ? 1u : 0u);
        }
    }
    *ret_exponent = k;
    below = lower <= 4 * s;
    above = 4 * s + 4 <= upper;
    if (below != above)
        return s + (above ? 1u : 0u);
    return s + (value > 4 * s + 2 || (value == 4 * s + 2 && (s & 1) != 0) ? 1u : 0u);
}

static char *
put_zeros(char *p, int n)
{
    memset(p, '0', (size_t)n);
    return p + n;
}

/* digits * 10^exponent as text. */
static char *
format_decimal(char *p, uint64_t digits, int exponent)
{
    char text[24];
    int n, point;

    while (digits % 10 == 0) {
        digits /= 10;
        exponent++;
    }
    n = (int)(csv_format_u64(text, digits) - text);
    point = n + exponent; /* digits before the decimal point */
    if (point > 0 && point <= 21) {
        int whole = point < n ? point : n;

        memcpy(p, text, (size_t)whole);
        p = put_zeros(p + whole, point - whole);
        if (whole == n)
            return p;
        *p++ = '.';
        memcpy(p, text + whole, (size_t)(n - whole));
        return p + (n - whole);
    }
    if (point <= 0 && point > -6) {
        *p++ = '0';
        *p++ = '.';
        p = put_zeros(p, -point);
        memcpy(p, text, (size_t)n);
        return p + n;
    }
    *p++ = text[0];
    if (n > 1) {
        *p++ = '.';
        memcpy(p, text + 1, (size_t)(n - 1));
        p += n - 1;
    }
    *p++ = 'e';
    return csv_format_i64(p, point - 1);
}

static char *
format_special(char *p, bool is_nan, bool negative)
{
    const char *word = is_nan ? "NaN" : negative ? "-Infinity" : "Infinity";
    size_t n = strlen(word);

    memcpy(p, word, n);
    return p + n;
}

/* fraction and exponent as IEEE 754 stores them; bits: of the fraction. */
static char *
format_binary(char *p, uint64_t fraction, int exponent, int bits, int bias)
{
    uint64_t digits;
    int e10;

    pthread_once(&pow10_once, fill_pow10_table);
    if (exponent == 0)
        digits = shortest(fraction, 1 - bias - bits, false, &e10);
    else
        digits = shortest(fraction | 1ULL << bits, exponent - bias - bits,
                          fraction == 0 && exponent > 1, &e10);
    return format_decimal(p, digits, e10);
}

char *
csv_format_f64(char *p, double v)
{
    uint64_t b, fraction;
    int exponent;
    bool negative;

    memcpy(&b, &v, sizeof(b));
    negative = b >> 63 != 0;
    fraction = b & ((1ULL << 52) - 1);
    exponent = (int)(b >> 52 & 2047);
    if (exponent == 2047)
        return format_special(p, fraction != 0, negative);
    if (negative) {
        *p++ = '-';
        v = -v;
    }
    /* Whole numbers below 2^53 are exact. */
    if (v < 9007199254740992.0 && (double)(uint64_t)v == v)
        return csv_format_u64(p, (uint64_t)v);
    return format_binary(p, fraction, exponent, 52, 1023);
}

char *
csv_format_f32(char *p, float v)
{
    uint32_t b, fraction;
    int exponent;
    bool negative;

    memcpy(&b, &v, sizeof(b));
    negative = b >> 31 != 0;
    fraction = b & ((1u << 23) - 1);
    exponent = (int)(b >> 23 & 255);
    if (exponent == 255)
        return format_special(p, fraction != 0, negative);
    if (negative) {
        *p++ = '-';
        v = -v;
    }
    if (v < 16777216.0f && (float)(uint32_t)v == v)
        return csv_format_u64(p, (uint32_t)v);
    return format_binary(p, fraction, exponent, 23, 127);
}
