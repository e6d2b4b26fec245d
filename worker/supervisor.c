#include "worker/supervisor.h"

#include "common/base/backoff.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/seal.h"
#include "common/base/service.h"
#include "worker/child.h"
#include "worker/running.h"
#include "worker/sandbox.h"
#include "worker/supervisor_state.h"

#include <event2/event.h>
#include <unistd.h>

#define TICK_MS    250
#define REAP_MS    2000
#define RECOVER_MS 5000 /* a dead sibling on the same spool is noticed within */
#define CLAIM_MS   5000 /* wakes are hints only */

static char **worker_argv;

void
supervisor_set_argv(char **argv)
{
    worker_argv = argv;
}

/* --- claiming ------------------------------------------------------------------------------ */

static void
keep_spare(struct supervisor *sv)
{
    struct errinfo ei;

    if (sv->spare != NULL || sv->draining || clock_mono_ms() < sv->spawn_ms)
        return;
    if (child_spawn(sv, worker_argv, sv->base, running_on_readable, &sv->spare, &ei) < 0) {
        log_event(LOG_ERROR, "cannot start a runner", LF("error", ei.msg));
        sv->spawn_ms = clock_mono_ms() + backoff_ms(sv->spawn_failures++, 250, SPAWN_CAP_MS);
        return;
    }
    sv->claim_ms = 0; /* there may be work that found no runner */
}

/* The runner needs one secret only: the password of a zip. */
static int
password_of(struct supervisor *sv, const struct job_claim *j, char **ret, struct errinfo *ei)
{
    struct job_secrets secrets = {0};
    char *place, *plain;
    int rc;

    *ret = NULL;
    if (j->secrets == NULL)
        return E_OK;
    place = job_secrets_place(j->domain, j->id);
    rc = seal_parse(sv->seal, j->secrets, place, &plain, ei);
    free(place);
    if (rc < 0)
        return rc;
    rc = job_secrets_parse(plain, &secrets, ei);
    mem_wipe_free(plain);
    if (rc == E_OK && secrets.password != NULL)
        *ret = mem_strdup(secrets.password);
    job_secrets_done(&secrets);
    return rc;
}

static int
start_job(struct child *c, struct errinfo *ei)
{
    struct supervisor *sv = c->sv;
    char *password = NULL;
    bool have_result = false;
    int rc;

    rc = job_spec_parse(c->claim.spec, &c->spec, ei);
    if (rc == E_OK)
        rc = password_of(sv, &c->claim, &password, ei);
    if (rc == E_OK)
        rc = spool_slot_take(sv->spool, &c->slot, ei);
    if (rc == E_OK)
        rc = spool_slot_mark(&c->slot, c->claim.id, c->claim.attempt, ei);
    if (rc == E_OK && c->claim.result != NULL && c->claim.result_spool != NULL &&
        strcmp(c->claim.result_spool, spool_id(sv->spool)) == 0) {
        rc = spool_link_result(sv->spool, &c->slot, c->claim.result, ei);
        have_result = rc == E_OK;
        if (rc == E_NOT_FOUND)
            rc = E_OK; /* the runner decides whether it may be made again */
    }
    if (rc == E_OK)
        rc = child_give_job(c, password, have_result, ei);
    mem_wipe_free(password);
    return rc;
}

/* 1 = a job was started. */
static int
claim_one(struct supervisor *sv, struct errinfo *ei)
{
    struct child *c = sv->spare;
    int rc;

    rc = job_store_claim(sv->store, config_str(sv->cfg, "engine.default"), "batch", sv->name,
                         &c->claim, ei);
    running_note_store(sv, rc, ei);
    if (rc <= 0)
        return rc;
    sv->spare = NULL;
    sv->spawn_failures = 0;
    c->next = sv->children;
    sv->children = c;
    sv->running++;
    c->spare = false;
    log_event(LOG_INFO, "claimed", LF("job", c->claim.id), LF("domain", c->claim.domain),
              LFN("resume_rows", c->claim.resume_rows));
    rc = start_job(c, ei);
    if (rc < 0) {
        event_del(c->readable);
        child_reap(c);
        snprintf(c->death, sizeof(c->death), "%.150s", ei->msg);
        running_release(c, rc == E_LOST ? JOB_RELEASE_RETRY : running_release_of(rc), ei->msg);
    }
    keep_spare(sv);
    return 1;
}

static void
fill(struct supervisor *sv)
{
    unsigned runners = (unsigned)config_int(sv->cfg, "worker.runners");
    struct errinfo ei;

    sv->claim_ms = clock_mono_ms() + CLAIM_MS;
    while (!sv->draining && sv->running < runners && sv->spare != NULL &&
           running_has_space(sv, NULL, sv->running + 1)) {
        if (claim_one(sv, &ei) <= 0)
            break;
    }
}

/* --- waiting for work ---------------------------------------------------------------------- */

static void on_wake(evutil_socket_t fd, short what, void *arg);

static void
arm(struct supervisor *sv)
{
    struct errinfo ei;
    int fd;

    sv->arm_ms = clock_mono_ms() + 1000;
    if (store_wait_arm(sv->wait, &ei) < 0)
        return; /* again at a tick; claims go on every CLAIM_MS meanwhile */
    sv->arm_ms = INT64_MAX;
    fd = store_wait_fd(sv->wait);
    if (sv->waiting != NULL)
        event_free(sv->waiting);
    sv->waiting = event_new(sv->base, fd, EV_READ | EV_PERSIST, on_wake, sv);
    event_add(sv->waiting, NULL);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sv = arg;
    struct errinfo ei;
    bool idle = false;
    int rc = store_wait_read(sv->wait, &idle, &ei);

    (void)fd;
    (void)what;
    if (rc < 0) {
        event_free(sv->waiting);
        sv->waiting = NULL;
        sv->arm_ms = clock_mono_ms() + 250;
        return;
    }
    if (idle)
        arm(sv);
    if (rc == 1)
        fill(sv);
}

/* --- upkeep -------------------------------------------------------------------------------- */

static void
on_dead_slot(void *ctx, const char *job, const char *attempt)
{
    struct supervisor *sv = ctx;
    struct errinfo ei;
    int rc = E_OK;

    if (job[0] != '\0')
        rc = job_store_abandon(sv->store, job, attempt, &ei);
    log_event(LOG_WARN, "cleared a dead runner's slot", LF("job", job),
              LF("error", rc < 0 && rc != E_LOST ? ei.msg : ""));
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct supervisor *sv = arg;
    struct child *c, *next;
    struct reap_counts counts = {0};
    struct errinfo ei;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    for (c = sv->children; c != NULL; c = next) {
        next = c->next;
        running_look_after(c, now);
    }
    if (sv->draining) {
        if (sv->children == NULL)
            service_exit(sv->base);
        return;
    }
    if (now >= sv->reap_ms) {
        sv->reap_ms = now + REAP_MS;
        if (job_store_reap(sv->store, &counts, &ei) == E_OK && counts.jobs_lost > 0)
            log_event(LOG_WARN, "took back lost jobs", LFN("jobs", counts.jobs_lost));
    }
    if (now >= sv->recover_ms) {
        sv->recover_ms = now + RECOVER_MS;
        if (spool_slots_recover(sv->spool, on_dead_slot, sv, &ei) < 0)
            log_event(LOG_WARN, "cannot look for dead slots", LF("error", ei.msg));
    }
    if (now >= sv->arm_ms)
        arm(sv);
    keep_spare(sv);
    if (now >= sv->claim_ms)
        fill(sv);
}

/* --- start and end ------------------------------------------------------------------------- */

static void
name_node(struct supervisor *sv)
{
    char host[64] = "worker";

    gethostname(host, sizeof(host) - 1);
    if (config_str(sv->cfg, "worker.name")[0] != '\0')
        snprintf(sv->name, sizeof(sv->name), "%s", config_str(sv->cfg, "worker.name"));
    else
        snprintf(sv->name, sizeof(sv->name), "%s:%d", host, (int)getpid());
}

static int
open_all(struct supervisor *sv, struct errinfo *ei)
{
    const char *key = config_str(sv->cfg, "secrets.master_key_file");
    char kind[64];
    int rc;

    if (key[0] == '\0')
        return errinfo_set(ei, E_INVALID,
                           "secrets.master_key_file is not set: 'bucketline key "
                           "master FILE' makes one");
    if (sandbox_landlock_abi() == 0) {
        if (strcmp(config_str(sv->cfg, "duckdb.landlock"), "require") == 0)
            return errinfo_set(ei, E_PERMANENT,
                               "this kernel has no Landlock, and duckdb.landlock requires it");
        log_event(LOG_WARN, "this kernel has no Landlock: the engine's own sandbox is alone");
    }
    rc = seal_open(key, &sv->seal, ei);
    if (rc == E_OK)
        rc = spool_open(sv->cfg, &sv->spool, ei);
    if (rc == E_OK)
        rc = job_store_open(sv->cfg, &sv->store, ei);
    if (rc == E_OK)
        rc = job_store_check(sv->store, ei);
    snprintf(kind, sizeof(kind), "job:%s:batch", config_str(sv->cfg, "engine.default"));
    if (rc == E_OK)
        rc = store_wait_open(sv->cfg, kind, &sv->wait, ei);
    if (rc == E_OK)
        rc = spool_slots_recover(sv->spool, on_dead_slot, sv, ei);
    return rc;
}

int
supervisor_start(const struct config *cfg, struct event_base *base, void **ret_state,
                 struct errinfo *ei)
{
    const struct timeval period = {0, TICK_MS * 1000};
    struct supervisor *sv = mem_zalloc(sizeof(*sv));
    int rc;

    *ret_state = sv;
    sv->cfg = cfg;
    sv->base = base;
    sv->beat_limit_ms = config_int(cfg, "worker.heartbeat_s") * 1000;
    name_node(sv);
    rc = open_all(sv, ei);
    if (rc < 0)
        return rc;
    sv->tick = event_new(base, -1, EV_PERSIST, on_tick, sv);
    event_add(sv->tick, &period);
    keep_spare(sv);
    arm(sv);
    return E_OK;
}

void
supervisor_drain(void *state)
{
    struct supervisor *sv = state;
    struct child *c;

    sv->draining = true;
    for (c = sv->children; c != NULL; c = c->next)
        running_stop(c, false);
}

void
supervisor_stop(void *state)
{
    struct supervisor *sv = state;

    if (sv == NULL)
        return;
    while (sv->children != NULL)
        running_drop(sv->children);
    if (sv->spare != NULL)
        child_reap(sv->spare);
    child_free(sv->spare);
    if (sv->waiting != NULL)
        event_free(sv->waiting);
    if (sv->tick != NULL)
        event_free(sv->tick);
    store_wait_close(sv->wait);
    job_store_close(sv->store);
    spool_close(sv->spool);
    seal_close(sv->seal);
    free(sv);
}
