#ifndef S3_S3_RETRY_H
#define S3_S3_RETRY_H

/*
 * What an answer of S3, or its absence, means: one pure function over a table of S3's error codes.
 *
 * Source: the list of error codes in the S3 API Reference, the AWS SDKs' "standard" retry mode
 * (transient and throttling errors, full jitter), and what other stores send (Ceph's QuotaExceeded,
 * MinIO's SlowDownWrite). A code that the table knows decides; else the HTTP status does. The
 * jitter of the delay is the only thing not determined by the input.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a request fared on the network; set by the transport. */
enum s3_net {
    S3_NET_OK,       /* an answer came, whole */
    S3_NET_RESOLVE,  /* host name not found */
    S3_NET_CONNECT,  /* refused, unreachable, connect timeout */
    S3_NET_TLS,      /* handshake failed */
    S3_NET_CERT,     /* the server's certificate is not trusted: no retry helps */
    S3_NET_STALL,    /* no byte moved for the stall timeout */
    S3_NET_LOST,     /* connection broke after it stood */
    S3_NET_PROTOCOL, /* what came is no HTTP, or too large */
    S3_NET_FILE,     /* the local file could not be read in full */
};

enum s3_class {
    S3_CLASS_OK,
    S3_CLASS_TRANSIENT,    /* the same again, after a delay */
    S3_CLASS_THROTTLE,     /* the same again, later and with less at once */
    S3_CLASS_SKEW,         /* our clock differs: sign again with the store's time, at once, free */
    S3_CLASS_REGION,       /* sign again for the region named, at once, free */
    S3_CLASS_RESTART,      /* the multipart upload is of no use any more: begin a new one */
    S3_CLASS_PRECONDITION, /* 412: the object exists */
    S3_CLASS_FILE,         /* what was sent is not what was announced: the local file is bad */
    S3_CLASS_USER,         /* only the user can help */
};

struct s3_answer {
    enum s3_net net;
    int status;        /* HTTP; 0 unless net is S3_NET_OK */
    const char *code;  /* S3's code, "" when the answer had none (HEAD) */
    bool other_region; /* the answer names a region, not the one signed for */
    int64_t skew_ms;   /* its Date minus the time we signed with; 0 when unknown */
    bool multipart;    /* part or completion of an upload that could be begun again */
    unsigned attempt;  /* counted tries of this request so far, this one included: 1... */
    unsigned attempts_max;
    unsigned regions_tried;  /* how often it was already signed again for a region */
    unsigned skews_tried;    /* ... for the time */
    int64_t base_ms, cap_ms; /* of the delay, see backoff.h */
};

struct s3_verdict {
    enum s3_class class;
    bool again; /* send this request again after delay_ms; else the class is the end of it */
    bool free;  /* and do not count this try */
    int64_t delay_ms;
    const char *hint; /* words for a person, for stores that send none; or "" */
};

struct s3_verdict s3_retry_decide(const struct s3_answer *a);

const char *s3_class_name(enum s3_class class);
const char *s3_net_words(enum s3_net net); /* "the connection was lost", ... */

/* Whether this try may have changed something in the store though no success was reported. */
bool s3_retry_unanswered(enum s3_net net, int status, const char *code, bool body_sent);

/* The table, for tests and for tools that explain a code. */
struct s3_code_row {
    const char *code;
    enum s3_class class;
    unsigned tries;      /* of this request, if fewer than attempts_max are sensible; 0: no limit */
    enum s3_class after; /* class when the tries are used up (with tries != 0) */
    const char *hint;
};
const struct s3_code_row *s3_retry_table(size_t *ret_count);
const struct s3_code_row *s3_retry_find(const char *code); /* or NULL */

#endif
