#include "common/base/seal.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/fs.h"
#include "common/base/ids.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

#define KEY_LEN   32
#define NONCE_LEN 12
#define TAG_LEN   16

struct seal {
    unsigned char key[KEY_LEN];
    char key_id[9]; /* first 8 hex digits of the key's SHA-256: tells keys apart, gives none away */
};

static int
hex_value(int c)
{
    if (isdigit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int
parse_key(const char *text, unsigned char key[KEY_LEN])
{
    size_t i;
    int hi, lo;

    if (strlen(text) != 2 * (size_t)KEY_LEN)
        return E_INVALID;
    for (i = 0; i < KEY_LEN; i++) {
        hi = hex_value((unsigned char)text[2 * i]);
        lo = hex_value((unsigned char)text[2 * i + 1]);
        if (hi < 0 || lo < 0)
            return E_INVALID;
        key[i] = (unsigned char)(hi * 16 + lo);
    }
    return E_OK;
}

int
seal_open(const char *key_file, struct seal **ret, struct errinfo *ei)
{
    char hex[DIGEST_SHA256_HEX + 1], *text;
    struct seal *s;
    int rc = fs_read_secret(key_file, &text, ei);

    if (rc < 0)
        return errinfo_prepend(ei, "master key");
    s = mem_zalloc(sizeof(*s));
    if (parse_key(text, s->key) < 0) {
        mem_wipe_free(text);
        seal_close(s);
        return errinfo_set(ei, E_INVALID,
                           "master key '%s': expected 64 lower-case hex digits; "
                           "'bucketline key master FILE' makes one",
                           key_file);
    }
    mem_wipe_free(text);
    digest_sha256_hex(s->key, KEY_LEN, hex);
    snprintf(s->key_id, sizeof(s->key_id), "%.8s", hex);
    *ret = s;
    return E_OK;
}

void
seal_close(struct seal *s)
{
    if (s == NULL)
        return;
    explicit_bzero(s, sizeof(*s));
    free(s);
}

char *
seal_text(const struct seal *s, const char *plain, const char *aad)
{
    size_t n = strlen(plain);
    unsigned char *raw = mem_alloc(NONCE_LEN + n + TAG_LEN);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    char *b64, *out;
    int len;

    ids_random(raw, NONCE_LEN);
    if (ctx == NULL || EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, raw) != 1 ||
        EVP_EncryptUpdate(ctx, NULL, &len, (const unsigned char *)aad, (int)strlen(aad)) != 1 ||
        EVP_EncryptUpdate(ctx, raw + NONCE_LEN, &len, (const unsigned char *)plain, (int)n) != 1 ||
        EVP_EncryptFinal_ex(ctx, raw + NONCE_LEN + n, &len) != 1 ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, raw + NONCE_LEN + n) != 1)
        bug("AES-256-GCM failed");
    EVP_CIPHER_CTX_free(ctx);
    b64 = digest_base64(raw, NONCE_LEN + n + TAG_LEN);
    out = mem_printf("v1.%s.%s", s->key_id, b64);
    free(b64);
    free(raw);
    return out;
}

static int
decrypt(const struct seal *s, unsigned char *raw, size_t n, const char *aad, char *plain)
{
    size_t body = n - NONCE_LEN - TAG_LEN;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    int len, ok;

    ok = ctx != NULL && EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, s->key, raw) == 1 &&
         EVP_DecryptUpdate(ctx, NULL, &len, (const unsigned char *)aad, (int)strlen(aad)) == 1 &&
         EVP_DecryptUpdate(ctx, (unsigned char *)plain, &len, raw + NONCE_LEN, (int)body) == 1 &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, raw + NONCE_LEN + body) == 1 &&
         EVP_DecryptFinal_ex(ctx, (unsigned char *)plain + body, &len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    plain[ok ? body : 0] = '\0';
    return ok ? E_OK : E_DENIED;
}

int
seal_parse(const struct seal *s, const char *sealed, const char *aad, char **ret,
           struct errinfo *ei)
{
    unsigned char *raw;
    char *plain;
    size_t n = 0;
    int rc;

    if (strncmp(sealed, "v1.", 3) != 0 || strlen(sealed) < 12 || sealed[11] != '.')
        return errinfo_set(ei, E_DENIED, "a sealed secret is damaged");
    if (strncmp(sealed + 3, s->key_id, 8) != 0)
        return errinfo_set(ei, E_DENIED,
                           "a secret was sealed with another master key (%.8s, ours is %s)",
                           sealed + 3, s->key_id);
    raw = mem_alloc(strlen(sealed));
    plain = mem_alloc(strlen(sealed));
    rc = digest_base64_parse(sealed + 12, raw, &n);
    if (rc == E_OK && n < NONCE_LEN + TAG_LEN)
        rc = E_INVALID;
    if (rc == E_OK)
        rc = decrypt(s, raw, n, aad, plain);
    free(raw);
    if (rc < 0) {
        free(plain);
        return errinfo_set(ei, E_DENIED, "a sealed secret is damaged or not of this place");
    }
    *ret = plain;
    return E_OK;
}

void
seal_fingerprint(const struct seal *s, const void *p, size_t n, char out[65])
{
    static const char purpose[] = "bucketline fingerprint v1";
    unsigned char key[DIGEST_SHA256_LEN], mac[DIGEST_SHA256_LEN];

    digest_hmac_sha256(s->key, KEY_LEN, purpose, sizeof(purpose) - 1, key);
    digest_hmac_sha256(key, sizeof(key), p, n, mac);
    digest_hex(mac, sizeof(mac), out);
    explicit_bzero(key, sizeof(key));
}

int
seal_make_key(const char *key_file, struct errinfo *ei)
{
    unsigned char key[KEY_LEN];
    char text[2 * KEY_LEN + 2];
    int rc, fd;

    fd = open(key_file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errinfo_errno(ei, errno, "create '%s'", key_file);
    ids_random(key, sizeof(key));
    digest_hex(key, sizeof(key), text);
    text[2 * KEY_LEN] = '\n';
    rc = fs_write_all(fd, text, 2 * KEY_LEN + 1, ei);
    if (rc == E_OK && fsync(fd) < 0)
        rc = errinfo_errno(ei, errno, "fsync '%s'", key_file);
    if (close(fd) < 0 && rc == E_OK)
        rc = errinfo_errno(ei, errno, "close '%s'", key_file);
    explicit_bzero(key, sizeof(key));
    explicit_bzero(text, sizeof(text));
    if (rc < 0)
        unlink(key_file);
    return rc;
}
