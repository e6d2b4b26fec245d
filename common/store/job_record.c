#include "common/store/job_record.h"

#include <stdlib.h>
#include <string.h>

static const char *const status_names[] = {
    [JOB_CREATED] = "CREATED", [JOB_RUNNING] = "RUNNING",           [JOB_COMPLETED] = "COMPLETED",
    [JOB_STOPPED] = "STOPPED", [JOB_RECONNECTING] = "RECONNECTING", [JOB_PAUSED] = "PAUSED",
    [JOB_REMOVED] = "REMOVED",
};

const char *
job_status_name(enum job_status s)
{
    return status_names[s];
}

bool
job_status_parse(const char *name, enum job_status *ret)
{
    unsigned i;

    for (i = 0; i < sizeof(status_names) / sizeof(status_names[0]); i++) {
        if (strcmp(status_names[i], name) == 0) {
            *ret = (enum job_status)i;
            return true;
        }
    }
    return false;
}

void
job_record_done(struct job_record *r)
{
    char **const strings[] = {&r->id,   &r->domain,        &r->owner, &r->cid,
                              &r->type, &r->friendly_name, &r->query, &r->table};
    size_t i;

    for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
        free(*strings[i]);
    for (i = 0; i < r->error_count; i++)
        free(r->errors[i]);
    for (i = 0; i < r->path_count; i++)
        free(r->paths[i]);
    free(r->errors);
    free(r->paths);
    *r = (struct job_record){0};
}
