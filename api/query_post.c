#include "api/api.h"

#include "api/auth.h"
#include "api/faults.h"
#include "api/query_body.h"
#include "api/response.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/linq/linq.h"
#include "common/s3/s3_endpoint.h"
#include "common/store/job_spec.h"

#include <string.h>

#define MB           1000000 /* as the API counts file sizes */
#define IDEM_KEY_MAX 255
#define IDEM_MS      86400000

/* A job on its way into Redis. */
struct post {
    struct query_body body;
    struct linq_query *linq;
    struct faults faults;
    char *friendly_name;
    char *sealed; /* NULL: nothing secret */
    struct buf spec;
    char body_mark[DIGEST_SHA256_HEX + 1];
    char *idem_key;   /* NULL: no Idempotency-Key */
    char *replay_key; /* NULL: not signed */
};

static void
post_free(void *state)
{
    struct post *p = state;

    query_body_done(&p->body);
    linq_free(p->linq);
    faults_done(&p->faults);
    free(p->friendly_name);
    free(p->sealed);
    free(p->idem_key);
    free(p->replay_key);
    buf_done(&p->spec);
    free(p);
}

static char *
copy_or(const char *given, const char *otherwise)
{
    return mem_strdup(given != NULL ? given : otherwise);
}

/* Where the objects go: bucket, keys, endpoint. */
static void
fill_place(const struct api *api, const char *id, const char *table, struct post *p,
           struct job_spec *s)
{
    const struct s3_params *in = &p->body.params;
    const struct s3_prefix_values values = {id, table, p->body.now_ms};
    char *prefix = in->prefix != NULL ? s3_params_prefix(in->prefix, &values, &p->faults) : NULL;
    const char *bucket =
        in->default_store ? config_str(api->cfg, "default_store.bucket") : in->bucket;
    const char *region =
        in->default_store ? config_str(api->cfg, "default_store.region") : in->region;
    struct errinfo ei = ERRINFO_INIT;
    char *key;

    s->bucket = mem_strdup(bucket != NULL ? bucket : "");
    s->region = mem_strdup(region != NULL ? region : "");
    s->endpoint =
        mem_strdup(in->endpoint != NULL ? in->endpoint : config_str(api->cfg, "s3.endpoint"));
    s->sse = copy_or(in->sse, "");
    s->kms_key_id = copy_or(in->kms_key_id, "");
    s->storage_class = copy_or(in->storage_class, "");
    s->bucket_owner = copy_or(in->bucket_owner, "");
    s->tags = copy_or(in->tags, "");
    s->overwrite = copy_or(in->overwrite, "never");
    s->notify_email = copy_or(in->email, "");
    s->path_style = config_bool(api->cfg, "s3.path_style");
    s->default_store = in->default_store;
    s->entry_stem = in->file_name != NULL ? mem_strdup(in->file_name) : mem_printf("apiv2_%s", id);
    s->key_stem = mem_printf("%s%s", prefix != NULL ? prefix : "", s->entry_stem);
    key = job_spec_key(s, 1000000);
    if (s3_check_key(key, &ei) < 0)
        faults_add(&p->faults, 0, "aws.prefix and s3.fileName: %s", ei.msg);
    free(key);
    free(prefix);
}

/* How the files look and where they are cut. */
static void
fill_files(const struct api *api, const struct s3_params *in, struct job_spec *s)
{
    int64_t mb = in->retention_size;

    if (mb == 0)
        mb = config_int(api->cfg, "job.retention_size_max_mb");
    s->format = copy_or(in->format, "zip");
    s->compression = copy_or(in->compression, "fast");
    s->multiplefile = in->multiplefile != 0;
    s->max_file_bytes = s->multiplefile ? mb * MB : INT64_MAX;
    s->max_file_ms = in->retention_time * 1000;
    s->max_file_rows = in->retention_events;
    s->csv_delimiter = copy_or(in->csv_delimiter, ",");
    s->csv_null = copy_or(in->csv_null, "");
    s->zip_encryption = copy_or(in->zip_encryption, "aes256");
    s->csv_bom = in->csv_bom != 0;
    s->csv_formulaguard = in->csv_formulaguard != 0;
}

static void
build_spec(const struct api *api, const struct request *rq, const char *id, const char *table,
           struct post *p)
{
    const struct query_body *b = &p->body;
    struct job_spec s = {0};

    s.query = b->query;
    s.from_ms = b->from_ms;
    s.to_ms = b->to_ms;
    s.now_ms = b->now_ms;
    s.tz_offset_min = b->tz_offset_min;
    s.iso_dates = b->iso_dates;
    s.limit = b->limit;
    s.skip = b->skip;
    s.globs = rq->cred->globs;
    s.engine = mem_strdup(config_str(api->cfg, "engine.default"));
    s.destination = b->type;
    fill_files(api, &b->params, &s);
    fill_place(api, id, table, p, &s);
    job_spec_format(&s, &p->spec);
    s.query = NULL; /* borrowed */
    s.globs = NULL;
    s.destination = NULL;
    job_spec_done(&s);
}

static void
seal_secrets(const struct api *api, const struct request *rq, const char *id, struct post *p)
{
    const struct s3_params *in = &p->body.params;
    const struct job_secrets secrets = {in->access_key, in->secret_key, in->session_token,
                                        in->password};
    struct buf text = BUF_INIT(65536);
    char *place;

    if (in->access_key == NULL && in->password == NULL)
        return;
    place = job_secrets_place(rq->cred->domain, id);
    job_secrets_format(&secrets, &text);
    p->sealed = seal_text(api->seal, buf_str(&text), place);
    buf_wipe(&text);
    free(place);
}

/* What a repeat of this request would have, too. The signature covers the body, so a captured
 * request can only ever be answered as it was the first time. */
static void
mark_request(const struct api *api, const struct request *rq, struct post *p)
{
    const char *key = request_header(rq, "Idempotency-Key");
    const char *sign = request_header(rq, "x-logtrust-sign");
    char *text, hash[DIGEST_SHA256_HEX + 1];
    const char *c;

    seal_fingerprint(api->seal, rq->body.data, rq->body.len, p->body_mark);
    if (key != NULL) {
        for (c = key; *c > ' ' && *c < 0x7f; c++)
            ;
        if (*c != '\0' || c == key || c - key > IDEM_KEY_MAX)
            faults_add(&p->faults, 0,
                       "the header Idempotency-Key should be 1 to %d visible ASCII characters",
                       IDEM_KEY_MAX);
        p->idem_key = mem_printf("k:%s", key);
    }
    if (sign != NULL) {
        text = mem_printf("%s\n%s\n%s", request_header(rq, "x-logtrust-apikey"),
                          request_header(rq, "x-logtrust-timestamp"), sign);
        digest_sha256_hex(text, strlen(text), hash);
        p->replay_key = mem_printf("s:%s", hash);
        free(text);
    }
}

/* A limit of the domain is the caller's to mind (429), a full Redis is not (503). */
static void
refuse_full(struct request *rq, const char *limit, const char *why)
{
    if (limit[0] != '\0') {
        response_limit(rq, limit, why);
        return;
    }
    response_header(rq, "Retry-After", "10");
    response_error(rq, 503, why);
}

static void
on_created(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct post *p = rq->state;
    struct job_created made = {0};
    int rc = reply != NULL ? store_reply_job_create(reply, &made, ei) : E_TRANSIENT;
    struct answer a;
    char *words;

    (void)api;
    if (rc < 0)
        rq->job[0] = '\0'; /* the log names jobs that exist */
    if (rc == E_CONFLICT) {
        words = mem_printf("Unable to Start Task: Task Key Duplicate: %s", p->friendly_name);
        response_code(rq, 500, words, 500);
        free(words);
    } else if (rc == E_NOSPACE) {
        refuse_full(rq, made.limit, ei->msg);
    } else if (rc == E_INVALID) {
        response_error(rq, 422, "this Idempotency-Key came with another body before");
    } else if (rc < 0) {
        response_unavailable(rq, ei);
    } else {
        memcpy(rq->job, made.id, sizeof(rq->job));
        response_begin(&a, rq, "", TASK_OK);
        json_w_key(&a.w, "object");
        json_w_object(&a.w);
        json_w_kv_string(&a.w, "id", rq->job);
        json_w_object_end(&a.w);
        response_end(&a, 200);
    }
}

static void
create(struct api *api, struct request *rq, struct post *p, const char *table)
{
    struct store_cmd cmd = {0};
    char suffix[11];

    if (p->body.params.friendly_name != NULL) {
        p->friendly_name = mem_strdup(p->body.params.friendly_name);
    } else {
        ids_alnum(suffix, 10);
        p->friendly_name = mem_printf("%s_%s", p->body.type, suffix);
    }
    seal_secrets(api, rq, rq->job, p);
    store_cmd_job_create(&cmd, &(struct job_new){
                                   .id = rq->job,
                                   .domain = rq->cred->domain,
                                   .owner = rq->cred->api_key,
                                   .cid = rq->cid,
                                   .type = p->body.type,
                                   .friendly_name = p->friendly_name,
                                   .query = p->body.query,
                                   .table = table,
                                   .engine = config_str(api->cfg, "engine.default"),
                                   .kind = "batch",
                                   .priority = p->body.priority,
                                   .spec = buf_str(&p->spec),
                                   .secrets = p->sealed,
                                   .queued_limit = config_int(api->cfg, "limits.queued"),
                                   .running_limit = config_int(api->cfg, "limits.running"),
                                   .body_mark = p->body_mark,
                                   .idem_key = p->idem_key,
                                   .replay_key = p->replay_key,
                                   .idem_ms = IDEM_MS,
                                   .replay_ms = 2000 * config_int(api->cfg, "api.clock_skew_s"),
                               });
    api_store(api, rq, &cmd, on_created);
}

/* False: answered, some table is not for this caller. */
static bool
check_tables(struct request *rq, const struct linq_query *q)
{
    size_t i;
    char *words;

    for (i = 0; i < linq_table_count(q); i++) {
        if (auth_may_read(rq->cred, linq_table_name(q, i)))
            continue;
        words = mem_printf("Access not allowed for table '%s'", linq_table_name(q, i));
        response_error(rq, 403, words);
        free(words);
        return false;
    }
    return true;
}

/* The query is known: its syntax (500), its tables (403), then the job. */
static void
launch(struct api *api, struct request *rq)
{
    struct post *p = rq->state;
    struct linq_error err = {0};
    const char *table;

    if (linq_parse(p->body.query, strlen(p->body.query), &p->linq, &err) < 0) {
        response_launch_error(rq, err.msg);
        return;
    }
    if (!check_tables(rq, p->linq))
        return;
    ids_uuid(rq->job);
    table = linq_table_name(p->linq, 0);
    build_spec(api, rq, rq->job, table, p);
    if (p->faults.count > 0)
        response_bad_parameters(rq, (const char *const *)p->faults.items, p->faults.count);
    else
        create(api, rq, p, table);
}

static void
on_saved(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct post *p = rq->state;
    struct saved_query q = {0};
    int rc = reply != NULL ? store_reply_saved_get(reply, &q, ei) : E_TRANSIENT;

    if (rc == E_NOT_FOUND) {
        response_no_saved(rq, p->body.query_id);
    } else if (rc < 0) {
        response_unavailable(rq, ei);
    } else {
        p->body.query = q.query;
        q.query = NULL;
        saved_query_done(&q);
        launch(api, rq);
    }
}

/* Checks in the order of their answers: parameters (400), saved query (404), syntax (500), tables
 * (403); then the job. */
void
query_post(struct api *api, struct request *rq)
{
    struct post *p = mem_zalloc(sizeof(*p));
    struct store_cmd cmd = {0};

    rq->state = p;
    rq->state_free = post_free;
    buf_init(&p->spec, 1 << 20);
    query_body_parse(rq->body.data, rq->body.len, api->cfg, clock_now_ms(), &p->body, &p->faults);
    mark_request(api, rq, p);
    if (p->faults.count > 0) {
        response_bad_parameters(rq, (const char *const *)p->faults.items, p->faults.count);
    } else if (p->body.query != NULL) {
        launch(api, rq);
    } else {
        store_cmd_saved_get(&cmd, rq->cred->domain, p->body.query_id);
        api_store(api, rq, &cmd, on_saved);
    }
}
