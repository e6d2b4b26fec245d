#ifndef BASE_SEAL_H
#define BASE_SEAL_H

/*
 * Secrets at rest: AES-256-GCM under a master key read from a file (32 random bytes as 64 hex
 * digits, mode 0600; `bucketline key master FILE` makes one). A sealed text is
 *
 *     v1.<key id: 8 hex>.<base64 of nonce(12) | ciphertext | tag(16)>
 *
 * bound to its place by additional data ("job|<domain>|<id>"): moved elsewhere it does not open.
 * NIST SP 800-38D; nonces are random, so one key serves up to 2^32 seals.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

struct seal;

/* Reads the key. E_INVALID names the file and what is wrong with it. */
int seal_open(const char *key_file, struct seal **ret, struct errinfo *ei) MUST_CHECK;
void seal_close(struct seal *s); /* wipes; NULL is fine */

/* Seals a NUL-terminated text; caller frees (no secret in it). */
char *seal_text(const struct seal *s, const char *plain, const char *aad);

/* Opens one; caller frees with mem_wipe_free. E_DENIED: another key, another place, or damaged. */
int seal_parse(const struct seal *s, const char *sealed, const char *aad, char **ret,
               struct errinfo *ei) MUST_CHECK;

/* HMAC-SHA256 under a key derived from the master key, as hex: tells whether two texts that may
 * hold a weak secret are the same, and gives nothing away about either. */
void seal_fingerprint(const struct seal *s, const void *p, size_t n, char out[65]);

/* Creates a key file (O_EXCL, 0600, fsynced). E_CONFLICT if it exists. */
int seal_make_key(const char *key_file, struct errinfo *ei) MUST_CHECK;

#endif
