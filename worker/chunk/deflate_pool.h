#ifndef WORKER_CHUNK_DEFLATE_POOL_H
#define WORKER_CHUNK_DEFLATE_POOL_H

/*
 * A ring of jobs: one thread fills them in, a pool of threads compresses them in any order, one
 * thread takes them out in the order in which they came.
 *
 *     filler: slot, fill in, submit     pool: CRC and deflate     taker: next, use, release
 *
 * A state of a job changes under the lock; its content is touched only by the side whose turn the
 * state says it is:
 *
 *     FREE (filler) -> READY (pool) -> WORKING (pool thread) -> DONE (taker) -> FREE
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "worker/chunk/deflate.h"

enum deflate_state { DEFLATE_FREE, DEFLATE_READY, DEFLATE_WORKING, DEFLATE_DONE };

struct deflate_job {
    enum deflate_state state;
    struct buf csv;
    int64_t rows;
    int64_t last_event_ms;
    size_t last_row_at;
    int64_t submitted_ms; /* monotonic */
    bool cut;             /* finish the open file behind the content */
    bool seal;            /* a marker without content: finish the open file */
    char *dict;           /* the bytes before csv in the stream of rows */
    size_t dict_len;
    struct buf deflated; /* result; empty where the pool has no codec */
    uint32_t crc;        /* of csv */
    int rc;
};

struct deflate_pool;

/* codec NULL: only passes jobs on. E_TRANSIENT where threads cannot be had. */
int deflate_pool_start(const struct deflate_codec *codec, enum chunk_level level, unsigned threads,
                       struct deflate_pool **ret, struct errinfo *ei) MUST_CHECK;
void deflate_pool_end(struct deflate_pool *p); /* aborts, joins, frees; accepts NULL */

/* Filler: the next job to fill in; blocks while the ring is full. NULL after an abort. */
struct deflate_job *deflate_pool_slot(struct deflate_pool *p);
void deflate_pool_submit(struct deflate_pool *p);

/* Taker: the next finished job. NULL after an abort, or when deadline_ms (clock_mono_ms; -1 =
 * never) has passed. */
struct deflate_job *deflate_pool_next(struct deflate_pool *p, int64_t deadline_ms);
void deflate_pool_release(struct deflate_pool *p);

/* Wakes everybody: slot and next give NULL from now on. */
void deflate_pool_abort(struct deflate_pool *p);
bool deflate_pool_aborted(struct deflate_pool *p);

#endif
