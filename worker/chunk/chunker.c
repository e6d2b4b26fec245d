#include "worker/chunk/chunk_writer.h"

#include "common/base/clock.h"
#include "worker/chunk/chunk_ops.h"
#include "worker/chunk/deflate_pool.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

/*
 * Three parties: the caller (chunker_block, chunker_finish), the pool, and the writer thread, which
 * owns the open file and every field below "writer's own".
 */

struct chunker {
    struct chunker_options opt;
    const struct chunk_ops *ops;
    const struct deflate_codec *codec; /* NULL: the format takes CSV */
    struct deflate_pool *pool;
    pthread_t writer;
    bool writer_runs;

    /* The caller's own: the last bytes handed over, dictionary of the next block. */
    char tail[DEFLATE_DICT_BYTES];
    size_t tail_len;
    uint64_t finishes_asked;

    pthread_mutex_t lock; /* for the three below */
    pthread_cond_t done;
    uint64_t finishes_done;
    int rc;
    struct errinfo error;

    _Atomic int64_t open_bytes;

    /* The writer's own. */
    struct chunk_sink sink;
    bool open; /* a file is being written */
    bool any;  /* a file was finished or begun */
    int64_t opened_ms;
    int64_t row;       /* rows before the next block */
    int64_t start;     /* first row of the open file */
    int64_t csv_bytes; /* of the open file, without its header */
    int64_t last_event_ms;
    struct buf last_row;
    struct buf header;
    struct buf header_deflated;
    uint32_t header_crc;
    struct digest *content;
    void *codec_state;
    struct buf again; /* a block deflated once more, without dictionary */
};

static int
append(struct chunker *c, const struct buf *csv, const struct buf *deflated, uint32_t crc,
       struct errinfo *ei)
{
    const struct buf *b = c->ops->deflated ? deflated : csv;
    int rc = c->ops->write(&c->sink, b->data, b->len, ei);

    if (rc < 0)
        return rc;
    if (c->ops->deflated)
        c->sink.crc = deflate_crc_combine(c->sink.crc, crc, (int64_t)csv->len);
    digest_update(c->content, csv->data, csv->len);
    c->sink.content_bytes += (int64_t)csv->len;
    atomic_store(&c->open_bytes, c->sink.bytes);
    return 0;
}

static int
open_file(struct chunker *c, int64_t now_ms, struct errinfo *ei)
{
    int rc;

    c->open = true;
    c->any = true;
    c->opened_ms = now_ms;
    c->start = c->row;
    c->csv_bytes = 0;
    c->last_event_ms = 0;
    c->sink.crc = 0;
    c->sink.content_bytes = 0;
    buf_reset(&c->last_row);
    digest_reset(c->content);
    rc = c->ops->open(&c->sink, ei);
    return rc < 0 ? rc : append(c, &c->header, &c->header_deflated, c->header_crc, ei);
}

static int
seal_file(struct chunker *c, struct errinfo *ei)
{
    struct chunk_file f = {.start = c->start, .end = c->row, .last_event_ms = c->last_event_ms};
    int rc = c->ops->seal(&c->sink, ei);

    if (rc < 0)
        return rc;
    c->open = false;
    atomic_store(&c->open_bytes, 0);
    f.tmp_name = c->sink.name;
    f.bytes = c->sink.bytes;
    f.content_bytes = c->sink.content_bytes;
    digest_final_hex(c->sink.digest, f.file_sha256);
    digest_final_hex(c->content, f.content_sha256);
    digest_sha256_hex(buf_str(&c->last_row), c->last_row.len, f.last_row_sha256);
    rc = c->opt.sealed(c->opt.ctx, c->sink.index, &f, ei);
    c->sink.index++;
    return rc;
}

/* The block's deflated form may refer to bytes that stand before it only if the same file holds
 * them; after a cut it does not, and the block is deflated again alone. */
static int
deflated_of(struct chunker *c, const struct deflate_job *job, const struct buf **ret,
            struct errinfo *ei)
{
    *ret = &job->deflated;
    if (!c->ops->deflated)
        return 0;
    if (job->rc == 0 && (int64_t)job->dict_len <= c->csv_bytes)
        return 0;
    buf_reset(&c->again);
    *ret = &c->again;
    if (c->codec->block(c->codec_state, NULL, 0, job->csv.data, job->csv.len, &c->again) < 0)
        return errinfo_set(ei, E_BUG, "the compressor refused a block of %zu bytes", job->csv.len);
    return 0;
}

static bool
is_due(const struct chunker *c)
{
    if (c->sink.bytes + c->ops->seal_bytes >= c->opt.max_bytes)
        return true;
    return c->opt.max_age_ms > 0 && clock_mono_ms() - c->opened_ms >= c->opt.max_age_ms;
}

static int
write_block(struct chunker *c, const struct deflate_job *job, struct errinfo *ei)
{
    const struct buf *deflated;
    int rc = 0;

    if (!c->open)
        rc = open_file(c, job->submitted_ms, ei);
    if (rc == 0)
        rc = deflated_of(c, job, &deflated, ei);
    if (rc == 0)
        rc = append(c, &job->csv, deflated, job->crc, ei);
    if (rc < 0)
        return rc;
    c->csv_bytes += (int64_t)job->csv.len;
    c->row += job->rows;
    c->last_event_ms = job->last_event_ms;
    buf_reset(&c->last_row);
    buf_append(&c->last_row, job->csv.data + job->last_row_at, job->csv.len - job->last_row_at);
    return job->cut || is_due(c) ? seal_file(c, ei) : 0;
}

static int
write_end(struct chunker *c, struct errinfo *ei)
{
    int rc = 0;

    if (!c->any && c->opt.empty_file)
        rc = open_file(c, clock_mono_ms(), ei);
    if (rc == 0 && c->open)
        rc = seal_file(c, ei);
    return rc;
}

static void
writer_report(struct chunker *c, int rc, const struct errinfo *ei)
{
    pthread_mutex_lock(&c->lock);
    c->rc = rc;
    c->error = *ei;
    pthread_cond_broadcast(&c->done);
    pthread_mutex_unlock(&c->lock);
    deflate_pool_abort(c->pool);
}

static void
writer_finished(struct chunker *c)
{
    pthread_mutex_lock(&c->lock);
    c->finishes_done++;
    pthread_cond_broadcast(&c->done);
    pthread_mutex_unlock(&c->lock);
}

static void *
writer_thread(void *arg)
{
    struct chunker *c = arg;
    struct errinfo ei = ERRINFO_INIT;
    struct deflate_job *job;
    int64_t deadline_ms;
    bool finish;
    int rc = 0;

    while (rc == 0) {
        deadline_ms = c->open && c->opt.max_age_ms > 0 ? c->opened_ms + c->opt.max_age_ms : -1;
        job = deflate_pool_next(c->pool, deadline_ms);
        if (job == NULL) {
            if (deflate_pool_aborted(c->pool))
                return NULL;
            rc = seal_file(c, &ei);
            continue;
        }
        finish = job->seal;
        rc = finish ? write_end(c, &ei) : write_block(c, job, &ei);
        deflate_pool_release(c->pool);
        if (finish && rc == 0)
            writer_finished(c);
    }
    writer_report(c, rc, &ei);
    return NULL;
}

/* The header is deflated once; every file begins with it. */
static int
prepare_header(struct chunker *c, struct errinfo *ei)
{
    buf_append(&c->header, c->opt.header->data, c->opt.header->len);
    if (c->codec == NULL)
        return 0;
    c->codec_state = c->codec->new_state(c->opt.level);
    c->header_crc = deflate_crc(0, c->header.data, c->header.len);
    if (c->header.len != 0 && c->codec->block(c->codec_state, NULL, 0, c->header.data,
                                              c->header.len, &c->header_deflated) < 0)
        return errinfo_set(ei, E_BUG, "the compressor refused the header row");
    return 0;
}

static int
start_threads(struct chunker *c, struct errinfo *ei)
{
    unsigned threads = c->codec == NULL || c->opt.threads == 0 ? 1 : c->opt.threads;
    int rc, err;

    rc = deflate_pool_start(c->codec, c->opt.level, threads, &c->pool, ei);
    if (rc < 0)
        return rc;
    err = pthread_create(&c->writer, NULL, writer_thread, c);
    if (err != 0)
        return errinfo_errno(ei, err, "cannot start the writer thread");
    c->writer_runs = true;
    return 0;
}

int
chunker_open(const struct chunker_options *opt, struct chunker **ret, struct errinfo *ei)
{
    const struct chunk_ops *ops = chunk_ops_find(opt->format);
    struct chunker *c;
    int rc;

    if (ops == NULL)
        return errinfo_set(ei, E_INVALID, "unknown file format '%s'", opt->format);
    if (opt->password != NULL && ops != &chunk_zip)
        return errinfo_set(ei, E_INVALID, "a password needs format zip, not %s", ops->name);
    c = mem_zalloc(sizeof(*c));
    c->opt = *opt;
    c->ops = ops;
    c->codec = ops->deflated ? deflate_codec_of(opt->level) : NULL;
    c->row = opt->first_row;
    c->sink.opt = &c->opt;
    c->sink.ops = ops;
    c->sink.fd = -1;
    c->sink.index = opt->first_index;
    c->sink.digest = digest_new();
    c->content = digest_new();
    buf_init(&c->last_row, SIZE_MAX / 4);
    buf_init(&c->header, SIZE_MAX / 4);
    buf_init(&c->header_deflated, SIZE_MAX / 4);
    buf_init(&c->again, SIZE_MAX / 4);
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->done, NULL);
    rc = prepare_header(c, ei);
    if (rc == 0)
        rc = start_threads(c, ei);
    if (rc < 0) {
        chunker_close(c);
        return rc;
    }
    *ret = c;
    return 0;
}

static int
writer_error(struct chunker *c, struct errinfo *ei)
{
    int rc;

    pthread_mutex_lock(&c->lock);
    rc = c->rc;
    if (rc < 0 && ei != NULL)
        *ei = c->error;
    pthread_mutex_unlock(&c->lock);
    return rc;
}

/* Keeps the last DEFLATE_DICT_BYTES of everything handed over. */
static void
remember_tail(struct chunker *c, const struct buf *csv)
{
    size_t keep;

    if (csv->len >= sizeof(c->tail)) {
        memcpy(c->tail, csv->data + csv->len - sizeof(c->tail), sizeof(c->tail));
        c->tail_len = sizeof(c->tail);
        return;
    }
    keep = sizeof(c->tail) - csv->len;
    if (keep > c->tail_len)
        keep = c->tail_len;
    memmove(c->tail, c->tail + c->tail_len - keep, keep);
    memcpy(c->tail + keep, csv->data, csv->len);
    c->tail_len = keep + csv->len;
}

/* The block's memory against the job's old one: neither side allocates in the long run. */
static void
swap_memory(struct buf *a, struct buf *b)
{
    struct buf old = *a;

    a->data = b->data;
    a->len = b->len;
    a->cap = b->cap;
    b->data = old.data;
    b->cap = old.cap;
    buf_reset(b);
}

int
chunker_block(struct chunker *c, struct chunk_block *b, struct errinfo *ei)
{
    struct deflate_job *job;

    if (b->rows == 0)
        return writer_error(c, ei);
    if (b->csv.failed)
        return errinfo_set(ei, E_BUG, "a block of rows is larger than its ceiling");
    job = deflate_pool_slot(c->pool);
    if (job == NULL)
        return writer_error(c, ei);
    job->seal = false;
    job->cut = b->cut;
    job->rows = b->rows;
    job->last_event_ms = b->last_event_ms;
    job->last_row_at = b->last_row_at;
    job->submitted_ms = clock_mono_ms();
    swap_memory(&job->csv, &b->csv);
    b->rows = 0;
    b->last_row_at = 0;
    if (c->codec != NULL) {
        memcpy(job->dict, c->tail, c->tail_len);
        job->dict_len = c->tail_len;
        remember_tail(c, &job->csv);
        if (job->cut) /* the next block begins a file */
            c->tail_len = 0;
    }
    b->cut = false;
    deflate_pool_submit(c->pool);
    return 0;
}

int
chunker_finish(struct chunker *c, struct errinfo *ei)
{
    struct deflate_job *job = deflate_pool_slot(c->pool);

    if (job == NULL)
        return writer_error(c, ei);
    job->seal = true;
    deflate_pool_submit(c->pool);
    c->finishes_asked++;
    pthread_mutex_lock(&c->lock);
    while (c->rc == 0 && c->finishes_done < c->finishes_asked)
        pthread_cond_wait(&c->done, &c->lock);
    pthread_mutex_unlock(&c->lock);
    return writer_error(c, ei);
}

int64_t
chunker_open_bytes(const struct chunker *c)
{
    return atomic_load(&c->open_bytes);
}

void
chunker_close(struct chunker *c)
{
    if (c == NULL)
        return;
    if (c->pool != NULL)
        deflate_pool_abort(c->pool);
    if (c->writer_runs)
        pthread_join(c->writer, NULL);
    deflate_pool_end(c->pool);
    if (c->open)
        chunk_sink_discard(&c->sink);
    if (c->codec_state != NULL)
        c->codec->free_state(c->codec_state);
    digest_free(c->sink.digest);
    digest_free(c->content);
    buf_done(&c->last_row);
    buf_done(&c->header);
    buf_done(&c->header_deflated);
    buf_done(&c->again);
    pthread_cond_destroy(&c->done);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
