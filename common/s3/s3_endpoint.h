#ifndef S3_S3_ENDPOINT_H
#define S3_S3_ENDPOINT_H

/*
 * From bucket, region and endpoint to host and path, and the rules that names must keep. Pure.
 *
 * Amazon's hosts are built only from the table of partitions here: nothing a user types becomes
 * part of a host name unless it passed the rules. A custom endpoint is taken as it is; whether it
 * is allowed is the caller's question. Virtual-host style (bucket.host) wherever it can be: not
 * for bucket names with dots (their TLS certificate would not fit), IP addresses and host names
 * of one label. Source: "Virtual hosting of buckets", "Bucket naming rules", "Creating object key
 * names" of the S3 User Guide.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"

#include <stdbool.h>

#define S3_HOST_MAX   320
#define S3_REGION_MAX 63
#define S3_KEY_MAX    1024

struct s3_endpoint_spec {
    const char *bucket, *region;
    const char *endpoint; /* NULL or "": Amazon's */
    bool path_style, dualstack, fips;
};

struct s3_endpoint {
    bool tls;
    bool amazon;            /* built from the table */
    bool bucket_in_path;    /* path style */
    char host[S3_HOST_MAX]; /* host[:port] as in the Host header, the bucket included */
    char bucket[64];
};

/* E_INVALID names the parameter and the rule. */
int s3_endpoint_resolve(const struct s3_endpoint_spec *spec, struct s3_endpoint *ret,
                        struct errinfo *ei) MUST_CHECK;

/* Appends the encoded path: "/key" or "/bucket/key"; key NULL: the bucket. */
void s3_endpoint_path(const struct s3_endpoint *ep, const char *key, struct buf *out);
/* Appends scheme://host. */
void s3_endpoint_origin(const struct s3_endpoint *ep, struct buf *out);

int s3_check_bucket_name(const char *bucket, struct errinfo *ei) MUST_CHECK;
int s3_check_key(const char *key, struct errinfo *ei) MUST_CHECK;
/* For Amazon's endpoints: a region of a known partition; custom: any name of letters, digits, '-'.
 */
int s3_check_region(const char *region, bool custom_endpoint, struct errinfo *ei) MUST_CHECK;
/* Both known, and of one partition: a request may be signed again for the other one. */
bool s3_same_partition(const char *region_a, const char *region_b);

#endif
