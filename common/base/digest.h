#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

/*
 * Hashes, MACs, hex and base64; the one home of OpenSSL's EVP digests. All functions are safe
 * from several threads on different objects.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define DIGEST_SHA256_LEN 32
#define DIGEST_SHA256_HEX 64
#define DIGEST_SHA1_HEX   40

struct digest; /* SHA-256 in steps */

struct digest *digest_new(void);
void digest_free(struct digest *d);
void digest_reset(struct digest *d); /* starts again */
void digest_update(struct digest *d, const void *p, size_t n);
void digest_final(struct digest *d, unsigned char out[DIGEST_SHA256_LEN]); /* then reset or free */
void digest_final_hex(struct digest *d, char out[DIGEST_SHA256_HEX + 1]);

void digest_sha256(const void *p, size_t n, unsigned char out[DIGEST_SHA256_LEN]);
void digest_sha256_hex(const void *p, size_t n, char out[DIGEST_SHA256_HEX + 1]);
void digest_sha1_hex(const void *p, size_t n, char out[DIGEST_SHA1_HEX + 1]);
void digest_md5_base64(const void *p, size_t n, char out[25]); /* Content-MD5, RFC 1864 */
void digest_hmac_sha256(const void *key, size_t key_len, const void *p, size_t n,
                        unsigned char out[DIGEST_SHA256_LEN]);

/* Lower-case hex of n bytes and a NUL: out has 2n + 1 bytes. */
void digest_hex(const unsigned char *p, size_t n, char *out);

/* Equal in time that does not depend on the content; lengths may be seen. */
bool digest_equal(const char *a, const char *b);

/* Standard base64 with padding (RFC 4648 section 4). Caller frees. */
char *digest_base64(const void *p, size_t n);
/* Strict decoding; out has room for 3 * strlen(s) / 4 bytes. Returns the bytes or E_INVALID. */
int digest_base64_parse(const char *s, unsigned char *out, size_t *ret_len) MUST_CHECK;

#endif
