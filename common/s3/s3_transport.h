#ifndef S3_S3_TRANSPORT_H
#define S3_S3_TRANSPORT_H

/*
 * The seam between the client and the world: a small table of functions that sends one finished
 * HTTP/1.1 request and tells what came back, and the timers of the loop it runs on. libcurl is
 * behind it (s3_transport_curl.c), or a fake in a test. It knows nothing of S3, signs nothing,
 * tries nothing again, follows no redirect.
 *
 * Order: open once; start any number of requests; each ends with one call of done, from the loop,
 * never from inside start, unless it is cancelled; close drops what is left without a call.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/s3/s3_header.h"
#include "common/s3/s3_retry.h"

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct s3_transport;
struct s3_exchange;
struct s3_timer;

#define S3_ANSWER_BODY_MAX   (4 * 1024 * 1024) /* the largest is a page of parts: 300 KB */
#define S3_ANSWER_HEADER_MAX (64 * 1024)

struct s3_transport_options {
    struct event_base *base;
    const char *ca_file; /* NULL: the system's */
    int connect_timeout_ms;
    int stall_timeout_s;
};

/* Borrowed until done or cancel: strings, headers, body and fd. */
struct s3_http_request {
    const char *method; /* GET HEAD PUT POST DELETE */
    const char *url;
    const struct s3_header *headers; /* complete but for Content-Length */
    size_t header_count;
    const char *body; /* NULL: from fd, or no body if body_bytes is 0 */
    int fd;
    int64_t offset, body_bytes;
    bool expect_continue;
    int stall_timeout_s; /* 0: the transport's */
};

struct s3_http_response {
    enum s3_net net;
    int status; /* 0 unless net is S3_NET_OK */
    struct s3_headers headers;
    struct buf body;
    char net_message[256]; /* details when net is not S3_NET_OK; no secrets */
    bool body_sent;        /* the whole request left at least once */
    bool sent_twice;       /* a kept connection died after the whole request had left, and the
                              transport sent it again by itself */
};

struct s3_exchange_events {
    void (*sent)(void *ctx, int64_t body_bytes); /* of the body so far; may step back */
    void (*done)(void *ctx, const struct s3_http_response *res); /* res valid during the call */
    void *ctx;
};

struct s3_transport_ops {
    const char *name;
    int (*open)(const struct s3_transport_options *opt, struct s3_transport **ret,
                struct errinfo *ei);
    void (*close)(struct s3_transport *t);
    struct s3_exchange *(*start)(struct s3_transport *t, const struct s3_http_request *req,
                                 const struct s3_exchange_events *events);
    /* No call comes and nothing borrowed is touched after it; allowed inside sent and done. */
    void (*cancel)(struct s3_exchange *ex);
    /* A timer: fn(ctx) once, from the loop, delay_ms after it was set; sockets get their turn
     * before it even with 0. May be set again, and freed inside fn. */
    struct s3_timer *(*timer_new)(struct s3_transport *t, void (*fn)(void *ctx), void *ctx);
    void (*timer_set)(struct s3_timer *timer, int64_t delay_ms);
    void (*timer_free)(struct s3_timer *timer); /* NULL is fine */
};

extern const struct s3_transport_ops s3_transport_curl;

#endif
