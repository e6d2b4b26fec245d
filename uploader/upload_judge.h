#ifndef UPLOADER_UPLOAD_JUDGE_H
#define UPLOADER_UPLOAD_JUDGE_H

/*
 * What an answer of S3 means for a chunk, as pure functions: which metadata says whose object it
 * is, whether an object that stands in the way is ours, what to tell the job store and in which
 * words. No network, no clock, no store.
 *
 * Two chunks are the same if job, index, start, end and content hash agree; compressed bytes are
 * never compared, since one content can be compressed in many ways.
 */

#include "common/s3/s3_client.h"
#include "common/store/job_record.h"
#include "common/store/job_spec.h"

#include <stdbool.h>
#include <stdint.h>

#define UPLOAD_METADATA_MAX 7

/* The identity of a chunk as metadata of its object. list points into the struct: do not copy. */
struct upload_metadata {
    struct s3_header list[UPLOAD_METADATA_MAX];
    size_t count;
    char values[UPLOAD_METADATA_MAX][DIGEST_SHA256_HEX + 1];
};
void upload_metadata_fill(const struct chunk_record *chunk, struct upload_metadata *ret);

/* What the job asks of its objects: encryption, storage class, tags. Values borrow from the spec.
 */
#define UPLOAD_HEADERS_MAX 4
size_t upload_headers_fill(const struct job_spec *spec, struct s3_header ret[UPLOAD_HEADERS_MAX]);
/* The same as parameters of the API, for messages: "aws.sse = aws:kms, aws.tags = a=b", or "". */
void upload_headers_words(const struct job_spec *spec, char *out, size_t size);

/* By format of the job: "gzip" | "zip" | "plain". */
const char *upload_content_type(const char *format);

enum upload_match {
    UPLOAD_SAME,      /* this very chunk */
    UPLOAD_OTHER_END, /* ours, from the same row on, but cut elsewhere */
    UPLOAD_FOREIGN,   /* anything else: no metadata, another job, other rows */
};
/* With UPLOAD_OTHER_END what the object says of itself is in the three outputs. */
enum upload_match upload_compare(const struct chunk_record *chunk,
                                 const struct s3_object_info *object, int64_t *ret_end,
                                 char ret_content[DIGEST_SHA256_HEX + 1],
                                 char ret_last_row[DIGEST_SHA256_HEX + 1]);

enum upload_action {
    UPLOAD_LOOK,  /* an object is there: look whose it is */
    UPLOAD_DONE,  /* tell the store it is confirmed */
    UPLOAD_ADOPT, /* the object wins, with its end */
    UPLOAD_RETRY, /* later */
    UPLOAD_FAIL,  /* stop the job with the words */
};

struct upload_verdict {
    enum upload_action action;
    bool verified;   /* of DONE */
    bool unanswered; /* a PUT may have arrived unseen: to be remembered with RETRY */
    int64_t end;     /* of ADOPT, with the hashes */
    char content_sha256[DIGEST_SHA256_HEX + 1];
    char last_row_sha256[DIGEST_SHA256_HEX + 1];
    char words[1024]; /* of RETRY and FAIL */
};

/* What is judged. Strings borrowed. */
struct upload_case {
    const struct chunk_record *chunk;
    const char *bucket, *key;
    bool default_store;  /* the keys are the operator's */
    const char *asked;   /* what the job asks of its objects (upload_headers_words); "" or NULL */
    bool put_unanswered; /* an earlier PUT of this very file got no answer */
    const char *no_file; /* why the file cannot be sent, NULL: it can */
    int64_t tried_ms;    /* since the first try */
    int64_t give_up_ms;
};

void upload_judge_put(const struct upload_case *c, const struct s3_result *res,
                      struct upload_verdict *ret);
/* object: NULL unless the outcome is S3_OK. */
void upload_judge_head(const struct upload_case *c, const struct s3_result *res,
                       const struct s3_object_info *object, struct upload_verdict *ret);
/* FAIL with these words and nothing else. */
void upload_verdict_fail(struct upload_verdict *v, const struct upload_case *c, const char *words);

#endif
