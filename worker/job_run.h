#ifndef WORKER_JOB_RUN_H
#define WORKER_JOB_RUN_H

/*
 * One job inside a runner: engine -> CSV -> chunk files in the slot. What the supervisor must know
 * goes through the callbacks; each of them returns when the supervisor has said "go".
 * Blocking; one thread calls it, *stop may be set by another.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/store/job_spec.h"
#include "worker/chunk/chunk_writer.h"
#include "worker/engine/engine.h"

#include <pthread.h>
#include <stdatomic.h>

struct job_run {
    /* The job, as the supervisor gave it. */
    const char *id;
    const char *domain;
    struct job_spec spec;
    const char *password;      /* zip; NULL: none */
    const char *slot_dir;
    int slot_fd;
    const char *snapshot;      /* of the first attempt; NULL: none yet */
    const char *engine_version; /* of the first attempt; NULL */
    bool have_result;          /* slot_dir/result.parquet is the materialised result */
    int64_t resume_rows;
    unsigned next_index;
    const char *resume_hash;   /* of the last sealed row; "" */

    /* The supervisor's ear. Negative ends the run with it. */
    void *ctx;
    int (*on_snapshot)(void *ctx, const char *text, const char *version, bool ordered,
                       struct errinfo *ei);
    int (*on_result)(void *ctx, struct errinfo *ei);
    int (*on_sealed)(void *ctx, unsigned index, const struct chunk_file *f, struct errinfo *ei);

    /* Shared with the control thread. */
    atomic_bool stop;
    _Atomic(int64_t) rows;          /* generated so far, earlier attempts included */
    _Atomic(int64_t) last_event_ms;
    pthread_mutex_t engine_lock;    /* engine is opened, interrupted and closed under it */
    struct engine *engine;
    const struct engine_ops *ops;
};

/* From another thread: seal what is open and return. May be repeated: an engine that was between
 * two queries does not notice an interrupt. */
void job_run_stop(struct job_run *r);

/* 1 = stopped as asked with all rows so far sealed, 0 = the query has ended, negative = why not. */
int job_run(struct job_run *r, const struct config *cfg, struct errinfo *ei) MUST_CHECK;

#endif
