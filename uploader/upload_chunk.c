#include "uploader/upload_chunk.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "uploader/upload_check.h"
#include "uploader/upload_judge.h"
#include "uploader/upload_where.h"
#include "uploader/uploader_state.h"

#include <unistd.h>

#define REPORT_BASE_MS 250
#define REPORT_CAP_MS  5000

/*
 * step    | waits for                  | then
 * CHECK   | the hash of the file       | PUT, or HEAD when it is damaged
 * PUT     | s3_put_file                | OWED, or HEAD when an object is there
 * HEAD    | s3_head                    | OWED, or PUT where objects are replaced
 * OWED    | the store's answer         | gone
 * ABORT   | s3_abort_upload            | gone
 * PUT and HEAD begin when the lease allows it: `op` is NULL until then.
 */
enum step { STEP_CHECK, STEP_PUT, STEP_HEAD, STEP_OWED, STEP_ABORT };

struct upload {
    struct upload *next;
    struct uploader *u;
    struct chunk_claim claim;
    struct upload_where to;
    char name[96];     /* of the file in ready/ */
    char *upload_id;   /* multipart in progress; NULL: none */
    char asked[200];   /* of the objects, in words */
    char no_file[320]; /* why the file cannot be sent; "" */
    int fd;
    enum step step;
    struct upload_check *check;
    struct s3_op *op;
    struct upload_verdict verdict;
    char region[64]; /* the bucket's, if it is not the job's */
    bool put_unanswered;
    bool look_first;      /* an object that is replaced: is it this chunk already? */
    int64_t first_try_ms; /* wall clock, of a try before this one; 0: there was none */
    bool lost;            /* not ours any more */
    bool paused;          /* the lease ran out by our clock, so the transfer ended itself */
    bool handing_back;
    int64_t claimed_ms, lease_until_ms, renew_ms, report_ms; /* monotonic */
    unsigned reports;
};

static void go_on(struct upload *up);

struct upload *
upload_next(const struct upload *up)
{
    return up->next;
}

static void
log_chunk(enum log_level level, const char *event, const struct upload *up, const char *words)
{
    log_event(level, event, LF("job", up->claim.chunk.job), LFU("index", up->claim.chunk.index),
              LFN("tries", up->claim.tries), LFN("ms", clock_mono_ms() - up->claimed_ms),
              LF("words", words));
}

void
upload_free(struct upload *up)
{
    struct uploader *u = up->u;
    struct upload **at = &u->uploads;

    while (*at != up)
        at = &(*at)->next;
    *at = up->next;
    u->in_work--;
    upload_check_free(up->check);
    if (up->fd >= 0)
        close(up->fd);
    upload_where_done(&up->to);
    chunk_claim_done(&up->claim);
    free(up->upload_id);
    free(up);
    if (!u->stopping)
        event_active(u->fill, EV_TIMEOUT, 0);
}

/* --- what the store is told ----------------------------------------------------------------- */

/* The URL that was really used. */
static char *
object_url(const struct upload *up)
{
    struct s3_target target = up->to.target;
    struct buf url = BUF_INIT(4096);

    if (up->region[0] != '\0')
        target.region = up->region;
    if (s3_target_url(&target, up->to.key, &url, NULL) < 0)
        buf_puts(&url, up->to.key);
    return buf_take(&url);
}

static int
tell_store(struct upload *up, struct errinfo *ei)
{
    struct job_store *store = up->u->store;
    const struct upload_verdict *v = &up->verdict;
    char *url = object_url(up);
    int64_t delay = up->handing_back ? 0
                                     : backoff_ms(up->claim.tries,
                                                  config_int(up->u->cfg, "upload.retry_base_ms"),
                                                  config_int(up->u->cfg, "upload.retry_cap_ms"));
    int rc = E_BUG;

    switch (v->action) {
    case UPLOAD_DONE:
        rc = job_store_chunk_done(store, &up->claim, url, v->verified, ei);
        break;
    case UPLOAD_ADOPT:
        rc = job_store_chunk_adopt(store, &up->claim, v->end, v->content_sha256, v->last_row_sha256,
                                   url, ei);
        break;
    case UPLOAD_RETRY:
        rc = job_store_chunk_retry(store, &up->claim, delay, v->unanswered || up->put_unanswered,
                                   v->words, ei);
        break;
    case UPLOAD_FAIL:
        rc = job_store_chunk_fail(store, &up->claim, v->words, ei);
        break;
    case UPLOAD_LOOK:
        break;
    }
    free(url);
    return rc;
}

static void
log_end(const struct upload *up)
{
    const struct chunk_record *c = &up->claim.chunk;

    switch (up->verdict.action) {
    case UPLOAD_DONE:
        log_event(LOG_INFO, "chunk sent", LF("job", c->job), LFU("index", c->index),
                  LFN("events", c->end - c->start), LFN("bytes", c->bytes),
                  LFN("ms", clock_mono_ms() - up->claimed_ms),
                  LF("verified", up->verdict.verified ? "yes" : "no"));
        return;
    case UPLOAD_ADOPT:
        log_event(LOG_WARN, "chunk adopted: the object's end wins", LF("job", c->job),
                  LFU("index", c->index), LFN("end", c->end), LFN("object_end", up->verdict.end));
        return;
    case UPLOAD_RETRY:
        log_chunk(up->handing_back ? LOG_INFO : LOG_WARN, "chunk waits", up, up->verdict.words);
        return;
    default:
        log_chunk(LOG_WARN, "job stopped by its destination", up, up->verdict.words);
        return;
    }
}

/* The store has agreed. Only now the file may go. */
static void
settled(struct upload *up)
{
    struct errinfo ei = ERRINFO_INIT;

    log_end(up);
    if ((up->verdict.action == UPLOAD_DONE || up->verdict.action == UPLOAD_ADOPT) &&
        spool_remove_ready(up->u->spool, up->name, &ei) < 0)
        log_chunk(LOG_ERROR, "cannot delete a sent file; the rescan will try", up, ei.msg);
    upload_free(up);
}

static void
on_aborted(void *ctx, const struct s3_result *res)
{
    struct upload *up = ctx;

    up->op = NULL;
    if (!up->u->stopping)
        log_chunk(res->outcome == S3_OK ? LOG_INFO : LOG_WARN, "multipart upload aborted", up,
                  res->message);
    upload_free(up);
}

/* The claim is not ours any more. Our object, if it arrived, stays; an unfinished multipart upload
 * is aborted if the job is gone, and else belongs to whoever has the chunk now. */
static void
leave(struct upload *up)
{
    struct job_record job = {0};
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    log_chunk(LOG_INFO, "chunk is no longer ours", up, "");
    if (up->upload_id == NULL || up->to.key == NULL) {
        upload_free(up);
        return;
    }
    rc = job_store_get(up->u->store, up->claim.domain, up->claim.chunk.job, &job, &ei);
    if (rc == E_OK)
        job_record_done(&job);
    if (rc == E_NOT_FOUND) {
        up->step = STEP_ABORT;
        up->op = s3_abort_upload(up->u->s3, &up->to.target, up->to.key, up->upload_id, on_aborted,
                                 up, &ei);
    }
    if (up->op == NULL)
        upload_free(up);
}

static void
lose(struct upload *up)
{
    up->lost = true;
    if (up->op != NULL)
        s3_op_cancel(up->op); /* its callback leaves */
    else
        leave(up);
}

/* Tells the store the verdict; again at later ticks as long as it gives no answer. */
static void
report(struct upload *up)
{
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    up->step = STEP_OWED;
    rc = tell_store(up, &ei);
    uploader_note_store(up->u, rc, &ei);
    if (rc == E_OK) {
        settled(up);
        return;
    }
    if (rc == E_LOST || rc == E_NOT_FOUND) {
        lose(up);
        return;
    }
    if (rc == E_CONFLICT && up->verdict.action == UPLOAD_ADOPT) {
        snprintf(up->verdict.words, sizeof(up->verdict.words),
                 "file %u: object exists with another end and cannot be taken over: %.600s",
                 up->claim.chunk.index, ei.msg);
        up->verdict.action = UPLOAD_FAIL;
    } else if (!uploader_store_is_away(rc)) {
        log_chunk(LOG_ERROR, "the job store refuses the end of a chunk", up, ei.msg);
    }
    up->report_ms = clock_mono_ms() + backoff_ms(up->reports++, REPORT_BASE_MS, REPORT_CAP_MS);
}

static void
fail(struct upload *up, const char *words)
{
    const struct upload_case c = {.chunk = &up->claim.chunk};

    upload_verdict_fail(&up->verdict, &c, words);
    report(up);
}

/* --- S3 ------------------------------------------------------------------------------------- */

static bool
replaces(const struct upload *up)
{
    return strcmp(up->to.spec.overwrite, "replace") == 0;
}

/* The step that sends the file. A PUT that may have arrived is settled by a look before it, where
 * the PUT itself would not find out. */
static enum step
sending_step(struct upload *up)
{
    up->look_first = replaces(up) && up->put_unanswered;
    return up->look_first ? STEP_HEAD : STEP_PUT;
}

static struct upload_case
case_of(const struct upload *up)
{
    int64_t first = up->claim.first_try_ms;

    return (struct upload_case){
        .chunk = &up->claim.chunk,
        .bucket = up->to.spec.bucket,
        .key = up->to.key,
        .default_store = up->to.spec.default_store,
        .asked = up->asked,
        .put_unanswered = up->put_unanswered,
        .no_file = up->no_file[0] != '\0' ? up->no_file : NULL,
        .tried_ms = first > 0 ? clock_now_ms() - first : clock_mono_ms() - up->claimed_ms,
        .give_up_ms = config_int(up->u->cfg, "upload.give_up_s") * 1000,
    };
}

/* The S3 operation is over: true if the upload goes on. */
static bool
op_is_over(struct upload *up, const struct s3_result *res)
{
    up->op = NULL;
    if (up->u->stopping) {
        upload_free(up);
        return false;
    }
    up->put_unanswered |= res->unanswered_put;
    if (up->lost) {
        leave(up);
        return false;
    }
    snprintf(up->region, sizeof(up->region), "%s", res->region);
    return true;
}

static void
on_put(void *ctx, const struct s3_result *res)
{
    struct upload *up = ctx;
    struct upload_case c;

    if (!op_is_over(up, res))
        return;
    if (up->paused && res->outcome == S3_CANCELLED && !up->handing_back) {
        if (up->first_try_ms == 0)
            up->first_try_ms = clock_now_ms() - (clock_mono_ms() - up->claimed_ms);
        return; /* a tick goes on when the lease is renewed */
    }
    c = case_of(up);
    upload_judge_put(&c, res, &up->verdict);
    if (up->verdict.action != UPLOAD_LOOK) {
        report(up);
        return;
    }
    up->step = STEP_HEAD;
    go_on(up);
}

static void
on_head(void *ctx, const struct s3_result *res, const struct s3_object_info *info)
{
    struct upload *up = ctx;
    struct upload_case c;

    if (!op_is_over(up, res))
        return;
    c = case_of(up);
    upload_judge_head(&c, res, info, &up->verdict);
    /* Whatever else stands there, or cannot be looked at, is replaced. */
    if (up->look_first && res->outcome != S3_CANCELLED &&
        !(up->verdict.action == UPLOAD_DONE && up->verdict.verified)) {
        up->look_first = false;
        up->step = STEP_PUT;
        go_on(up);
        return;
    }
    report(up);
}

static bool
lease_is_good(const struct upload *up)
{
    return clock_mono_ms() < up->lease_until_ms;
}

static bool
on_may_send(void *ctx)
{
    struct upload *up = ctx;

    if (lease_is_good(up))
        return true;
    if (!up->paused)
        log_chunk(LOG_WARN, "the lease is over by our clock; the transfer pauses", up, "");
    up->paused = true;
    return false;
}

/* Before the first part: a new uploader must find the parts that are sent from here on. */
static int
on_upload_started(void *ctx, const char *upload_id, struct errinfo *ei)
{
    struct upload *up = ctx;
    int rc = job_store_chunk_upload_id(up->u->store, &up->claim, upload_id, ei);

    uploader_note_store(up->u, rc, ei);
    if (rc == E_LOST)
        up->lost = true;
    if (rc == E_OK) {
        free(up->upload_id);
        up->upload_id = mem_strdup(upload_id);
    }
    return rc;
}

/* A single-file export has no bound on its size, so a broken connection must not cost all of it:
 * always in parts, behind a HEAD where the endpoint's Complete is not conditional. */
static enum s3_put_mode
put_mode(const struct upload *up)
{
    bool large = up->claim.chunk.bytes > config_int(up->u->cfg, "upload.multipart_threshold");

    return !up->to.spec.multiplefile && large ? S3_FORCE_MULTIPART : S3_AUTO;
}

static struct s3_op *
start_put(struct upload *up, struct errinfo *ei)
{
    const struct chunk_record *c = &up->claim.chunk;
    struct s3_header headers[UPLOAD_HEADERS_MAX];
    struct upload_metadata meta;
    struct s3_put put = {
        .target = up->to.target,
        .key = up->to.key,
        .fd = up->fd,
        .bytes = c->bytes,
        .sha256_hex = c->file_sha256,
        .content_type = upload_content_type(up->to.spec.format),
        .if_none_match = !replaces(up),
        .mode = put_mode(up),
        .upload_id = up->upload_id,
        .orphans_since_ms = up->first_try_ms,
        .upload_started = on_upload_started,
        .may_send = on_may_send,
        .done = on_put,
        .ctx = up,
    };

    upload_metadata_fill(c, &meta);
    put.metadata = meta.list;
    put.metadata_count = meta.count;
    put.extra = headers;
    put.extra_count = upload_headers_fill(&up->to.spec, headers);
    return s3_put_file(up->u->s3, &put, ei);
}

/* Begins what the step asks for, if the lease is still good by our clock; else a later tick does.
 */
static void
go_on(struct upload *up)
{
    struct errinfo ei = ERRINFO_INIT;

    if (!lease_is_good(up))
        return;
    up->paused = false;
    if (up->step == STEP_PUT)
        up->op = start_put(up, &ei);
    else
        up->op = s3_head(up->u->s3, &up->to.target, up->to.key, on_head, up, &ei);
    if (up->op == NULL)
        fail(up, ei.msg); /* bucket, region or key break a rule */
}

/* --- before the first request --------------------------------------------------------------- */

static void
on_checked(void *ctx, int rc, const char *words)
{
    struct upload *up = ctx;

    upload_check_free(up->check);
    up->check = NULL;
    /* A file that cannot be sent may be one whose object is there: its deletion is the last thing
     * that happens, and Redis can forget its confirmation. */
    if (rc < 0)
        snprintf(up->no_file, sizeof(up->no_file), "%s", words);
    up->step = rc < 0 ? STEP_HEAD : sending_step(up);
    go_on(up);
}

/* 0: it is there, with the right size. Else no_file says why not. E_TRANSIENT: try later. */
static int
open_file(struct upload *up, struct errinfo *ei)
{
    const struct chunk_record *c = &up->claim.chunk;
    int64_t bytes = 0;
    int rc = spool_open_ready(up->u->spool, up->name, &up->fd, &bytes, ei);

    if (rc == E_NOT_FOUND) {
        snprintf(up->no_file, sizeof(up->no_file),
                 "its file is gone from the spool of this server, and its object is not there: "
                 "post the query again");
        return E_OK;
    }
    if (rc < 0)
        return rc;
    if (bytes != c->bytes)
        snprintf(up->no_file, sizeof(up->no_file),
                 "the file in the spool is damaged: %lld bytes, recorded are %lld; tell the "
                 "operator of this server",
                 (long long)bytes, (long long)c->bytes);
    return E_OK;
}

/* Of this machine, not of the job: it may pass, or another uploader of the spool may do better. */
static void
trouble_here(struct upload *up, const char *words)
{
    struct upload_case c = case_of(up);

    upload_verdict_fail(&up->verdict, &c, words);
    if (c.tried_ms < c.give_up_ms)
        up->verdict.action = UPLOAD_RETRY;
    report(up);
}

void
upload_start(struct uploader *u, struct chunk_claim *claim, int64_t claimed_mono_ms)
{
    struct upload *up = mem_zalloc(sizeof(*up));
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    up->u = u;
    up->claim = *claim;
    up->fd = -1;
    up->claimed_ms = claimed_mono_ms;
    up->lease_until_ms = claimed_mono_ms + u->lease_ms;
    up->renew_ms = claimed_mono_ms + u->lease_ms / 3;
    up->put_unanswered = claim->put_unanswered;
    up->first_try_ms = claim->first_try_ms;
    up->upload_id = mem_strdup(claim->upload_id);
    up->next = u->uploads;
    u->uploads = up;
    u->in_work++;
    spool_name_format(up->name, claim->chunk.job, claim->chunk.index, claim->chunk.attempt);
    log_chunk(LOG_DEBUG, "claimed a chunk", up, "");

    rc = upload_where_read(u, claim->domain, claim->chunk.job, claim->chunk.index, claim->spec,
                           claim->secrets, &up->to, &ei);
    if (up->to.key != NULL) /* the spec could be read */
        upload_headers_words(&up->to.spec, up->asked, sizeof(up->asked));
    if (rc < 0) {
        fail(up, ei.msg);
    } else if (open_file(up, &ei) < 0) {
        trouble_here(up, ei.msg);
    } else if (up->no_file[0] != '\0') {
        up->step = STEP_HEAD;
        go_on(up);
    } else if (upload_check_is_due(u, up->name, up->fd)) {
        up->step = STEP_CHECK;
        up->check = upload_check_start(u, up->name, up->fd, up->claim.chunk.bytes,
                                       up->claim.chunk.file_sha256, on_checked, up);
    } else {
        up->step = sending_step(up);
        go_on(up);
    }
}

/* --- while it is in work -------------------------------------------------------------------- */

/* False: the upload may be gone. */
static bool
renew(struct upload *up, int64_t now)
{
    struct errinfo ei = ERRINFO_INIT;
    int rc = job_store_chunk_renew(up->u->store, &up->claim, &ei);

    uploader_note_store(up->u, rc, &ei);
    if (rc == E_LOST || rc == E_NOT_FOUND) {
        lose(up);
        return false;
    }
    if (rc == E_OK) {
        up->lease_until_ms = now + up->u->lease_ms;
        up->renew_ms = now + up->u->lease_ms / 3;
    } else {
        up->renew_ms = now + REPORT_BASE_MS;
    }
    return true;
}

void
upload_look_after(struct upload *up, int64_t now_mono_ms)
{
    if (up->lost || up->step == STEP_ABORT)
        return;
    if (now_mono_ms >= up->renew_ms && !renew(up, now_mono_ms))
        return;
    if (up->step == STEP_OWED && now_mono_ms >= up->report_ms)
        report(up);
    else if ((up->step == STEP_PUT || up->step == STEP_HEAD) && up->op == NULL)
        go_on(up);
}

void
upload_hand_back(struct upload *up)
{
    up->handing_back = true;
    if (up->step == STEP_OWED || up->step == STEP_ABORT || up->lost)
        return;
    if (up->op != NULL) {
        s3_op_cancel(up->op);
        return;
    }
    upload_check_free(up->check);
    up->check = NULL;
    up->verdict = (struct upload_verdict){.action = UPLOAD_RETRY};
    report(up);
}
