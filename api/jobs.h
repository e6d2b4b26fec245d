#ifndef API_JOBS_H
#define API_JOBS_H

/* A job as the wire shows it (HTTP.md, "The job object"). Pure. */

#include "common/base/json.h"
#include "common/store/job_record.h"

void jobs_write(struct json_writer *w, const struct job_record *r);

#endif
