#include "worker/runner.h"

#include "common/base/clock.h"
#include "common/base/service.h"
#include "worker/frames.h"
#include "worker/job_run.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BEAT_MS 1000

/* lock guards what follows it; job_run's own members are atomic. */
struct runner {
    struct job_run run;
    struct config *cfg;
    struct json *job; /* the job frame; owns the strings of run */
    char *spec_text;
    struct buf in; /* control thread only, after the first frame */
    pthread_mutex_t lock;
    pthread_cond_t went;
    unsigned gos; /* "go" frames not yet taken */
    struct buf out;
    bool ended; /* the last frame is out: no beat behind it */
};

/* Sends the frame in r->out and waits for its "go"; the caller holds the lock. */
static int
ask(struct runner *r, struct json_writer *w, struct errinfo *ei)
{
    int rc = frame_send(RUNNER_FD, w, ei);

    if (rc < 0)
        return rc;
    while (r->gos == 0)
        pthread_cond_wait(&r->went, &r->lock);
    r->gos--;
    return E_OK;
}

static int
on_snapshot(void *ctx, const char *text, const char *version, bool ordered, struct errinfo *ei)
{
    struct runner *r = ctx;
    struct json_writer w;
    int rc;

    pthread_mutex_lock(&r->lock);
    frame_begin(&w, &r->out, "snapshot");
    json_w_kv_string(&w, "text", text);
    json_w_kv_string(&w, "version", version);
    json_w_kv_bool(&w, "ordered", ordered);
    rc = ask(r, &w, ei);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int
on_result(void *ctx, struct errinfo *ei)
{
    struct runner *r = ctx;
    struct json_writer w;
    int rc;

    pthread_mutex_lock(&r->lock);
    frame_begin(&w, &r->out, "result");
    rc = ask(r, &w, ei);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static int
on_sealed(void *ctx, unsigned index, const struct chunk_file *f, struct errinfo *ei)
{
    struct runner *r = ctx;
    struct json_writer w;
    int rc;

    pthread_mutex_lock(&r->lock);
    frame_begin(&w, &r->out, "sealed");
    json_w_kv_int(&w, "index", index);
    json_w_kv_string(&w, "file", f->tmp_name);
    json_w_kv_int(&w, "start", f->start);
    json_w_kv_int(&w, "end", f->end);
    json_w_kv_int(&w, "bytes", f->bytes);
    json_w_kv_int(&w, "contentBytes", f->content_bytes);
    json_w_kv_int(&w, "last", f->last_event_ms);
    json_w_kv_string(&w, "fileSha256", f->file_sha256);
    json_w_kv_string(&w, "contentSha256", f->content_sha256);
    json_w_kv_string(&w, "lastRowSha256", f->last_row_sha256);
    rc = ask(r, &w, ei);
    pthread_mutex_unlock(&r->lock);
    return rc;
}

static void
obey(struct runner *r, const struct json *frame)
{
    const char *kind = json_get_string(frame, "t", "");

    if (strcmp(kind, "stop") == 0) {
        job_run_stop(&r->run);
    } else if (strcmp(kind, "go") == 0) {
        pthread_mutex_lock(&r->lock);
        r->gos++;
        pthread_cond_signal(&r->went);
        pthread_mutex_unlock(&r->lock);
    }
}

static void
beat(struct runner *r)
{
    struct errinfo ei;
    struct json_writer w;

    pthread_mutex_lock(&r->lock);
    if (!r->ended) {
        frame_begin(&w, &r->out, "beat");
        json_w_kv_int(&w, "rows", r->run.rows);
        json_w_kv_int(&w, "last", r->run.last_event_ms);
        if (frame_send(RUNNER_FD, &w, &ei) < 0)
            _exit(1);
    }
    pthread_mutex_unlock(&r->lock);
}

/* Always awake: answers the supervisor, beats, and ends the process when the supervisor is gone. */
static void *
control(void *arg)
{
    struct runner *r = arg;
    struct pollfd p = {.fd = RUNNER_FD, .events = POLLIN};
    int64_t next = clock_mono_ms() + BEAT_MS, now;
    struct errinfo ei;
    struct json *frame;

    for (;;) {
        now = clock_mono_ms();
        if (now >= next) {
            beat(r);
            next = now + BEAT_MS;
        }
        poll(&p, 1, (int)(next - now > 0 ? next - now : 0));
        if (p.revents == 0)
            continue;
        if (frame_receive(RUNNER_FD, &r->in, MSG_DONTWAIT, &ei) < 0)
            _exit(1);
        while (frame_next(&r->in, &frame, &ei) == 1) {
            obey(r, frame);
            json_free(frame);
        }
    }
    return NULL;
}

static int
read_job(struct runner *r, struct errinfo *ei)
{
    int rc;

    do {
        rc = frame_receive(RUNNER_FD, &r->in, 0, ei);
        if (rc >= 0)
            rc = frame_next(&r->in, &r->job, ei);
    } while (rc == 0);
    return rc < 0 ? rc : E_OK;
}

static int
take_job(struct runner *r, struct errinfo *ei)
{
    struct job_run *run = &r->run;
    const struct json *j = r->job;
    int rc;

    rc = job_spec_parse(json_get_string(j, "spec", ""), &run->spec, ei);
    if (rc < 0)
        return rc;
    run->id = json_get_string(j, "id", "");
    run->domain = json_get_string(j, "domain", "");
    run->password = json_get_string(j, "password", NULL);
    run->slot_dir = json_get_string(j, "slot", "");
    run->snapshot = json_get_string(j, "snapshot", NULL);
    run->engine_version = json_get_string(j, "engineVersion", NULL);
    run->have_result = json_get_bool(j, "haveResult", false);
    run->resume_rows = json_get_int(j, "resumeRows", 0);
    run->next_index = (unsigned)json_get_int(j, "nextIndex", 1);
    run->resume_hash = json_get_string(j, "resumeHash", "");
    run->ctx = r;
    run->on_snapshot = on_snapshot;
    run->on_result = on_result;
    run->on_sealed = on_sealed;
    run->slot_fd = open(run->slot_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (run->slot_fd < 0)
        return errinfo_errno(ei, errno, "open slot '%s'", run->slot_dir);
    return E_OK;
}

static void
say_end(struct runner *r, int rc, const struct errinfo *why)
{
    struct errinfo ei;
    struct json_writer w;

    pthread_mutex_lock(&r->lock);
    r->ended = true;
    frame_begin(&w, &r->out, rc < 0 ? "error" : rc == 1 ? "stopped" : "done");
    if (rc < 0) {
        json_w_kv_int(&w, "code", rc);
        json_w_kv_string(&w, "msg", why->msg);
    }
    json_w_kv_int(&w, "rows", r->run.rows);
    json_w_kv_int(&w, "last", r->run.last_event_ms);
    rc = frame_send(RUNNER_FD, &w, &ei);
    pthread_mutex_unlock(&r->lock);
    if (rc < 0)
        _exit(1);
}

static int
run_job(struct runner *r, struct errinfo *ei)
{
    pthread_t thread;
    bool no_landlock;
    int rc = take_job(r, ei);

    if (rc == E_OK)
        rc = sandbox_enter(r->cfg, r->run.slot_dir, false, &no_landlock, ei);
    if (rc < 0)
        return rc;
    if (pthread_create(&thread, NULL, control, r) != 0)
        return errinfo_set(ei, E_TRANSIENT, "cannot start a thread");
    pthread_detach(thread);
    return job_run(&r->run, r->cfg, ei);
}

int
runner_main(int argc, char **argv)
{
    static struct runner r; /* the control thread may look at it until the process is gone */
    struct errinfo ei = ERRINFO_INIT;
    char *sets[128];
    const char *path = NULL;
    size_t n = 0;
    int i, rc;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGINT, SIG_IGN); /* Ctrl-C goes to the whole group; the supervisor tells us */
    signal(SIGTERM, SIG_IGN);
    for (i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--config") == 0)
            path = argv[++i];
        else if (strcmp(argv[i], "--set") == 0 && n < ARRAY_LEN(sets))
            sets[n++] = argv[++i];
    }
    buf_init(&r.in, FRAME_MAX);
    buf_init(&r.out, FRAME_MAX);
    pthread_mutex_init(&r.lock, NULL);
    pthread_cond_init(&r.went, NULL);
    pthread_mutex_init(&r.run.engine_lock, NULL);
    rc = service_load_config(path, sets, n, &r.cfg, &ei);
    if (rc == E_OK)
        rc = read_job(&r, &ei);
    if (rc == E_LOST)
        return 0; /* a spare that was never needed */
    if (rc == E_OK)
        rc = run_job(&r, &ei);
    say_end(&r, rc, &ei);
    _exit(0); /* no destructors: the control thread still runs */
}
