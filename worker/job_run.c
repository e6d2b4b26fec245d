#include "worker/job_run.h"

#include "common/base/digest.h"
#include "worker/encode/csv_encoder.h"

#include <limits.h>

#define ROW_CEILING (1u << 30) /* bytes of one row, with what stands before it in its block */

/* What lives while rows flow. */
struct flow {
    struct job_run *run;
    const struct linq_sql *plan;
    struct csv_encoder *encoder;
    struct chunker *chunker; /* NULL: donothing */
    struct chunk_block block;
    size_t block_bytes;
    size_t row_bytes;   /* length of an average row lately */
    int64_t single_max; /* ceiling of multiplefile=false; INT64_MAX otherwise */
    bool check_first;   /* the first row is the last sealed one: compare, do not write */
};

static bool
wants_files(const struct job_run *r)
{
    return strcmp(r->spec.destination, "donothing") != 0;
}

static int64_t
event_time_ms(const struct flow *f, const struct engine_batch *b, size_t row)
{
    const struct engine_column *c;

    if (f->plan->time_index < 0)
        return 0;
    c = &b->columns[f->plan->time_index];
    if (c->validity != NULL && (c->validity[row / 64] >> (row % 64) & 1) == 0)
        return 0;
    if (c->kind == COL_TIMESTAMP)
        return ((const int64_t *)c->data)[row] / 1000;
    return c->kind == COL_DATE ? ((const int32_t *)c->data)[row] * 86400000LL : 0;
}

static int
flush_block(struct flow *f, struct errinfo *ei)
{
    if (f->block.rows == 0)
        return E_OK;
    return chunker_block(f->chunker, &f->block, ei);
}

/* The row before the resume point must be the one that was sealed last: same data, same order. */
static int
check_resume_row(struct flow *f, const struct engine_batch *b, struct errinfo *ei)
{
    char hash[DIGEST_SHA256_HEX + 1];
    struct buf row = BUF_INIT(ROW_CEILING);

    csv_encode_rows(f->encoder, b, 0, 1, &row);
    digest_sha256_hex(row.data, row.len, hash);
    buf_done(&row);
    f->check_first = false;
    if (strcmp(hash, f->run->resume_hash) == 0)
        return E_OK;
    return errinfo_set(ei, E_PERMANENT,
                       "cannot go on after row %lld: the data or its order has changed since the "
                       "job began; start a new job",
                       (long long)f->run->resume_rows);
}

/* Files end at multiples of the job's rows, so that a job that was stopped and goes on, or whose
 * files were cut by size in between, still has no file with more than max_file_rows. */
static size_t
rows_to_cut(const struct flow *f, size_t rows)
{
    int64_t max = f->run->spec.max_file_rows, left;

    if (max == 0)
        return rows;
    left = max - f->run->rows % max;
    return (int64_t)rows < left ? rows : (size_t)left;
}

/* Rows [*row, b->rows) into the open block until it is full or ends a file; *row moves on. */
static int
encode_rows(struct flow *f, const struct engine_batch *b, size_t *row, struct errinfo *ei)
{
    struct chunk_block *blk = &f->block;
    size_t n = csv_encode_until(f->encoder, b, *row, rows_to_cut(f, b->rows - *row), f->block_bytes,
                                &blk->csv, &blk->last_row_at);
    int64_t last = event_time_ms(f, b, *row + n - 1);

    if (blk->csv.failed)
        return errinfo_set(ei, E_PERMANENT, "a row is longer than %u bytes", ROW_CEILING);
    *row += n;
    blk->rows += (int64_t)n;
    blk->last_event_ms = last;
    f->run->last_event_ms = last;
    f->run->rows += (int64_t)n;
    blk->cut = f->run->spec.max_file_rows > 0 && f->run->rows % f->run->spec.max_file_rows == 0;
    return blk->cut || blk->csv.len >= f->block_bytes ? flush_block(f, ei) : E_OK;
}

static int
take_batch(struct flow *f, const struct engine_batch *b, struct errinfo *ei)
{
    size_t row = 0;
    int rc;

    if (f->chunker == NULL) {
        f->run->rows += (int64_t)b->rows;
        f->run->last_event_ms = event_time_ms(f, b, b->rows - 1);
        return E_OK;
    }
    if (f->check_first) {
        rc = check_resume_row(f, b, ei);
        if (rc < 0)
            return rc;
        row = 1;
    }
    while (row < b->rows) {
        rc = encode_rows(f, b, &row, ei);
        if (rc < 0)
            return rc;
    }
    if (f->single_max != INT64_MAX && chunker_open_bytes(f->chunker) > f->single_max)
        return errinfo_set(ei, E_PERMANENT,
                           "the single file is larger than spool.single_max (%lld bytes): ask for "
                           "several files (multiplefile=true)",
                           (long long)f->single_max);
    return E_OK;
}

/* 0 = the end of the rows, 1 = stopped. */
static int
pump(struct flow *f, struct errinfo *ei)
{
    struct job_run *r = f->run;
    const struct engine_batch *b;
    int rc;

    for (;;) {
        if (r->stop)
            return 1;
        rc = r->ops->next(r->engine, &b, ei);
        if (rc == E_CANCELLED && r->stop)
            return 1;
        if (rc < 0)
            return rc;
        if (b->rows == 0)
            break;
        rc = take_batch(f, b, ei);
        if (rc < 0)
            return rc;
    }
    if (f->check_first && r->resume_rows > 0)
        return errinfo_set(ei, E_PERMANENT,
                           "cannot go on after row %lld: the data has fewer rows now; start a new "
                           "job",
                           (long long)r->resume_rows);
    return 0;
}

static enum chunk_level
level_of(const char *compression)
{
    if (strcmp(compression, "best") == 0)
        return CHUNK_BEST;
    return strcmp(compression, "balanced") == 0 ? CHUNK_BALANCED : CHUNK_FAST;
}

static int
open_chunker(struct flow *f, const struct config *cfg, const struct csv_options *csv,
             struct errinfo *ei)
{
    struct job_run *r = f->run;
    struct buf header = BUF_INIT(1u << 20);
    struct chunker_options o = {
        .format = r->spec.format,
        .level = level_of(r->spec.compression),
        .password = r->password,
        .zipcrypto = strcmp(r->spec.zip_encryption, "zipcrypto") == 0,
        .entry_stem = r->spec.entry_stem,
        .max_bytes = r->spec.max_file_bytes,
        .max_age_ms = r->spec.max_file_ms,
        .empty_file = r->next_index == 1 && r->resume_rows == 0,
        .threads = (unsigned)config_int(cfg, "worker.deflate_threads"),
        .first_index = r->next_index,
        .first_row = r->resume_rows,
        .slot_fd = r->slot_fd,
        .header = &header,
        .sealed = r->on_sealed,
        .ctx = r->ctx,
    };
    int rc;

    csv_encode_header(csv, f->plan->columns, f->plan->column_count, &header);
    rc = chunker_open(&o, &f->chunker, ei);
    buf_done(&header);
    buf_init(&f->block.csv, ROW_CEILING);
    /* Small files want small blocks: a file may be larger than asked by one block only. */
    f->block_bytes = CHUNK_BLOCK_BYTES;
    if (o.max_bytes < 16 * (int64_t)CHUNK_BLOCK_BYTES)
        f->block_bytes = CHUNK_BLOCK_BYTES / 4;
    f->single_max = r->spec.multiplefile ? INT64_MAX : config_int(cfg, "spool.single_max");
    return rc;
}

/* Rows -> files. 0 = ended, 1 = stopped; all is sealed then. */
static int
stream(struct job_run *r, const struct config *cfg, struct errinfo *ei)
{
    struct csv_options csv = {.tz_offset_min = r->spec.tz_offset_min,
                              .iso = r->spec.iso_dates,
                              .delimiter = r->spec.csv_delimiter[0],
                              .null = r->spec.csv_null,
                              .formula_guard = r->spec.csv_formulaguard,
                              .bom = r->spec.csv_bom};
    struct flow f = {.run = r, .plan = r->ops->plan(r->engine), .check_first = r->resume_rows > 0};
    int64_t first = r->rows;
    int rc = E_OK, stopped;

    f.encoder = csv_encoder_new(&csv, f.plan->column_count);
    if (wants_files(r))
        rc = open_chunker(&f, cfg, &csv, ei);
    stopped = rc < 0 ? rc : pump(&f, ei);
    rc = stopped;
    if (stopped >= 0 && f.chunker != NULL && !(stopped == 1 && r->rows == first)) {
        rc = flush_block(&f, ei);
        if (rc == E_OK)
            rc = chunker_finish(f.chunker, ei);
    }
    chunker_close(f.chunker);
    buf_done(&f.block.csv);
    csv_encoder_free(f.encoder);
    return rc < 0 ? rc : stopped;
}

/* A materialised result is made once; made again only where that gives the same rows. */
static int
materialise(struct job_run *r, struct errinfo *ei)
{
    int64_t rows;
    int rc;

    if (r->have_result)
        return E_OK;
    if (r->resume_rows > 0 && !r->ops->plan(r->engine)->exact)
        return errinfo_set(ei, E_PERMANENT,
                           "the result that was made for this job is lost with its spool, and "
                           "running the query again need not give the same rows; start a new job");
    rc = r->ops->materialise(r->engine, &rows, ei);
    return rc < 0 ? rc : r->on_result(r->ctx, ei);
}

static int
run_opened(struct job_run *r, const struct config *cfg, struct errinfo *ei)
{
    const struct linq_sql *plan;
    char *snapshot = NULL;
    int rc;

    rc = r->ops->snapshot(r->engine, r->snapshot, &snapshot, ei);
    if (rc == E_OK)
        rc = r->ops->prepare(r->engine, ei);
    if (rc < 0) {
        free(snapshot);
        return rc;
    }
    plan = r->ops->plan(r->engine);
    rc = r->on_snapshot(r->ctx, snapshot, r->ops->version(), plan->class_ == LINQ_ROW_WISE, ei);
    free(snapshot);
    if (rc == E_OK && plan->class_ == LINQ_MATERIALISED)
        rc = materialise(r, ei);
    return rc < 0 ? rc : stream(r, cfg, ei);
}

static void
set_engine(struct job_run *r, struct engine *e)
{
    pthread_mutex_lock(&r->engine_lock);
    r->engine = e;
    pthread_mutex_unlock(&r->engine_lock);
}

void
job_run_stop(struct job_run *r)
{
    r->stop = true;
    pthread_mutex_lock(&r->engine_lock);
    if (r->engine != NULL)
        r->ops->interrupt(r->engine);
    pthread_mutex_unlock(&r->engine_lock);
}

int
job_run(struct job_run *r, const struct config *cfg, struct errinfo *ei)
{
    struct linq_binding binding = {
        .now_ms = r->spec.now_ms,
        .from_ms = r->spec.from_ms,
        .to_ms = r->spec.to_ms,
        .tz_offset_min = r->spec.tz_offset_min,
        .job_id = r->id,
        .skip = r->spec.skip,
        .limit = r->spec.limit,
    };
    struct engine_query q = {
        .job_id = r->id,
        .linq = r->spec.query,
        .binding = &binding,
        .table_globs = (const char *const *)r->spec.globs,
        .domain = r->domain,
        .scratch_dir = r->slot_dir,
        .have_result = r->have_result,
        /* The row before the resume point comes first, to be compared. */
        .skip_rows = r->resume_rows > 0 ? r->resume_rows - 1 : 0,
    };
    struct engine *e = NULL;
    int rc;

    r->ops = engine_find(r->spec.engine);
    if (r->ops == NULL)
        return errinfo_set(ei, E_PERMANENT, "this worker has no engine '%s'", r->spec.engine);
    r->rows = r->resume_rows;
    rc = r->ops->open(cfg, &q, &e, ei);
    if (rc < 0)
        return rc;
    set_engine(r, e);
    rc = run_opened(r, cfg, ei);
    if (rc == E_CANCELLED && r->stop)
        rc = 1; /* interrupted before the first row: nothing was open */
    set_engine(r, NULL);
    r->ops->close(e);
    return rc;
}
