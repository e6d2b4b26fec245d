#include "worker/running.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "worker/frames.h"
#include "worker/supervisor_state.h"

#include <sys/socket.h>

#define RENEW_MS      1000  /* far below a lease: it carries progress and brings `stop` back */
#define FIRST_BEAT_MS 20000 /* a start may be slow on a loaded machine */

/* --- one runner ---------------------------------------------------------------------------- */

static void
unlink_child(struct child *c)
{
    struct child **p;

    for (p = &c->sv->children; *p != NULL; p = &(*p)->next) {
        if (*p == c) {
            *p = c->next;
            c->sv->running--;
            return;
        }
    }
}

/* The job is no longer ours to care for: end the process, free the slot. */
void
running_drop(struct child *c)
{
    struct supervisor *sv = c->sv;

    child_reap(c);
    unlink_child(c);
    if (c->slot.path != NULL)
        spool_slot_drop(sv->spool, &c->slot);
    child_free(c);
    sv->claim_ms = 0;
}

bool
running_store_is_away(int rc)
{
    return rc == E_TRANSIENT || rc == E_NOSPACE; /* Redis is gone or full: keep, try again */
}

void
running_note_store(struct supervisor *sv, int rc, const struct errinfo *ei)
{
    if (running_store_is_away(rc) && !sv->store_away)
        log_event(LOG_WARN, "the job store is away", LF("error", ei->msg));
    else if (rc >= 0 && sv->store_away)
        log_event(LOG_INFO, "the job store is back");
    sv->store_away = running_store_is_away(rc);
}

/* One chunk's worth of spool for each runner; a small spool gives a quarter at a time. */
bool
running_has_space(struct supervisor *sv, const struct job_spec *spec, unsigned runners)
{
    int64_t used, left, limit = config_int(sv->cfg, "spool.limit"), worth = 64 << 20;
    struct errinfo ei;

    if (spool_space(sv->spool, &used, &left, &ei) < 0)
        return false;
    if (spec != NULL && spec->multiplefile)
        worth = spec->max_file_bytes;
    if (spec != NULL && strcmp(spec->format, "zip") == 0)
        worth *= 2;
    if (worth > limit / 4)
        worth = limit / 4;
    return left >= worth * (int64_t)(runners > 0 ? runners : 1);
}

static void
try_go(struct child *c)
{
    if (!c->go_owed)
        return;
    if (!c->stop_sent && (c->unsent >= config_int(c->sv->cfg, "job.unsent_chunks") ||
                          !running_has_space(c->sv, &c->spec, c->sv->running)))
        return; /* held back; asked again at each tick */
    c->go_owed = false;
    child_say(c, "go");
}

void
running_stop(struct child *c, bool by_user)
{
    c->by_user = c->by_user || by_user;
    if (!c->stop_sent)
        log_event(LOG_INFO, "stopping", LF("job", c->claim.id), LFN("user", c->by_user));
    c->stop_sent = true;
    child_say(c, "stop");
    try_go(c); /* it may seal what is open, whatever the limits say */
}

static int
copy_hash(char out[DIGEST_SHA256_HEX + 1], const struct json *frame, const char *key)
{
    const char *s = json_get_string(frame, key, "");

    if (strlen(s) != DIGEST_SHA256_HEX)
        return E_INVALID;
    memcpy(out, s, DIGEST_SHA256_HEX + 1);
    return E_OK;
}

static int
parse_sealed(const struct child *c, const struct json *f, struct chunk_record *r,
             struct errinfo *ei)
{
    memset(r, 0, sizeof(*r));
    memcpy(r->job, c->claim.id, sizeof(r->job));
    memcpy(r->attempt, c->claim.attempt, sizeof(r->attempt));
    snprintf(r->spool, sizeof(r->spool), "%s", spool_id(c->sv->spool));
    r->index = (unsigned)json_get_int(f, "index", 0);
    r->start = json_get_int(f, "start", -1);
    r->end = json_get_int(f, "end", -1);
    r->bytes = json_get_int(f, "bytes", -1);
    r->content_bytes = json_get_int(f, "contentBytes", -1);
    r->last_event_ms = json_get_int(f, "last", 0);
    if (r->index == 0 || r->start < 0 || r->end < r->start || r->bytes < 0 ||
        copy_hash(r->file_sha256, f, "fileSha256") < 0 ||
        copy_hash(r->content_sha256, f, "contentSha256") < 0 ||
        copy_hash(r->last_row_sha256, f, "lastRowSha256") < 0)
        return errinfo_set(ei, E_PERMANENT, "the runner sent a damaged report");
    return E_OK;
}

static int
answer_sealed(struct child *c, struct errinfo *ei)
{
    struct supervisor *sv = c->sv;
    struct chunk_record r;
    int rc = parse_sealed(c, c->ask, &r, ei);

    if (rc < 0)
        return rc;
    if (!c->published) {
        rc = spool_publish(sv->spool, &c->slot, json_get_string(c->ask, "file", ""), r.job, r.index,
                           r.attempt, ei);
        if (rc < 0)
            return rc == E_TRANSIENT ? E_PERMANENT : rc;
        c->published = true;
    }
    rc = job_store_chunk_add(sv->store, &r, &c->unsent, ei);
    if (rc < 0)
        return rc;
    log_event(LOG_INFO, "chunk sealed", LF("job", r.job), LFU("index", r.index),
              LFN("events", r.end - r.start), LFN("bytes", r.bytes));
    c->published = false;
    c->go_owed = true;
    return E_OK;
}

static int
answer_snapshot(struct child *c, struct errinfo *ei)
{
    c->go_owed = c->claim.snapshot != NULL; /* checked by the runner against the stored one */
    if (c->go_owed)
        return E_OK;
    c->go_owed = true;
    return job_store_set_snapshot(
        c->sv->store, c->claim.id, c->claim.attempt, json_get_string(c->ask, "text", ""),
        json_get_string(c->ask, "version", ""), json_get_bool(c->ask, "ordered", false), ei);
}

static int
answer_result(struct child *c, struct errinfo *ei)
{
    struct supervisor *sv = c->sv;
    char name[96];
    int rc;

    rc = spool_publish_result(sv->spool, &c->slot, c->claim.id, c->claim.attempt, name, ei);
    if (rc == E_OK)
        rc = job_store_set_result(sv->store, c->claim.id, c->claim.attempt, spool_id(sv->spool),
                                  name, ei);
    c->go_owed = rc == E_OK;
    return rc;
}

void
running_release(struct child *c, enum job_release how, const char *why)
{
    struct errinfo ei;
    int rc = job_store_release(c->sv->store, c->claim.id, c->claim.attempt, how, why, &ei);

    running_note_store(c->sv, rc, &ei);
    if (running_store_is_away(rc))
        return; /* c->end or c->death stays; asked again at each tick */
    if (how == JOB_RELEASE_RETRY || how == JOB_RELEASE_FAILED)
        log_event(LOG_WARN, "job failed", LF("job", c->claim.id), LF("error", why),
                  LFN("again", how == JOB_RELEASE_RETRY));
    else
        log_event(LOG_INFO, "job released", LF("job", c->claim.id),
                  LF("as", how == JOB_RELEASE_STOPPED ? "stopped" : "drained"));
    running_drop(c);
}

/* What the runner waits for; repeated at each tick while the store is away. */
static void
try_ask(struct child *c)
{
    static const struct {
        const char *kind;
        int (*answer)(struct child *c, struct errinfo *ei);
    } table[] = {
        {"snapshot", answer_snapshot},
        {"result", answer_result},
        {"sealed", answer_sealed},
    };
    const char *kind = c->ask != NULL ? json_get_string(c->ask, "t", "") : "";
    struct errinfo ei;
    size_t i;
    int rc = E_OK;

    if (c->ask == NULL)
        return;
    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(kind, table[i].kind) == 0)
            rc = table[i].answer(c, &ei);
    }
    running_note_store(c->sv, rc, &ei);
    if (running_store_is_away(rc)) {
        c->go_owed = false;
    } else if (rc == E_LOST || rc == E_CONFLICT) {
        log_event(LOG_WARN, "attempt is no longer ours", LF("job", c->claim.id),
                  LF("error", ei.msg));
        running_drop(c);
    } else if (rc < 0) {
        child_reap(c);
        snprintf(c->death, sizeof(c->death), "%.150s", ei.msg);
        running_release(c, JOB_RELEASE_RETRY, ei.msg);
    } else {
        json_free(c->ask);
        c->ask = NULL;
        try_go(c);
    }
}

enum job_release
running_release_of(int code)
{
    return code == E_TRANSIENT || code == E_NOSPACE ? JOB_RELEASE_RETRY : JOB_RELEASE_FAILED;
}

static void
try_end(struct child *c)
{
    const char *kind = json_get_string(c->end, "t", "");
    struct errinfo ei;
    int rc;

    if (strcmp(kind, "error") == 0) {
        running_release(c, running_release_of((int)json_get_int(c->end, "code", E_PERMANENT)),
                        json_get_string(c->end, "msg", "the runner gave no reason"));
        return;
    }
    if (strcmp(kind, "stopped") == 0) {
        running_release(c, c->by_user ? JOB_RELEASE_STOPPED : JOB_RELEASE_DRAINED, "");
        return;
    }
    rc =
        job_store_query_done(c->sv->store, c->claim.id, c->claim.attempt,
                             json_get_int(c->end, "rows", 0), json_get_int(c->end, "last", 0), &ei);
    running_note_store(c->sv, rc, &ei);
    if (running_store_is_away(rc))
        return;
    if (rc < 0)
        log_event(LOG_WARN, "cannot end the query", LF("job", c->claim.id), LF("error", ei.msg));
    else
        log_event(LOG_INFO, "query done", LF("job", c->claim.id),
                  LFN("rows", json_get_int(c->end, "rows", 0)),
                  LFN("ms", clock_mono_ms() - c->started_ms));
    running_drop(c);
}

/* Takes the frame when it is one that is kept. */
static bool
on_frame(struct child *c, struct json *f)
{
    const char *kind = json_get_string(f, "t", "");

    c->beat_ms = clock_mono_ms();
    c->rows = json_get_int(f, "rows", c->rows);
    c->last_event_ms = json_get_int(f, "last", c->last_event_ms);
    if (strcmp(kind, "beat") == 0)
        return false;
    if (strcmp(kind, "done") == 0 || strcmp(kind, "stopped") == 0 || strcmp(kind, "error") == 0)
        c->end = f;
    else
        c->ask = f;
    return true;
}

static void
lost_runner(struct child *c)
{
    struct supervisor *sv = c->sv;

    if (c->spare) {
        sv->spare = NULL;
        /* Only one that ends at once says that the next will end as well. */
        if (clock_mono_ms() - c->started_ms > SPAWN_GOOD_MS)
            sv->spawn_failures = 0;
        sv->spawn_ms = clock_mono_ms() + backoff_ms(sv->spawn_failures++, 250, SPAWN_CAP_MS);
        child_reap(c);
        log_event(LOG_WARN, "a waiting runner ended", LF("error", c->death));
        child_free(c);
        return;
    }
    event_del(c->readable);
    child_reap(c);
    if (c->end == NULL)
        running_release(c, JOB_RELEASE_RETRY, c->death);
}

void
running_on_readable(evutil_socket_t fd, short what, void *arg)
{
    struct child *c = arg;
    struct json *f;
    struct errinfo ei;
    bool kept = false;
    int rc;

    (void)what;
    rc = frame_receive(fd, &c->in, MSG_DONTWAIT, &ei);
    while (c->end == NULL && c->ask == NULL && frame_next(&c->in, &f, &ei) == 1) {
        kept = on_frame(c, f);
        if (!kept)
            json_free(f);
    }
    if (kept && c->end != NULL)
        try_end(c);
    else if (kept)
        try_ask(c);
    else if (rc < 0)
        lost_runner(c);
}

static void
renew(struct child *c, int64_t now)
{
    struct job_renewal r = {0};
    struct errinfo ei;
    int rc;

    if (now - c->renewed_ms < RENEW_MS)
        return;
    c->renewed_ms = now;
    rc = job_store_renew(c->sv->store, c->claim.id, c->claim.attempt, c->rows, c->last_event_ms, &r,
                         &ei);
    running_note_store(c->sv, rc, &ei);
    if (running_store_is_away(rc))
        return;
    if (rc < 0 || r.removed) {
        log_event(LOG_WARN, r.removed ? "job was removed" : "attempt is no longer ours",
                  LF("job", c->claim.id), LF("error", rc < 0 ? ei.msg : ""));
        if (r.removed)
            running_release(c, JOB_RELEASE_STOPPED, "");
        else
            running_drop(c);
        return;
    }
    c->unsent = r.unsent;
    if (r.stop || c->stop_sent)
        running_stop(c, r.stop);
    try_go(c);
}

void
running_look_after(struct child *c, int64_t now)
{
    int64_t limit = c->beat_ms == c->started_ms ? FIRST_BEAT_MS : c->sv->beat_limit_ms;

    if (c->end != NULL) {
        try_end(c);
    } else if (c->pid == 0) {
        running_release(c, JOB_RELEASE_RETRY, c->death); /* the store was away when it died */
    } else if (now - c->beat_ms > limit && c->ask == NULL) {
        log_event(LOG_WARN, "a silent runner is ended", LF("job", c->claim.id));
        lost_runner(c);
    } else if (c->ask != NULL) {
        c->beat_ms = now; /* its frames wait behind the one that we answer */
        try_ask(c);
    } else {
        renew(c, now);
    }
}
