#ifndef S3_S3_REQUEST_H
#define S3_S3_REQUEST_H

/*
 * From what is wanted to what goes over the wire: URL and signed headers of one try. Pure; the
 * time is an argument, since every try is signed anew.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/s3/s3_endpoint.h"
#include "common/s3/s3_header.h"

#include <stdint.h>

struct s3_credentials {
    const char *access_key, *secret_key, *session_token;
};

struct s3_request {
    const char *method;
    const char *key;         /* NULL: the bucket */
    struct s3_headers query; /* not encoded */
    struct s3_headers headers;
    const char *payload_hash; /* hex SHA-256 of the body */
};

struct s3_wire {
    struct buf url;
    struct s3_headers headers; /* Host, X-Amz-*, Authorization and those of the request */
};
void s3_wire_init(struct s3_wire *w);
void s3_wire_done(struct s3_wire *w); /* wipes */

/* Fills w, emptied first. E_INVALID: too large to be signed. */
int s3_request_build(const struct s3_request *req, const struct s3_endpoint *ep, const char *region,
                     const struct s3_credentials *cred, int64_t unix_ms, struct s3_wire *w,
                     struct errinfo *ei) MUST_CHECK;

/* What may stand in a header: no line ends, no control characters, visible ASCII and blanks. */
int s3_check_header(const struct s3_header *h, struct errinfo *ei) MUST_CHECK;
/* Presence, and nothing in them that would break a header. The words never hold the values. */
int s3_check_credentials(const struct s3_credentials *cred, struct errinfo *ei) MUST_CHECK;

#endif
