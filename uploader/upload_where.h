#ifndef UPLOADER_UPLOAD_WHERE_H
#define UPLOADER_UPLOAD_WHERE_H

/*
 * Where an object of a job goes and as whom: from the job's spec and its sealed secrets to a
 * target of common/s3. Of a chunk to be sent, and of a removed one whose upload is to be aborted.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/s3/s3_client.h"
#include "common/store/job_spec.h"

struct uploader;

struct upload_where {
    struct job_spec spec;
    struct job_secrets secrets;
    struct s3_target target; /* borrows from the two and from the configuration */
    char *key;               /* NULL where the spec cannot be read */
};

/* sealed may be NULL: none. Negative: the job cannot go there, with words for its user; done is due
 * then as well. */
int upload_where_read(const struct uploader *u, const char *domain, const char *job, unsigned index,
                      const char *spec, const char *sealed, struct upload_where *ret,
                      struct errinfo *ei) MUST_CHECK;
void upload_where_done(struct upload_where *w); /* wipes */

#endif
