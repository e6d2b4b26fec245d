#ifndef S3_S3_PUT_H
#define S3_S3_PUT_H

/*
 * Inside of s3_put_file, shared by s3_put.c (the operation, one PUT) and s3_put_parts.c
 * (multipart).
 *
 *     start -+-> put object ------------------------------------------------------> end
 *            +-> [orphans] -> create upload -> parts (hash, send) -> [look] -> complete -> end
 *            +-> list parts ----^                                  | NoSuchUpload: look; ours: end
 *                                                                  | useless: abort, create again
 *
 * [orphans]: empty uploads that an earlier try may have left are aborted (s3_put_orphans.c).
 * [look]: a HEAD where the object must not exist and the endpoint would not check it itself.
 */

#include "common/s3/s3_multipart.h"
#include "common/s3/s3_op.h"

/* One part in the air. */
struct slot {
    bool busy;
    struct s3_part part;
    int64_t hashed; /* bytes; < part.bytes while the part waits for its hash */
    int64_t sent;
};

struct put_op {
    struct s3_op op;
    struct s3_put put; /* strings not valid after s3_put_file; numbers and functions are */
    struct s3_headers object_headers; /* content type, metadata ... */
    char sha256[DIGEST_SHA256_HEX + 1];
    bool single, conditional_complete;
    bool started; /* the first step was made */
    struct s3_multipart parts;
    struct slot *slots;
    struct digest *digest; /* of the one part being hashed */
    struct s3_xml_parts listed;
    char *upload_id;
    bool looked;
    bool orphans_looked;
    struct s3_xml_uploads orphans; /* to be aborted, the last first */
    unsigned restarts;
    struct s3_result kept; /* what is to be told, while an abort is under way */
};

struct put_op *s3_put_of(struct s3_op *op);
/* A request for the object, or for the upload when there is one. */
struct s3_call_spec s3_put_spec(struct put_op *p, const char *what, const char *method);
void s3_put_progress(struct put_op *p, int64_t bytes);
void s3_put_end(struct put_op *p, const struct s3_call_end *end);
void s3_put_etag(struct put_op *p, const char *etag);
/* Ends the op; errnum 0: the file is shorter than it was said to be. */
void s3_put_file_failed(struct put_op *p, int64_t offset, int errnum);

/* The two ways to begin, and the step that hashes a part that waits for it. */
void s3_parts_create(struct put_op *p);
void s3_parts_list(struct put_op *p);
/* Aborts what orphans_since_ms speaks of, then s3_parts_create. */
void s3_orphans_look(struct put_op *p);
void s3_parts_step(struct put_op *p);

#endif
