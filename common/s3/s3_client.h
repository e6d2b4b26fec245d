#ifndef S3_S3_CLIENT_H
#define S3_S3_CLIENT_H

/*
 * An S3 client on an event loop: puts local files into buckets, looks at objects, aborts uploads.
 *
 * What it is: one PUT or one multipart upload per call of s3_put_file, signed with our own
 * Signature V4, tried again by the rules of s3_retry.h, told about by one callback. Nothing here
 * blocks but pread(2) of the local file; memory does not depend on the size of the file.
 * What it is not: a general S3 library (no GET of objects, no listing, no ACLs), a keeper of
 * credentials, or a judge of what "object exists" means: that is the caller's (see S3_EXISTS).
 *
 * Order of calls: s3_client_new once per process, then any number of operations side by side,
 * s3_client_free at the end. Every operation either returns NULL with the reason in ei (the input
 * is wrong: nothing was sent, no callback comes), or an op, and then `done` is called exactly
 * once, from the loop, never from inside the starting call. The op and the result's strings are
 * gone when `done` returns. A new operation may be started and others be cancelled inside `done`.
 *
 * All from the loop's thread. All strings handed over are copied before the call returns.
 * Secrets are wiped after the operation and never appear in a message.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/s3/s3_header.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct s3_transport_ops;
struct s3_client;
struct s3_op;

struct s3_client_options {
    struct event_base *base;
    const char *ca_file;         /* NULL or "": the system's certificates */
    int connect_timeout_ms;      /* 0: 5000 */
    int stall_timeout_s;         /* a transfer that moves no byte for so long fails, about 5 s later
                                    since libcurl averages over them; 0: 30 */
    unsigned attempts;           /* tries of one request, the first included; 0: 5 */
    int64_t retry_base_ms;       /* first delay, doubled each time, full jitter; 0: 200 */
    int64_t retry_cap_ms;        /* 0: 20000 */
    int64_t multipart_threshold; /* files above it go in parts (S3_AUTO); 0: 64 MiB */
    int64_t part_size;           /* at least 5 MiB; grows with the file; 0: 16 MiB */
    unsigned part_window;        /* parts of one file in the air; 0: 4; at most 64 */
    unsigned in_flight;          /* requests at once, all operations together; halved when the
                                    store says that it is too much, and grown again. 0: 256 */
    const struct s3_transport_ops *transport; /* NULL: libcurl; see s3_transport.h */
};

/* 0 in an option means its default. E_INVALID names an option out of bounds. */
int s3_client_new(const struct s3_client_options *opt, struct s3_client **ret,
                  struct errinfo *ei) MUST_CHECK;
/* Operations still running end with S3_CANCELLED, told before this returns; their callbacks must
 * not start new ones. Not from inside a callback of this client. NULL is fine. */
void s3_client_free(struct s3_client *client);

/* Where and as whom. */
struct s3_target {
    const char *bucket;
    const char *region;
    const char *endpoint; /* http(s)://host[:port]; NULL or "": Amazon's for the region */
    bool path_style;      /* else only where virtual hosts cannot be: dots in the bucket, IPs */
    bool dualstack;       /* Amazon's IPv6 + IPv4 names; not with endpoint */
    bool fips;            /* Amazon's FIPS names; not with endpoint */
    bool conditional_complete; /* the endpoint honours If-None-Match on CompleteMultipartUpload;
                                  Amazon's always do, this speaks for custom ones */
    const char *access_key;
    const char *secret_key;
    const char *session_token; /* NULL or "": none */
    const char *bucket_owner;  /* account of 12 digits that must own the bucket, sent with every
                                  request (x-amz-expected-bucket-owner); NULL or "": any */
};

/* Names, region, endpoint and presence of the keys; no network. key may be NULL: the bucket alone.
 * E_INVALID names the parameter and the rule it breaks. */
int s3_target_check(const struct s3_target *target, const char *key, struct errinfo *ei) MUST_CHECK;
/* Appends the URL of the object (key NULL: of the bucket) as it is really used, without any
 * credential; this is what users see. Same errors, but the keys may be missing. */
int s3_target_url(const struct s3_target *target, const char *key, struct buf *out,
                  struct errinfo *ei) MUST_CHECK;

enum s3_outcome {
    S3_OK,
    S3_EXISTS,      /* if_none_match and there is an object (412). With unanswered_put it may be
                       this very file: look with s3_head */
    S3_RETRY_LATER, /* tries used up on the network, 5xx, throttling. Later it may work */
    S3_USER_ERROR,  /* wrong key, secret, bucket, permission, parameter: only the user can help */
    S3_FILE_ERROR,  /* the local file cannot be read, is shorter than said or not what its hash
                       says: sending it again cannot help */
    S3_NOT_FOUND,   /* s3_head: no such object (or bucket: a HEAD cannot tell) */
    S3_CANCELLED,   /* by s3_op_cancel, s3_client_free, or may_send or upload_started refused */
};

const char *s3_outcome_name(enum s3_outcome outcome); /* "ok", "exists", "retry later", ... */

struct s3_result {
    enum s3_outcome outcome;
    int http_status;     /* of the last answer; 0: none came */
    char code[64];       /* S3's code ("SlowDown"), "" when none came */
    char message[512];   /* one line: what was done, status, code, S3's words, attempts; "" if ok */
    char etag[128];      /* as sent, with its quotes; some stores leave it empty */
    char region[64];     /* the bucket's region when answers named another one than the target */
    unsigned attempts;   /* requests sent, all parts and calls together */
    bool unanswered_put; /* some try may have made the object without our being told */
    const char *upload_id; /* a multipart upload that was left unfinished, to be continued or
                              aborted by the caller; else NULL. Valid during done */
};

typedef void (*s3_done_fn)(void *ctx, const struct s3_result *res);

enum s3_put_mode {
    S3_AUTO,            /* by size; a conditional put of up to 5 GiB to an endpoint without
                           conditional Complete goes as one PUT; an upload_id goes on in parts */
    S3_FORCE_MULTIPART, /* in parts; where Complete is not conditional, a HEAD precedes it */
    S3_FORCE_SINGLE,    /* one PUT, up to 5 GiB */
};

struct s3_put {
    struct s3_target target;
    const char *key;
    int fd;                           /* borrowed; regular file, open until done; offset not used */
    int64_t bytes;                    /* its size */
    const char *sha256_hex;           /* of the whole file, lower case; needed for a single PUT */
    const char *content_type;         /* NULL: none sent */
    const char *content_encoding;     /* NULL: none sent */
    const struct s3_header *metadata; /* sent as x-amz-meta-<name>; values in visible ASCII */
    size_t metadata_count;
    const struct s3_header *extra; /* further x-amz-* headers of the object, as they are */
    size_t extra_count;
    bool if_none_match; /* fail with S3_EXISTS instead of replacing */
    enum s3_put_mode mode;
    const char *upload_id; /* continue this multipart upload: parts that are there are not sent
                              again; one that is gone is replaced by a new one. NULL: none */
    /* > 0: an earlier try at this file, begun at this time (ms, our clock), may have created a
     * multipart upload without its id becoming known. Before a new one is created those of exactly
     * this key begun since then are listed and aborted; they are empty, since upload_started comes
     * before the first part. Keys that may not list put as well, and leave what there is. */
    int64_t orphans_since_ms;
    /* A new multipart upload exists. Must be recorded durably before it returns 0, since the
     * first part follows. Negative: the upload is aborted, the operation ends with S3_CANCELLED
     * and ei's words. May be NULL. Not called for upload_id unless that is replaced. */
    int (*upload_started)(void *ctx, const char *upload_id, struct errinfo *ei);
    /* Asked before each request (parts, retries and aborts included), from the loop. False: it is
     * not sent, what is on its way is broken off, the operation ends with S3_CANCELLED. Must not
     * cancel the op itself. NULL: always. */
    bool (*may_send)(void *ctx);
    /* Bytes of the file sent so far, parts found there included; may step back when a request is
     * tried again. Often. May cancel the op. May be NULL. */
    void (*progress)(void *ctx, int64_t bytes_sent);
    s3_done_fn done;
    void *ctx;
};

/*
 * Sends the file. When it ends with S3_RETRY_LATER, S3_USER_ERROR, S3_FILE_ERROR or S3_CANCELLED
 * an unfinished multipart upload stays (result.upload_id); with S3_EXISTS it is aborted.
 * NULL and E_INVALID: see s3_target_check, or bytes out of bounds.
 */
struct s3_op *s3_put_file(struct s3_client *client, const struct s3_put *put, struct errinfo *ei);

struct s3_object_info {
    int64_t bytes; /* -1: the answer did not say */
    char etag[128];
    char content_type[128];
    const struct s3_header *metadata; /* names in lower case, without x-amz-meta- */
    size_t metadata_count;
};
/* Value of a metadata entry, or NULL. */
const char *s3_object_metadata(const struct s3_object_info *info, const char *name);

/* info is NULL unless the outcome is S3_OK; valid during the call. */
typedef void (*s3_head_fn)(void *ctx, const struct s3_result *res,
                           const struct s3_object_info *info);
/* HEAD of an object. S3_NOT_FOUND: 404. S3_USER_ERROR with 403: not allowed to look (or, without
 * the right to list, not there). */
struct s3_op *s3_head(struct s3_client *client, const struct s3_target *target, const char *key,
                      s3_head_fn done, void *ctx, struct errinfo *ei);

/* Aborts a multipart upload. S3_OK as well when it is not there (any more). */
struct s3_op *s3_abort_upload(struct s3_client *client, const struct s3_target *target,
                              const char *key, const char *upload_id, s3_done_fn done, void *ctx,
                              struct errinfo *ei);

/*
 * A harmless call that tells what is wrong with a destination: a listing of no keys (a HEAD of the
 * bucket would carry no code). S3_OK: key, secret, bucket right. S3_USER_ERROR by code:
 * InvalidAccessKeyId (wrong key), SignatureDoesNotMatch (wrong secret), NoSuchBucket, AccessDenied
 * (key and secret are right, listing is not allowed; putting may be). result.region: the bucket's
 * region if it is another one.
 */
struct s3_op *s3_check_bucket(struct s3_client *client, const struct s3_target *target,
                              s3_done_fn done, void *ctx, struct errinfo *ei);

/* The file is not read any more and no progress comes after this returns; done follows from the
 * loop with S3_CANCELLED. Unknown to S3: what is on its way may still arrive. */
void s3_op_cancel(struct s3_op *op);

#endif
