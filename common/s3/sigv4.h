#ifndef S3_SIGV4_H
#define S3_SIGV4_H

/*
 * AWS Signature Version 4, by headers or as a presigned URL. Pure: no clock, no network.
 *
 * Source: "Authenticating Requests (AWS Signature Version 4)" of the S3 API Reference and
 * "Create a signed AWS API request" of the IAM guide. S3 is the exception among the services: its
 * paths are encoded once and never normalised, so both flags are false for it.
 *
 * Every header given is signed, apart from those that proxies and HTTP libraries change
 * (authorization, connection, expect, transfer-encoding, user-agent, x-amzn-trace-id).
 * `host` must be among them, exactly as it will be sent.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/errinfo.h"
#include "common/s3/s3_header.h"

#include <stdbool.h>
#include <stdint.h>

#define SIGV4_UNSIGNED   "UNSIGNED-PAYLOAD"
#define SIGV4_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct sigv4_input {
    const char *method;
    const char *path;              /* as on the wire: starts with '/', percent-encoded once */
    const struct s3_header *query; /* names and values not encoded */
    size_t query_count;
    const char *payload_hash; /* hex SHA-256 of the body, or SIGV4_UNSIGNED */
    const char *region, *service;
    int64_t unix_s; /* time of signing */
    const char *access_key, *secret_key;
    const char *session_token; /* NULL or "": none */
    bool normalize_path;       /* remove dot segments and double slashes first */
    bool double_encode;        /* encode the path once more */
};

/* What was signed, for those who ask why a signature does not fit. No secret is in it. */
struct sigv4_trace {
    struct buf canonical_request, string_to_sign;
    char signature[DIGEST_SHA256_HEX + 1];
};
void sigv4_trace_init(struct sigv4_trace *t);
void sigv4_trace_done(struct sigv4_trace *t);

/* Adds X-Amz-Date, X-Amz-Security-Token (with a token) and Authorization to the headers, which
 * are signed as they are. trace may be NULL. E_INVALID: no host, or over 256 KiB to sign. */
int sigv4_sign_headers(const struct sigv4_input *in, struct s3_headers *headers,
                       struct sigv4_trace *trace, struct errinfo *ei) MUST_CHECK;

/* Appends "path?query" with the signature in the query; headers (host at least) must be sent by
 * whoever uses it. seconds: 1-604800. trace may be NULL. */
int sigv4_presign(const struct sigv4_input *in, const struct s3_headers *headers, int64_t seconds,
                  struct buf *out, struct sigv4_trace *trace, struct errinfo *ei) MUST_CHECK;

/* Percent-encoding as S3 wants it: all but A-Z a-z 0-9 - . _ ~ (and '/' if keep_slash). */
void sigv4_encode(struct buf *out, const char *s, bool keep_slash);
/* "a=b&c=d", encoded and sorted as the canonical query is; appends. */
void sigv4_encode_query(struct buf *out, const struct s3_header *query, size_t n);

#endif
