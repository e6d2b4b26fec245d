#include "worker/chunk/deflate_pool.h"

#include "common/base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct deflate_pool {
    const struct deflate_codec *codec;
    enum chunk_level level;
    pthread_mutex_t lock;
    pthread_cond_t changed; /* any state, or the abort */
    struct deflate_job *ring;
    size_t count;
    uint64_t fill; /* jobs submitted; the filler's next slot is fill % count */
    uint64_t work; /* jobs begun by the pool */
    uint64_t take; /* jobs released */
    bool aborted;
    pthread_t *threads;
    unsigned thread_count;
};

static void
work_on(struct deflate_pool *p, void *state, struct deflate_job *job)
{
    job->rc = 0;
    buf_reset(&job->deflated);
    if (p->codec == NULL || job->seal)
        return;
    job->crc = deflate_crc(0, job->csv.data, job->csv.len);
    job->rc = p->codec->block(state, job->dict, job->dict_len, job->csv.data, job->csv.len,
                              &job->deflated);
}

static void *
pool_thread(void *arg)
{
    struct deflate_pool *p = arg;
    struct deflate_job *job;
    void *state = p->codec != NULL ? p->codec->new_state(p->level) : NULL;

    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->aborted && p->work == p->fill)
            pthread_cond_wait(&p->changed, &p->lock);
        if (p->aborted)
            break;
        job = &p->ring[p->work++ % p->count];
        job->state = DEFLATE_WORKING;
        pthread_mutex_unlock(&p->lock);
        work_on(p, state, job);
        pthread_mutex_lock(&p->lock);
        job->state = DEFLATE_DONE;
        pthread_cond_broadcast(&p->changed);
    }
    pthread_mutex_unlock(&p->lock);
    if (p->codec != NULL)
        p->codec->free_state(state);
    return NULL;
}

int
deflate_pool_start(const struct deflate_codec *codec, enum chunk_level level, unsigned threads,
                   struct deflate_pool **ret, struct errinfo *ei)
{
    struct deflate_pool *p = mem_zalloc(sizeof(*p));
    pthread_condattr_t attr;
    int err;

    p->codec = codec;
    p->level = level;
    /* One block in each thread, one waiting for each, one at either end. */
    p->count = 2 * (size_t)threads + 2;
    p->ring = mem_zalloc(p->count * sizeof(*p->ring));
    for (size_t i = 0; i < p->count; i++) {
        buf_init(&p->ring[i].csv, SIZE_MAX / 4);
        buf_init(&p->ring[i].deflated, SIZE_MAX / 4);
        p->ring[i].dict = mem_alloc(DEFLATE_DICT_BYTES);
    }
    pthread_mutex_init(&p->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&p->changed, &attr);
    pthread_condattr_destroy(&attr);
    p->threads = mem_zalloc(threads * sizeof(*p->threads));
    for (unsigned i = 0; i < threads; i++) {
        err = pthread_create(&p->threads[i], NULL, pool_thread, p);
        if (err != 0) {
            deflate_pool_end(p);
            return errinfo_errno(ei, err, "cannot start compressor thread %u", i);
        }
        p->thread_count++;
    }
    *ret = p;
    return 0;
}

void
deflate_pool_end(struct deflate_pool *p)
{
    if (p == NULL)
        return;
    deflate_pool_abort(p);
    for (unsigned i = 0; i < p->thread_count; i++)
        pthread_join(p->threads[i], NULL);
    for (size_t i = 0; i < p->count; i++) {
        buf_done(&p->ring[i].csv);
        buf_done(&p->ring[i].deflated);
        free(p->ring[i].dict);
    }
    pthread_cond_destroy(&p->changed);
    pthread_mutex_destroy(&p->lock);
    free(p->ring);
    free(p->threads);
    free(p);
}

struct deflate_job *
deflate_pool_slot(struct deflate_pool *p)
{
    struct deflate_job *job = NULL;

    pthread_mutex_lock(&p->lock);
    while (!p->aborted && p->fill - p->take == p->count)
        pthread_cond_wait(&p->changed, &p->lock);
    if (!p->aborted)
        job = &p->ring[p->fill % p->count];
    pthread_mutex_unlock(&p->lock);
    return job;
}

void
deflate_pool_submit(struct deflate_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ring[p->fill++ % p->count].state = DEFLATE_READY;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

struct deflate_job *
deflate_pool_next(struct deflate_pool *p, int64_t deadline_ms)
{
    struct deflate_job *job = &p->ring[p->take % p->count];
    struct timespec until = {(time_t)(deadline_ms / 1000), (long)(deadline_ms % 1000) * 1000000L};
    bool late = false;

    pthread_mutex_lock(&p->lock);
    while (!p->aborted && !late && job->state != DEFLATE_DONE) {
        if (deadline_ms < 0)
            pthread_cond_wait(&p->changed, &p->lock);
        else
            late = pthread_cond_timedwait(&p->changed, &p->lock, &until) == ETIMEDOUT;
    }
    if (p->aborted || job->state != DEFLATE_DONE)
        job = NULL;
    pthread_mutex_unlock(&p->lock);
    return job;
}

void
deflate_pool_release(struct deflate_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->ring[p->take++ % p->count].state = DEFLATE_FREE;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

void
deflate_pool_abort(struct deflate_pool *p)
{
    pthread_mutex_lock(&p->lock);
    p->aborted = true;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

bool
deflate_pool_aborted(struct deflate_pool *p)
{
    bool aborted;

    pthread_mutex_lock(&p->lock);
    aborted = p->aborted;
    pthread_mutex_unlock(&p->lock);
    return aborted;
}
