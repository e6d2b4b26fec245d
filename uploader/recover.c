#include "uploader/recover.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "uploader/uploader_state.h"

#include <fcntl.h>
#include <sys/stat.h>

#define MIN_AGE_MS  2000 /* spares a question about files that are just being recorded */
#define TRASH_BATCH 100  /* in one turn of the loop */
/* Files of jobs that the store does not know: it may have been emptied, or be the wrong one. */
#define KEEP_UNKNOWN_MS (24 * 3600 * INT64_C(1000))
#define SAY_UNKNOWN_MS  (3600 * INT64_C(1000))

struct scan {
    struct uploader *u;
    bool results;
    bool broken; /* the store is away: the rest at the next rescan */
    int deleted;
    int unknown;
    char first_unknown[96];
};

static int
is_unused(struct scan *s, const char *name, struct errinfo *ei)
{
    char job[IDS_UUID_LEN + 1], attempt[IDS_ATTEMPT_LEN + 1];
    unsigned index;

    if (!spool_name_parse(name, job, &index, attempt))
        return 0;
    if (s->results)
        return job_store_result_unused(s->u->store, job, ei);
    return job_store_file_unused(s->u->store, job, index, attempt, ei);
}

static int64_t
file_age_ms(const struct uploader *u, const char *name)
{
    struct stat st;

    if (fstatat(spool_ready_fd(u->spool), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return clock_now_ms() - st.st_ctime * INT64_C(1000);
}

static void
look_at(void *ctx, const char *name)
{
    struct scan *s = ctx;
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    if (s->broken)
        return;
    rc = is_unused(s, name, &ei);
    uploader_note_store(s->u, rc, &ei);
    if (rc < 0) {
        s->broken = true;
        return;
    }
    if (rc == 2 && file_age_ms(s->u, name) < KEEP_UNKNOWN_MS) {
        if (s->unknown++ == 0)
            snprintf(s->first_unknown, sizeof(s->first_unknown), "%s", name);
        return;
    }
    if (rc == 0)
        return;
    rc = s->results ? spool_remove_result(s->u->spool, name, &ei)
                    : spool_remove_ready(s->u->spool, name, &ei);
    if (rc < 0) {
        log_event(LOG_ERROR, "cannot delete a file", LF("file", name), LF("error", ei.msg));
        return;
    }
    s->deleted++;
    log_event(LOG_INFO, "deleted a file without use", LF("file", name),
              LF("folder", s->results ? "results" : "ready"));
}

void
recover_rescan(struct uploader *u)
{
    struct scan s = {.u = u};
    struct errinfo ei = ERRINFO_INIT;
    int i;

    for (i = 0; i < 2; i++) {
        s.results = i == 1;
        if (spool_each(u->spool, s.results, MIN_AGE_MS, look_at, &s, &ei) < 0)
            log_event(LOG_ERROR, "cannot rescan the spool", LF("error", ei.msg));
    }
    if (s.unknown > 0 && clock_mono_ms() >= u->say_unknown_ms) {
        u->say_unknown_ms = clock_mono_ms() + SAY_UNKNOWN_MS;
        log_event(LOG_WARN,
                  "files of jobs that Redis does not know are kept for 24 h; is it the right one?",
                  LFN("files", s.unknown), LF("first", s.first_unknown));
    }
}

void
recover_trash(struct uploader *u)
{
    struct errinfo ei = ERRINFO_INIT;
    char name[96];
    int i, rc = 1;

    for (i = 0; i < TRASH_BATCH && rc == 1; i++) {
        rc = job_store_trash_pop(u->store, spool_id(u->spool), name, &ei);
        uploader_note_store(u, rc, &ei);
        if (rc == 1 && spool_remove_ready(u->spool, name, &ei) < 0)
            log_event(LOG_WARN, "cannot delete a dropped file", LF("file", name),
                      LF("error", ei.msg));
        else if (rc == 1)
            log_event(LOG_INFO, "deleted a dropped file", LF("file", name));
    }
}
