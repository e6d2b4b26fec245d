#ifndef API_AUTH_H
#define API_AUTH_H

/*
 * Who is calling: API key with signature, or a token. Credentials are read from Redis and kept for
 * api.credential_cache_ms, so a revoked one stops working that much later at most.
 *
 *   x-logtrust-apikey, -timestamp (ms), -sign    sign = lower-case hex of HMAC-SHA256 with the
 *                                                secret over key + body as received + timestamp
 *   Authorization: Bearer T | bearer T | T       looked up by the SHA-256 of T
 *   Authorization: jwt T                         says all itself, signed (jwt.h, api.jwt_key_file)
 *
 * The domain of a request is its credential's, nothing the client says.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/base/seal.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct auth;
struct request;
struct store_async;

/* A credential in use: shared by cache and requests, freed with the last reference. */
struct cred {
    unsigned refs;
    char *api_key;
    char *secret; /* in clear; wiped */
    char *domain;
    char **globs; /* tables it may read; ends with NULL */
    bool read_only;
    int64_t expires_ms; /* 0 = never */
    int64_t read_ms;    /* clock_mono_ms of the reading */
};
void cred_unref(struct cred *c); /* NULL is fine */

int auth_open(const struct config *cfg, struct store_async *store, const struct seal *seal,
              struct auth **ret, struct errinfo *ei) MUST_CHECK;
void auth_close(struct auth *a); /* NULL is fine */

/* Calls done once with rq->cred set, or answers the request itself (401, 403, 503). */
void auth_check(struct auth *a, struct request *rq, void (*done)(struct request *rq));

/* --- pure parts --------------------------------------------------------------------------------
 */

#define AUTH_SIGN_HEX 64

/* The signature of a request. out: AUTH_SIGN_HEX digits and a NUL. */
void auth_sign(const char *api_key, const char *secret, const char *body, size_t body_len,
               const char *timestamp, char out[AUTH_SIGN_HEX + 1]);

/* The token of an Authorization header: without a "Bearer" in any case; NULL if it is empty, too
 * long, or of another scheme ("Basic x"). Borrowed. */
const char *auth_token(const char *authorization);

enum auth_clock { AUTH_CLOCK_OK, AUTH_CLOCK_STALE, AUTH_CLOCK_BAD };
/* A timestamp header: decimal ms, at most skew_ms from now either way. */
enum auth_clock auth_clock(const char *timestamp, int64_t now_ms, int64_t skew_ms);

/* Does a table match a glob of a credential? Names are parts between dots: '*' stands for any run
 * of characters within one part, "**" for any number of whole parts: "firewall.**" covers
 * "firewall", "firewall.x" and "firewall.x.y". */
bool auth_glob_match(const char *glob, const char *table);
bool auth_may_read(const struct cred *c, const char *table);

#endif
