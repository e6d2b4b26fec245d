#ifndef S3_S3_OP_H
#define S3_S3_OP_H

/*
 * Inside of the client, for the files of this folder only.
 *
 * An *op* is what the caller started (put, head, ...). It makes *calls*, each one S3 request with
 * its retries (s3_call.c); a call makes *exchanges*, each one try on the network (s3_transport.h).
 *
 * An op lives from s3_op_start to the delivery of its result. Whoever knows the outcome calls
 * s3_op_end: that drops all running calls at once and delivers from the loop, so code may return
 * through any depth of callbacks; it must not touch other parts of the op after s3_op_end.
 */

#include "common/base/digest.h"
#include "common/s3/s3_client.h"
#include "common/s3/s3_endpoint.h"
#include "common/s3/s3_request.h"
#include "common/s3/s3_retry.h"
#include "common/s3/s3_transport.h"
#include "common/s3/s3_window.h"
#include "common/s3/s3_xml.h"

#define S3_MEMORY_ROWS 128

/* What answers taught us, by endpoint and bucket (region) or host (clock). The oldest goes. */
struct s3_memory {
    char *name;
    char region[S3_REGION_MAX + 1];
    int64_t skew_ms;
};

struct s3_client {
    struct s3_client_options opt; /* defaults filled in; strings not valid after new */
    const struct s3_transport_ops *transport_ops;
    struct s3_transport *transport;
    struct s3_op *ops;
    struct s3_window window;
    struct s3_call *line, **line_end; /* calls that wait for a place in the window */
    struct s3_timer *line_timer;
    struct s3_memory memory[S3_MEMORY_ROWS];
    unsigned memory_next;
};

/* Row of that name, or NULL; with make, a fresh one instead of NULL. */
struct s3_memory *s3_client_recall(struct s3_client *client, const char *name, bool make);

struct s3_op {
    struct s3_client *client;
    struct s3_op *prev, *next;
    struct s3_target target; /* own copies of the strings */
    char *key;               /* NULL: the bucket is meant */
    struct s3_endpoint endpoint;
    char region[S3_REGION_MAX + 1]; /* signed for; moves with redirects */
    int fd;                         /* of bodies from a file */
    bool (*may_send)(void *ctx);    /* see struct s3_put; NULL: always */
    void *may_send_ctx;
    struct s3_call *calls;
    struct s3_result result;
    struct s3_timer *step_timer;
    bool ending;
    void (*step)(struct s3_op *op);    /* after s3_op_wake, from the loop */
    void (*deliver)(struct s3_op *op); /* calls the user's function */
    void (*release)(struct s3_op *op); /* frees the kind's own things and the struct */
};

/* Checks the target, fills op (zeroed, the function pointers set) and schedules its first step.
 * On failure the op is untouched but for its copies: call s3_op_discard. */
int s3_op_start(struct s3_op *op, struct s3_client *client, const struct s3_target *target,
                const char *key, struct errinfo *ei) MUST_CHECK;
void s3_op_discard(struct s3_op *op);
void s3_op_wake(struct s3_op *op); /* one step in the next turn of the loop */
void s3_op_end(struct s3_op *op, enum s3_outcome outcome);
void s3_op_message(struct s3_op *op, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Adopts another region; false when it is not one to follow. */
bool s3_op_set_region(struct s3_op *op, const char *region);

/* --- calls ----------------------------------------------------------------------------------- */

struct s3_call;

struct s3_call_end {
    enum s3_class class;
    const struct s3_http_response *res; /* of the last try */
    const struct s3_xml_error *error;   /* fields "" when there was none */
    int64_t server_ms;                  /* the store's clock by its answer; 0: it did not say */
};

struct s3_call_spec {
    const char *what;      /* "put object", for messages; static */
    struct s3_request req; /* lists are taken over; payload_hash is set by the call */
    char payload_hash[DIGEST_SHA256_HEX + 1]; /* "": of body */
    char *body;                               /* taken over; NULL: from_file, or none */
    bool from_file;                           /* [offset, offset + body_bytes) of the op's fd */
    int64_t offset, body_bytes;
    bool multipart;      /* see s3_answer */
    bool makes_object;   /* no answer may mean that the object is there */
    bool error_in_200;   /* CompleteMultipartUpload */
    int stall_timeout_s; /* 0: as usual */
    unsigned tag;        /* the kind's own: the part's number */
    void (*sent)(struct s3_op *op, unsigned tag, int64_t body_bytes); /* or NULL */
    void (*done)(struct s3_op *op, unsigned tag, const struct s3_call_end *end);
};

/* The first try goes out before it returns. The words of a failure are in op->result already when
 * done is called; done may end the op and start calls. */
void s3_call_start(struct s3_op *op, const struct s3_call_spec *spec);
/* Sends what waits, as far as there are places. Of the line's timer. */
void s3_call_serve_line(void *client);
void s3_call_drop(struct s3_call *call);
void s3_call_drop_all(struct s3_op *op);

/* The answer to an abort: there is no such upload (Ceph sometimes says NoSuchKey). */
bool s3_upload_is_gone(const struct s3_call_end *end);

/* The outcome of an op whose call ended so and could not be helped. */
enum s3_outcome s3_outcome_of_class(enum s3_class class);

#endif
