#ifndef S3_S3_MULTIPART_H
#define S3_S3_MULTIPART_H

/*
 * The bookkeeping of one multipart upload: which part is where, what comes next. Pure; no I/O.
 *
 * All parts are equal, the last may be smaller: so the boundaries follow from the file's size and
 * need not be stored to continue an upload, and stores that insist on equal parts are content.
 * Part size: max(what is wished, bytes / 9000) rounded up to 1 MiB, so that 10,000 parts are never
 * reached. Source: "Amazon S3 multipart upload limits" of the S3 User Guide.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>

#define S3_PART_MIN   (5LL * 1024 * 1024)
#define S3_PART_MAX   (5LL * 1024 * 1024 * 1024)
#define S3_SINGLE_MAX (5LL * 1024 * 1024 * 1024) /* of one PUT */

struct s3_part {
    unsigned number; /* 1... */
    int64_t offset, bytes;
};

struct s3_part_state;
struct s3_multipart {
    int64_t bytes, part_bytes;
    unsigned parts, window;
    unsigned in_air, done;
    int64_t done_bytes;
    struct s3_part_state *states; /* of parts 1..parts at [0..parts-1] */
    unsigned search_from;         /* no part below it waits */
};

enum s3_multipart_step {
    S3_MULTIPART_SEND,     /* send the part given */
    S3_MULTIPART_WAIT,     /* the window is full, or the last parts are in the air */
    S3_MULTIPART_COMPLETE, /* all parts are there */
};

int64_t s3_multipart_part_bytes(int64_t bytes, int64_t wished);

/* E_INVALID: no bytes at all, or more than 9000 parts of the largest size. */
int s3_multipart_init(struct s3_multipart *m, int64_t bytes, int64_t wished_part_bytes,
                      unsigned window, struct errinfo *ei) MUST_CHECK;
void s3_multipart_done(struct s3_multipart *m);
/* All parts wait again: the upload id is a new one. */
void s3_multipart_restart(struct s3_multipart *m);

/* A part that the store lists. Taken as done if number and size fit and it has an ETag, else
 * ignored, so that it is sent anew (a part may be replaced). Returns whether it was taken. */
bool s3_multipart_have(struct s3_multipart *m, unsigned number, int64_t bytes, const char *etag);

/* What next? With SEND the part counts as in the air until sent or failed. */
enum s3_multipart_step s3_multipart_next(struct s3_multipart *m, struct s3_part *ret);
void s3_multipart_sent(struct s3_multipart *m, unsigned number, const char *etag);
void s3_multipart_failed(struct s3_multipart *m, unsigned number); /* it waits again */

/* Appends the body of CompleteMultipartUpload; all parts are done. */
void s3_multipart_complete_body(const struct s3_multipart *m, struct buf *out);

#endif
