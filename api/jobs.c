#include "api/jobs.h"

#include "api/api.h"
#include "api/auth.h"
#include "api/job_watch.h"
#include "api/params.h"
#include "api/response.h"
#include "common/base/clock.h"

#include <event2/event.h>
#include <inttypes.h>
#include <string.h>

#define TAG_MAX     32
#define WAIT_MAX_S  60
#define AWAY_MS     200 /* until a wait looks again for a Redis that is away */
#define RETRY_MAX_S 30  /* longest that an honest client should sleep between two looks */

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

/* Only once the query has ended: before, nobody knows how much there will be. Cut, so that 1 is
 * COMPLETED and nothing else. */
static void
write_progress(struct json_writer *w, const struct job_record *r)
{
    int64_t thousandths;
    char text[24];

    if (!r->query_ended)
        return;
    if (r->status == JOB_COMPLETED)
        thousandths = 1000;
    else
        thousandths = r->rows > 0 && r->sent < r->rows ? r->sent * 1000 / r->rows : 0;
    snprintf(text, sizeof(text), "%" PRId64 ".%03" PRId64, thousandths / 1000, thousandths % 1000);
    json_w_key(w, "progress");
    json_w_raw(w, text);
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
    write_progress(w, r);
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

/* Is the tag among those of If-None-Match? Weak comparison (RFC 9110 section 13.1.2). */
static bool
tag_is_known(const char *list, const char *tag)
{
    const char *p = list;
    size_t n = strlen(tag), len;

    if (strcmp(list, "*") == 0)
        return true;
    while (*p != '\0') {
        p += strspn(p, ", \t");
        len = strcspn(p, ", \t");
        if (len == n && strncmp(p, tag, n) == 0)
            return true;
        if (len == n - 2 && strncmp(p, tag + 2, len) == 0) /* without W/ */
            return true;
        p += len;
    }
    return false;
}

static bool
is_at_rest(const struct job_record *r)
{
    return r->status == JOB_COMPLETED || r->status == JOB_STOPPED;
}

/* A twentieth of the job's age: jobs of a minute are looked at every few seconds, long ones less
 * often. */
static void
advise_retry(struct request *rq, const struct job_record *r)
{
    int64_t s = (clock_now_ms() - r->created_ms) / 20000;
    char text[24];

    if (is_at_rest(r))
        return;
    s = s < 1 ? 1 : s > RETRY_MAX_S ? RETRY_MAX_S : s;
    snprintf(text, sizeof(text), "%" PRId64, s);
    response_header(rq, "Retry-After", text);
}

static void
tag_of(const struct job_record *r, char out[TAG_MAX])
{
    snprintf(out, TAG_MAX, "W/\"%" PRId64 "\"", r->version);
}

/* The caller has this version already. */
static bool
is_known(const struct request *rq, const struct job_record *r)
{
    const char *known = request_header(rq, "If-None-Match");
    char tag[TAG_MAX];

    tag_of(r, tag);
    return known != NULL && tag_is_known(known, tag);
}

static void
show_job(struct request *rq, const struct job_record *r)
{
    struct answer a;
    char tag[TAG_MAX];

    tag_of(r, tag);
    response_header(rq, "ETag", tag);
    advise_retry(rq, r);
    if (is_known(rq, r)) {
        response_not_modified(rq);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    jobs_write(&a.w, r);
    response_end(&a, 200);
}

/* --- one job, now or after a change ------------------------------------------------------------
 */

/* A request that waits. Told of a change by job_watch, it reads the job again. */
struct wait {
    struct api *api;
    struct request *rq;
    struct job_watcher *watcher;
    struct event *timer;
    int64_t until_ms; /* clock_mono_ms at which the wait ends */
    int64_t seen;     /* version of the first read; -1 before */
    bool reading;     /* a read is on its way */
    bool dirty;       /* ... and may be too old when it comes */
    bool over;        /* the wait has ended: whatever the next read says is the answer */
};

static void
wait_free(void *state)
{
    struct wait *w = state;

    job_watch_remove(w->watcher);
    event_free(w->timer);
    free(w);
}

static void on_job(struct api *api, struct request *rq, const struct redisReply *reply,
                   struct errinfo *ei);

static void
read_job(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    store_cmd_job_get(&cmd, rq->cred->domain, rq->job);
    api_store(api, rq, &cmd, on_job);
}

/* The request may be gone when this returns. */
static void
read_again(struct wait *w)
{
    w->reading = true;
    w->dirty = false;
    api_renew_limit(w->api, w->rq);
    read_job(w->api, w->rq);
}

static void
on_changed(void *ctx)
{
    struct wait *w = ctx;

    w->dirty = true;
    if (!w->reading)
        read_again(w);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct wait *w = arg;

    (void)fd;
    (void)what;
    w->over = clock_mono_ms() >= w->until_ms;
    if (!w->reading)
        read_again(w);
}

/* Is this what the caller waits for? With If-None-Match any version but that; else any but the one
 * of the first look, or a job of which nothing will come by itself. */
static bool
is_news(struct wait *w, const struct job_record *r)
{
    if (w->seen < 0)
        w->seen = r->version;
    if (request_header(w->rq, "If-None-Match") != NULL)
        return !is_known(w->rq, r);
    return r->version != w->seen || is_at_rest(r);
}

static void
set_timer(struct wait *w, int64_t ms)
{
    int64_t left = w->until_ms - clock_mono_ms();
    struct timeval tv;

    ms = ms < left ? ms : left > 0 ? left : 0;
    tv = (struct timeval){(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};
    event_add(w->timer, &tv);
}

/* The job has been read, or (NULL) Redis is away. True: no answer yet. */
static bool
goes_on_waiting(struct wait *w, const struct job_record *r)
{
    w->reading = false;
    if (w->over || job_watch_draining(w->api->watch))
        return false;
    if (r == NULL) {
        set_timer(w, AWAY_MS);
        return w->seen >= 0;
    }
    if (is_news(w, r))
        return false;
    set_timer(w, INT64_MAX);
    if (w->dirty)
        read_again(w);
    return true;
}

static void
on_job(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct wait *w = rq->state;
    struct job_record record;
    int rc = reply != NULL ? store_reply_job_get(reply, &record, ei) : E_TRANSIENT;

    (void)api;
    if (rc == E_NOT_FOUND) {
        response_task(rq, TASK_NOT_FOUND);
        return;
    }
    if (rc < 0) {
        if (w == NULL || rc != E_TRANSIENT || !goes_on_waiting(w, NULL))
            response_unavailable(rq, ei);
        return;
    }
    if (w == NULL || !goes_on_waiting(w, &record))
        show_job(rq, &record);
    job_record_done(&record);
}

static void
begin_wait(struct api *api, struct request *rq, int64_t seconds)
{
    struct wait *w = mem_zalloc(sizeof(*w));

    w->api = api;
    w->rq = rq;
    w->seen = -1;
    w->timer = evtimer_new(api->base, on_timer, w);
    w->until_ms = clock_mono_ms() + seconds * 1000;
    set_timer(w, INT64_MAX);
    rq->state = w;
    rq->state_free = wait_free;
    w->watcher = job_watch_add(api->watch, rq->cred->domain, rq->job, on_changed, w);
    read_again(w);
}

void
jobs_get(struct api *api, struct request *rq)
{
    struct faults f = {0};
    int64_t seconds = 0;

    if (!ids_is_uuid(rq->args[0])) {
        response_task(rq, TASK_NOT_FOUND);
        return;
    }
    snprintf(rq->job, sizeof(rq->job), "%s", rq->args[0]);
    params_int(rq, "wait", 1, WAIT_MAX_S, &seconds, &f);
    if (f.count > 0)
        response_bad_parameters(rq, (const char *const *)f.items, f.count);
    else if (seconds > 0)
        begin_wait(api, rq, seconds);
    else
        read_job(api, rq);
    faults_done(&f);
}
