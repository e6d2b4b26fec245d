#ifndef API_CLIENT_S3_SIGN_H
#define API_CLIENT_S3_SIGN_H

/*
 * `bucketline s3 sign`: one request as JSON in, what Signature V4 makes of it as JSON out, for
 * people whose store says SignatureDoesNotMatch. Pure but for the time, where none is given.
 *
 * In: method (GET), url, headers (an object; a value may be a list), body or payload_hash, region,
 * service (s3), time (20130524T000000Z; now), access_key, secret_key, session_token,
 * presign_seconds (0: by headers), normalize_path, double_encode.
 * Out: canonical_request, string_to_sign, signature, and authorization or url.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"

/* Appends one line. E_INVALID names the member that is wrong. */
int client_s3_sign(const char *json, size_t len, struct buf *out, struct errinfo *ei) MUST_CHECK;

#endif
