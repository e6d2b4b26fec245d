#include "uploader/upload_abort.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "uploader/upload_where.h"
#include "uploader/uploader_state.h"

#define IDLE_MS 1000  /* between questions when there was none */
#define LAME_MS 10000 /* after an S3 that could not be reached, or a store that gave no answer */

struct abort_run {
    struct upload_abort what;
    struct upload_where where;
};

void
upload_abort_free(struct abort_run *run)
{
    if (run == NULL)
        return;
    upload_where_done(&run->where);
    upload_abort_done(&run->what);
    free(run);
}

/* for_good: nothing more can be done about it. */
static void
end_run(struct uploader *u, bool for_good, bool aborted, const char *words)
{
    struct abort_run *run = u->abort;
    struct errinfo ei = ERRINFO_INIT;
    int rc = E_OK;

    log_event(aborted ? LOG_INFO : LOG_WARN,
              aborted    ? "aborted the upload of a removed file"
              : for_good ? "cannot abort the upload of a removed file"
                         : "cannot abort the upload of a removed file yet",
              LF("job", run->what.job), LFU("index", run->what.index), LF("words", words));
    if (for_good) {
        rc = job_store_abort_done(u->store, spool_id(u->spool), &run->what, &ei);
        uploader_note_store(u, rc, &ei);
    }
    u->abort_ms = clock_mono_ms() + (for_good && rc == E_OK ? 0 : LAME_MS);
    u->abort = NULL;
    upload_abort_free(run);
}

static void
on_aborted(void *ctx, const struct s3_result *res)
{
    struct uploader *u = ctx;

    if (u->stopping)
        return; /* upload_abort_free follows */
    end_run(u, res->outcome != S3_RETRY_LATER && res->outcome != S3_CANCELLED,
            res->outcome == S3_OK, res->message);
}

void
upload_abort_look_after(struct uploader *u, int64_t now_mono_ms)
{
    struct errinfo ei = ERRINFO_INIT;
    struct abort_run *run;
    int rc;

    if (u->abort != NULL || now_mono_ms < u->abort_ms)
        return;
    run = mem_zalloc(sizeof(*run));
    rc = job_store_abort_next(u->store, spool_id(u->spool), &run->what, &ei);
    uploader_note_store(u, rc, &ei);
    if (rc != 1) {
        if (rc < 0 && !uploader_store_is_away(rc))
            log_event(LOG_ERROR, "cannot read an upload to abort", LF("error", ei.msg));
        free(run);
        u->abort_ms = now_mono_ms + (rc == 0 ? IDLE_MS : LAME_MS);
        return;
    }
    u->abort = run;
    if (upload_where_read(u, run->what.domain, run->what.job, run->what.index, run->what.spec,
                          run->what.secrets, &run->where, &ei) < 0 ||
        s3_abort_upload(u->s3, &run->where.target, run->where.key, run->what.upload_id, on_aborted,
                        u, &ei) == NULL)
        end_run(u, true, false, ei.msg);
}
