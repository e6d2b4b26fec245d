#ifndef API_JWT_H
#define API_JWT_H

/*
 * Signed tokens: JWS compact form with HS256 and the claims of a credential (RFC 7515, 7519). No
 * other algorithm: what the token says about its own check is compared, never followed. Pure: key
 * and clock are arguments.
 *
 *   domain    text, required         exp  seconds since 1970, required
 *   tables    globs, required: a list of texts, or one with commas
 *   readOnly  boolean, false         nbf  seconds since 1970
 *   sub       text, up to 100 visible ASCII characters: becomes the owner of jobs
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>

#define JWT_KEY_MIN   32    /* bytes: as many as the hash has (RFC 7518 section 3.2) */
#define JWT_LEEWAY_MS 30000 /* nbf may lie so far ahead: clocks differ */

struct jwt_claims {
    char *domain, *subject; /* subject NULL: none */
    char *tables;           /* globs separated by commas */
    bool read_only;
    int64_t expires_ms;
};

/* E_DENIED with words for the caller. The signature is checked before anything inside is read. */
int jwt_verify(const char *token, const char *key, int64_t now_ms, struct jwt_claims *ret,
               struct errinfo *ei) MUST_CHECK;
void jwt_claims_done(struct jwt_claims *c);

#endif
