#include "api/jobs.h"

#include "api/api.h"
#include "api/auth.h"
#include "api/response.h"

#include <errno.h>
#include <string.h>

#define LIST_MAX 1000

static void
write_list(struct json_writer *w, const char *key, char *const *items, size_t count)
{
    size_t i;

    json_w_key(w, key);
    json_w_array(w);
    for (i = 0; i < count; i++)
        json_w_string(w, items[i]);
    json_w_array_end(w);
}

void
jobs_write(struct json_writer *w, const struct job_record *r)
{
    json_w_object(w);
    json_w_kv_string(w, "status", job_status_name(r->status));
    json_w_kv_string(w, "id", r->id);
    json_w_kv_int(w, "eventGenerated", r->generated);
    json_w_kv_int(w, "eventsSent", r->sent);
    /* 0 once COMPLETED, as with the original; extra.lastEvent keeps it */
    json_w_kv_int(w, "lastDatetime", r->status == JOB_COMPLETED ? 0 : r->last_event_ms);
    json_w_key(w, "extra");
    json_w_object(w);
    write_list(w, "paths", r->paths, r->path_count);
    json_w_kv_int(w, "pathsTotal", r->paths_total);
    json_w_kv_int(w, "lastEvent", r->last_event_ms);
    json_w_object_end(w);
    json_w_kv_string(w, "type", r->type);
    json_w_kv_string(w, "friendlyName", r->friendly_name);
    json_w_kv_string(w, "query", r->query);
    json_w_kv_string(w, "cid", r->cid);
    json_w_kv_string(w, "owner", r->owner);
    json_w_kv_string(w, "table", r->table);
    json_w_kv_string(w, "domain", r->domain);
    write_list(w, "error", r->errors, r->error_count);
    json_w_object_end(w);
}

static void
on_job(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct job_record record;
    struct answer a;
    int rc = reply != NULL ? store_reply_job_get(reply, &record, ei) : E_TRANSIENT;

    (void)api;
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
    jobs_write(&a.w, &record);
    job_record_done(&record);
    response_end(&a, 200);
}

void
jobs_get(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    if (!ids_is_uuid(rq->args[0])) {
        response_task(rq, TASK_NOT_FOUND);
        return;
    }
    snprintf(rq->job, sizeof(rq->job), "%s", rq->args[0]);
    store_cmd_job_get(&cmd, rq->cred->domain, rq->job);
    api_store(api, rq, &cmd, on_job);
}

static void
on_list(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct job_record *records = NULL;
    struct answer a;
    size_t count = 0, i;

    (void)api;
    if (reply == NULL || store_reply_job_list(reply, &records, &count, ei) < 0) {
        response_unavailable(rq, ei);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    for (i = 0; i < count; i++)
        jobs_write(&a.w, &records[i]);
    json_w_array_end(&a.w);
    job_records_free(records, count);
    response_end(&a, 200);
}

static int
parse_limit(const char *text, int64_t *ret)
{
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < 1 || v > LIST_MAX)
        return -1;
    *ret = v;
    return 0;
}

void
jobs_list(struct api *api, struct request *rq)
{
    static const char *const later[] = {"status", "cursor", "type", "name"};
    char *limit = request_param(rq, "limit"), *other;
    struct store_cmd cmd = {0};
    int64_t n = LIST_MAX;
    char words[80];
    size_t i;

    for (i = 0; i < ARRAY_LEN(later); i++) {
        other = request_param(rq, later[i]);
        if (other == NULL)
            continue;
        free(other);
        free(limit);
        snprintf(words, sizeof(words), "the filter '%s' is not served by this version", later[i]);
        response_bad_parameter(rq, words);
        return;
    }
    if (limit != NULL && parse_limit(limit, &n) < 0) {
        free(limit);
        response_bad_parameter(rq, "limit should be a whole number from 1 to 1000");
        return;
    }
    free(limit);
    store_cmd_job_list(&cmd, rq->cred->domain, rq->args[0], rq->args[1], n);
    api_store(api, rq, &cmd, on_list);
}
