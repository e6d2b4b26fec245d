#ifndef WORKER_SUPERVISOR_STATE_H
#define WORKER_SUPERVISOR_STATE_H

/* What supervisor.c (the loop) and running.c (one runner) share; nobody else includes it. */

#include "common/base/config.h"
#include "common/base/seal.h"
#include "common/spool/spool.h"
#include "common/store/job_store.h"
#include "worker/child.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define SPAWN_CAP_MS  10000 /* longest pause before a runner is started again */
#define SPAWN_GOOD_MS 2000  /* one that waited for this long has started well */

struct supervisor {
    const struct config *cfg;
    struct event_base *base;
    struct job_store *store;
    struct store_wait *wait;
    struct event *waiting; /* the wait connection's fd */
    int waiting_fd;
    struct event *tick;
    struct seal *seal;
    struct spool *spool;
    struct child *children; /* with a job, or ending */
    struct child *spare;
    unsigned running;
    unsigned spawn_failures;
    char name[128];
    int64_t claim_ms, reap_ms, recover_ms, spawn_ms, arm_ms; /* when next; monotonic */
    int64_t beat_limit_ms;
    bool draining;
    bool store_away; /* said once */
};

#endif
