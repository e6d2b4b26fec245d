#include "uploader/uploader.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/service.h"
#include "uploader/recover.h"
#include "uploader/upload_abort.h"
#include "uploader/upload_chunk.h"
#include "uploader/uploader_state.h"

#include <unistd.h>

#define TICK_MS      250
#define CLAIM_MS     5000 /* wakes are hints only */
#define AWAY_MS      1000 /* the store gave no answer */
#define REAP_MS      2000
#define TRASH_MS     1000
#define HAND_BACK_MS 3000 /* before the end of a drain: time to tell the store */

bool
uploader_store_is_away(int rc)
{
    return rc == E_TRANSIENT || rc == E_NOSPACE;
}

void
uploader_note_store(struct uploader *u, int rc, const struct errinfo *ei)
{
    bool away = uploader_store_is_away(rc);

    if (away && !u->store_away)
        log_event(LOG_WARN, "the job store does not answer; transfers go on", LF("error", ei->msg));
    else if (!away && u->store_away)
        log_event(LOG_INFO, "the job store answers again");
    u->store_away = away;
}

/* --- claiming ------------------------------------------------------------------------------- */

/* A store that was not there at our start is judged when it comes. */
static bool
store_is_good(struct uploader *u)
{
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    if (u->store_checked)
        return true;
    rc = job_store_check(u->store, &ei);
    uploader_note_store(u, rc, &ei);
    if (rc < 0 && !uploader_store_is_away(rc))
        log_event(LOG_ERROR, "the job store cannot be used", LF("error", ei.msg));
    u->store_checked = rc == E_OK;
    return u->store_checked;
}

static void
fill(struct uploader *u)
{
    unsigned transfers = (unsigned)config_int(u->cfg, "upload.transfers");
    struct errinfo ei = ERRINFO_INIT;
    struct chunk_claim claim;
    int64_t before;
    int rc = 1;

    while (rc == 1 && !u->draining && u->in_work < transfers) {
        before = clock_mono_ms();
        if (!store_is_good(u)) {
            u->claim_ms = before + AWAY_MS;
            return;
        }
        rc = job_store_chunk_claim(u->store, spool_id(u->spool), u->name, &claim, &ei);
        uploader_note_store(u, rc, &ei);
        if (rc == 1)
            upload_start(u, &claim, before);
        else if (rc < 0 && !uploader_store_is_away(rc))
            log_event(LOG_ERROR, "cannot read a claimed chunk", LF("error", ei.msg));
    }
    u->claim_ms = clock_mono_ms() + (rc < 0 ? AWAY_MS : CLAIM_MS);
}

static void
on_fill(evutil_socket_t fd, short what, void *arg)
{
    struct uploader *u = arg;

    (void)fd;
    (void)what;
    if (u->draining && u->in_work == 0)
        service_exit(u->base);
    else
        fill(u);
}

/* --- waiting for work ----------------------------------------------------------------------- */

static void on_wake(evutil_socket_t fd, short what, void *arg);

static void
forget_waiting(struct uploader *u)
{
    if (u->waiting != NULL)
        event_free(u->waiting);
    u->waiting = NULL;
    u->waiting_fd = -1;
}

static void
arm(struct uploader *u)
{
    struct errinfo ei = ERRINFO_INIT;
    int fd;

    u->arm_ms = clock_mono_ms() + AWAY_MS;
    if (store_wait_arm(u->wait, &ei) < 0) {
        forget_waiting(u);
        return; /* again at a tick; claims go on every CLAIM_MS meanwhile */
    }
    u->arm_ms = INT64_MAX;
    fd = store_wait_fd(u->wait);
    if (u->waiting != NULL && fd == u->waiting_fd)
        return;
    forget_waiting(u);
    u->waiting = event_new(u->base, fd, EV_READ | EV_PERSIST, on_wake, u);
    u->waiting_fd = fd;
    event_add(u->waiting, NULL);
}

static void
on_wake(evutil_socket_t fd, short what, void *arg)
{
    struct uploader *u = arg;
    struct errinfo ei = ERRINFO_INIT;
    bool idle = false;
    int rc = store_wait_read(u->wait, &idle, &ei);

    (void)fd;
    (void)what;
    if (rc < 0) {
        forget_waiting(u);
        u->arm_ms = clock_mono_ms() + TICK_MS;
        return;
    }
    if (idle)
        arm(u);
    if (rc == 1)
        fill(u);
}

/* --- upkeep --------------------------------------------------------------------------------- */

static void
reap(struct uploader *u)
{
    struct reap_counts counts = {0};
    struct errinfo ei = ERRINFO_INIT;
    int rc = job_store_reap(u->store, &counts, &ei);

    uploader_note_store(u, rc, &ei);
    if (rc == E_OK && counts.chunks_lost > 0)
        log_event(LOG_WARN, "took back lost chunks", LFN("chunks", counts.chunks_lost));
}

static void
hand_back_all(struct uploader *u)
{
    struct upload *up, *next;

    u->handed_back = true;
    for (up = u->uploads; up != NULL; up = next) {
        next = upload_next(up);
        upload_hand_back(up);
    }
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct uploader *u = arg;
    struct upload *up, *next;
    int64_t now = clock_mono_ms();

    (void)fd;
    (void)what;
    for (up = u->uploads; up != NULL; up = next) {
        next = upload_next(up);
        upload_look_after(up, now);
    }
    if (u->draining) {
        if (u->in_work == 0)
            service_exit(u->base);
        else if (now >= u->hand_back_ms && !u->handed_back)
            hand_back_all(u);
        return;
    }
    if (now >= u->arm_ms)
        arm(u);
    if (now >= u->claim_ms)
        fill(u);
    if (!u->store_checked)
        return;
    if (now >= u->reap_ms) {
        /* Spread, or all processes that were started together would ask together. */
        u->reap_ms = now + REAP_MS / 2 + backoff_ms(0, REAP_MS, REAP_MS);
        reap(u);
    }
    if (now >= u->trash_ms) {
        u->trash_ms = now + TRASH_MS;
        recover_trash(u);
    }
    upload_abort_look_after(u, now);
    if (now >= u->rescan_ms) {
        u->rescan_ms = now + config_int(u->cfg, "spool.rescan_s") * 1000;
        recover_rescan(u);
    }
}

/* --- start and end -------------------------------------------------------------------------- */

static void
name_node(struct uploader *u)
{
    char host[64] = "uploader";

    gethostname(host, sizeof(host) - 1);
    if (config_str(u->cfg, "worker.name")[0] != '\0')
        snprintf(u->name, sizeof(u->name), "%s", config_str(u->cfg, "worker.name"));
    else
        snprintf(u->name, sizeof(u->name), "%s:%d", host, (int)getpid());
}

static int
open_s3(struct uploader *u, struct errinfo *ei)
{
    const struct config *c = u->cfg;
    const struct s3_client_options opt = {
        .base = u->base,
        .ca_file = config_str(c, "s3.ca_file"),
        .connect_timeout_ms = (int)config_int(c, "s3.connect_timeout_ms"),
        .stall_timeout_s = (int)config_int(c, "s3.stall_timeout_s"),
        .attempts = (unsigned)config_int(c, "upload.attempts"),
        .retry_base_ms = config_int(c, "upload.retry_base_ms"),
        .retry_cap_ms = config_int(c, "upload.retry_cap_ms"),
        .multipart_threshold = config_int(c, "upload.multipart_threshold"),
        .part_size = config_int(c, "upload.part_size"),
        .part_window = (unsigned)config_int(c, "upload.part_window"),
    };

    return s3_client_new(&opt, &u->s3, ei);
}

static int
open_all(struct uploader *u, struct errinfo *ei)
{
    const char *key = config_str(u->cfg, "secrets.master_key_file");
    char kind[IDS_UUID_LEN + 16];
    int rc;

    if (key[0] == '\0')
        return errinfo_set(ei, E_INVALID,
                           "secrets.master_key_file is not set: 'bucketline key master FILE' "
                           "makes one");
    rc = seal_open(key, &u->seal, ei);
    if (rc == E_OK)
        rc = config_secret(u->cfg, "default_store.secret_key_file", &u->default_secret_key, ei);
    if (rc == E_OK && config_str(u->cfg, "default_store.bucket")[0] != '\0' &&
        (u->default_secret_key == NULL ||
         config_str(u->cfg, "default_store.access_key")[0] == '\0'))
        rc = errinfo_set(ei, E_INVALID,
                         "default_store.bucket is set without its access_key or secret_key_file");
    if (rc == E_OK)
        rc = spool_open(u->cfg, &u->spool, ei);
    if (rc == E_OK)
        rc = open_s3(u, ei);
    if (rc == E_OK)
        rc = job_store_open(u->cfg, &u->store, ei);
    if (rc < 0)
        return rc;
    rc = job_store_check(u->store, ei);
    u->store_checked = rc == E_OK;
    uploader_note_store(u, rc, ei);
    if (rc < 0 && !uploader_store_is_away(rc))
        return rc;
    snprintf(kind, sizeof(kind), "upload:%s", spool_id(u->spool));
    return store_wait_open(u->cfg, kind, &u->wait, ei);
}

int
uploader_start(const struct config *cfg, struct event_base *base, void **ret_state,
               struct errinfo *ei)
{
    const struct timeval period = {0, TICK_MS * 1000};
    struct uploader *u = mem_zalloc(sizeof(*u));
    int rc;

    *ret_state = u;
    u->cfg = cfg;
    u->base = base;
    u->waiting_fd = -1;
    u->lease_ms = config_int(cfg, "job.lease_s") * 1000;
    u->started_ms = clock_now_ms();
    name_node(u);
    rc = open_all(u, ei);
    if (rc < 0)
        return rc;
    u->fill = event_new(base, -1, 0, on_fill, u);
    u->tick = event_new(base, -1, EV_PERSIST, on_tick, u);
    event_add(u->tick, &period);
    arm(u);
    event_active(u->fill, EV_TIMEOUT, 0);
    return E_OK;
}

void
uploader_drain(void *state)
{
    struct uploader *u = state;
    int64_t limit_ms = config_int(u->cfg, "worker.drain_s") * 1000;
    int64_t reserve = limit_ms / 2 < HAND_BACK_MS ? limit_ms / 2 : HAND_BACK_MS;

    u->draining = true;
    u->hand_back_ms = clock_mono_ms() + limit_ms - reserve;
    if (u->in_work == 0)
        service_exit(u->base);
}

void
uploader_stop(void *state)
{
    struct uploader *u = state;

    if (u == NULL)
        return;
    u->stopping = true;
    s3_client_free(u->s3); /* tells the uploads, which free themselves */
    upload_abort_free(u->abort);
    while (u->uploads != NULL)
        upload_free(u->uploads);
    forget_waiting(u);
    if (u->fill != NULL)
        event_free(u->fill);
    if (u->tick != NULL)
        event_free(u->tick);
    store_wait_close(u->wait);
    job_store_close(u->store);
    spool_close(u->spool);
    seal_close(u->seal);
    mem_wipe_free(u->default_secret_key);
    free(u);
}
