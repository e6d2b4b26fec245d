#include "common/base/digest.h"

#include "common/base/buf.h"
#include "common/base/errinfo.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct digest {
    EVP_MD_CTX *ctx;
};

struct digest *
digest_new(void)
{
    struct digest *d = mem_alloc(sizeof(*d));

    d->ctx = EVP_MD_CTX_new();
    if (d->ctx == NULL)
        bug("EVP_MD_CTX_new failed");
    digest_reset(d);
    return d;
}

void
digest_free(struct digest *d)
{
    if (d == NULL)
        return;
    EVP_MD_CTX_free(d->ctx);
    free(d);
}

void
digest_reset(struct digest *d)
{
    if (EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1)
        bug("EVP_DigestInit_ex failed");
}

void
digest_update(struct digest *d, const void *p, size_t n)
{
    if (EVP_DigestUpdate(d->ctx, p, n) != 1)
        bug("EVP_DigestUpdate failed");
}

void
digest_final(struct digest *d, unsigned char out[DIGEST_SHA256_LEN])
{
    if (EVP_DigestFinal_ex(d->ctx, out, NULL) != 1)
        bug("EVP_DigestFinal_ex failed");
}

void
digest_final_hex(struct digest *d, char out[DIGEST_SHA256_HEX + 1])
{
    unsigned char raw[DIGEST_SHA256_LEN];

    digest_final(d, raw);
    digest_hex(raw, sizeof(raw), out);
}

static void
one_shot(const EVP_MD *md, const void *p, size_t n, unsigned char *out)
{
    if (EVP_Digest(p, n, out, NULL, md, NULL) != 1)
        bug("EVP_Digest failed");
}

void
digest_sha256(const void *p, size_t n, unsigned char out[DIGEST_SHA256_LEN])
{
    one_shot(EVP_sha256(), p, n, out);
}

void
digest_sha256_hex(const void *p, size_t n, char out[DIGEST_SHA256_HEX + 1])
{
    unsigned char raw[DIGEST_SHA256_LEN];

    one_shot(EVP_sha256(), p, n, raw);
    digest_hex(raw, sizeof(raw), out);
}

void
digest_sha1_hex(const void *p, size_t n, char out[DIGEST_SHA1_HEX + 1])
{
    unsigned char raw[20];

    one_shot(EVP_sha1(), p, n, raw);
    digest_hex(raw, sizeof(raw), out);
}

void
digest_md5_base64(const void *p, size_t n, char out[25])
{
    unsigned char raw[16];

    one_shot(EVP_md5(), p, n, raw);
    EVP_EncodeBlock((unsigned char *)out, raw, sizeof(raw));
}

void
digest_hmac_sha256(const void *key, size_t key_len, const void *p, size_t n,
                   unsigned char out[DIGEST_SHA256_LEN])
{
    unsigned int len = DIGEST_SHA256_LEN;

    if (HMAC(EVP_sha256(), key, (int)key_len, p, n, out, &len) == NULL)
        bug("HMAC failed");
}

void
digest_hex(const unsigned char *p, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    for (i = 0; i < n; i++) {
        out[2 * i] = digits[p[i] >> 4];
        out[2 * i + 1] = digits[p[i] & 15];
    }
    out[2 * n] = '\0';
}

bool
digest_equal(const char *a, const char *b)
{
    size_t n = strlen(a);

    return n == strlen(b) && CRYPTO_memcmp(a, b, n) == 0;
}

char *
digest_base64(const void *p, size_t n)
{
    char *out = mem_alloc(4 * ((n + 2) / 3) + 1);

    EVP_EncodeBlock((unsigned char *)out, p, (int)n);
    return out;
}

int
digest_base64_parse(const char *s, unsigned char *out, size_t *ret_len)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t n = strlen(s), body = strspn(s, set), pad = n - body, got = 0, i;
    uint32_t acc = 0;
    unsigned bits = 0;

    if (n % 4 != 0 || pad > 2 || strspn(s + body, "=") != pad)
        return E_INVALID;
    for (i = 0; i < body; i++) {
        acc = (acc << 6) | (uint32_t)(strchr(set, s[i]) - set);
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[got++] = (unsigned char)(acc >> bits);
        }
    }
    *ret_len = got;
    return E_OK;
}
