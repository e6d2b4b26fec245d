/* Lists: jobs of a domain, files of a job. Page by page, with a cursor for the next. */

#include "api/api.h"
#include "api/auth.h"
#include "api/jobs.h"
#include "api/params.h"
#include "api/response.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

#define LIST_MAX 1000

/* --- jobs --------------------------------------------------------------------------------------
 */

static void
on_list(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct job_record *records = NULL;
    struct answer a;
    char *cursor = NULL;
    size_t count = 0, i;

    (void)api;
    if (reply == NULL || store_reply_job_list(reply, &records, &count, &cursor, ei) < 0) {
        response_unavailable(rq, ei);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    for (i = 0; i < count; i++)
        jobs_write(&a.w, &records[i]);
    json_w_array_end(&a.w);
    json_w_kv_string(&a.w, "cursor", cursor);
    job_records_free(records, count);
    free(cursor);
    response_end(&a, 200);
}

/* A filter that the path may have, too. Caller frees *ret; NULL: all. */
static void
take_filter(const struct request *rq, const char *name, const char *in_path, char **ret,
            struct faults *f)
{
    *ret = request_param(rq, name);
    if (in_path[0] == '\0')
        return;
    if (*ret != NULL)
        faults_add(f, 0, "%s is in the path already", name);
    free(*ret);
    *ret = mem_strdup(in_path);
}

static void
check_status(const char *name, struct faults *f)
{
    enum job_status status;

    if (name != NULL && (!job_status_parse(name, &status) || status == JOB_REMOVED))
        faults_add(f, 0,
                   "status should be CREATED, RUNNING, RECONNECTING, PAUSED, STOPPED or COMPLETED");
}

void
jobs_list(struct api *api, struct request *rq)
{
    char *type, *name, *status = request_param(rq, "status"), *cursor = request_param(rq, "cursor");
    struct store_cmd cmd = {0};
    struct faults f = {0};
    int64_t limit = LIST_MAX;

    take_filter(rq, "type", rq->args[0], &type, &f);
    take_filter(rq, "name", rq->args[1], &name, &f);
    check_status(status, &f);
    params_int(rq, "limit", 1, LIST_MAX, &limit, &f);
    if (store_cmd_job_list(&cmd, rq->cred->domain,
                           &(struct job_filter){type, name, status, cursor, limit}) < 0)
        faults_add(&f, 0, "cursor should be one that this call has given");
    if (f.count > 0)
        response_bad_parameters(rq, (const char *const *)f.items, f.count);
    else
        api_store(api, rq, &cmd, on_list);
    store_cmd_done(&cmd);
    faults_done(&f);
    free(type);
    free(name);
    free(status);
    free(cursor);
}

/* --- files of a job ----------------------------------------------------------------------------
 */

static void
write_file(struct json_writer *w, const struct job_file *f)
{
    json_w_object(w);
    json_w_kv_string(w, "path", f->path);
    json_w_kv_int(w, "index", f->index);
    json_w_kv_int(w, "events", f->events);
    if (!f->adopted) {
        json_w_kv_int(w, "bytes", f->bytes);
        json_w_kv_int(w, "uncompressedBytes", f->content_bytes);
        json_w_kv_string(w, "sha256", f->sha256);
    }
    json_w_object_end(w);
}

static void
on_files(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct job_file *files = NULL;
    struct answer a;
    size_t count = 0, i;
    int64_t next = 0;
    char cursor[24];
    int rc = E_TRANSIENT;

    (void)api;
    if (reply != NULL)
        rc = store_reply_job_files(reply, &files, &count, &next, ei);
    if (rc == E_NOT_FOUND) {
        response_task(rq, TASK_NOT_FOUND);
        return;
    }
    if (rc < 0) {
        response_unavailable(rq, ei);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    for (i = 0; i < count; i++)
        write_file(&a.w, &files[i]);
    json_w_array_end(&a.w);
    snprintf(cursor, sizeof(cursor), "%" PRId64, next);
    json_w_kv_string(&a.w, "cursor", next != 0 ? cursor : NULL);
    job_files_free(files, count);
    response_end(&a, 200);
}

void
jobs_files(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};
    struct faults f = {0};
    int64_t limit = LIST_MAX, after = 0;

    if (!ids_is_uuid(rq->args[0])) {
        response_task(rq, TASK_NOT_FOUND);
        return;
    }
    snprintf(rq->job, sizeof(rq->job), "%s", rq->args[0]);
    params_int(rq, "limit", 1, LIST_MAX, &limit, &f);
    params_int(rq, "cursor", 0, UINT_MAX, &after, &f);
    if (f.count > 0) {
        response_bad_parameters(rq, (const char *const *)f.items, f.count);
    } else {
        store_cmd_job_files(&cmd, rq->cred->domain, rq->job, after, limit);
        api_store(api, rq, &cmd, on_files);
    }
    faults_done(&f);
}
