#include "worker/child.h"

#include "common/base/clock.h"
#include "worker/frames.h"
#include "worker/runner.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEND_LIMIT_S 10 /* a runner that reads nothing for this long is given up */

/* Between fork and exec: only async-signal-safe calls. */
static void become_runner(int fd, char **argv) NORETURN;

static void
become_runner(int fd, char **argv)
{
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == RUNNER_FD)
        fcntl(fd, F_SETFD, 0);
    else if (dup2(fd, RUNNER_FD) < 0)
        _exit(126);
    execv("/proc/self/exe", argv);
    _exit(127);
}

static char **
runner_argv(char **argv)
{
    size_t n = 0, i;
    char **out;

    while (argv[n] != NULL)
        n++;
    out = mem_zalloc((n + 2) * sizeof(*out));
    out[0] = argv[0];
    out[1] = (char *)(uintptr_t) "--runner";
    for (i = 1; i < n; i++)
        out[i + 1] = argv[i];
    return out;
}

int
child_spawn(struct supervisor *sv, char **argv, struct event_base *base,
            event_callback_fn on_readable, struct child **ret, struct errinfo *ei)
{
    const struct timeval limit = {SEND_LIMIT_S, 0};
    struct child *c;
    char **args;
    int pair[2];
    pid_t pid;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        return errinfo_errno(ei, errno, "socketpair");
    setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    args = runner_argv(argv);
    pid = fork();
    if (pid == 0)
        become_runner(pair[1], args);
    free(args);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return errinfo_errno(ei, errno, "fork");
    }
    c = mem_zalloc(sizeof(*c));
    c->sv = sv;
    c->pid = pid;
    c->fd = pair[0];
    c->spare = true;
    c->slot.fd = c->slot.lock_fd = -1;
    c->started_ms = clock_mono_ms();
    buf_init(&c->in, FRAME_MAX);
    buf_init(&c->out, FRAME_MAX);
    c->readable = event_new(base, c->fd, EV_READ | EV_PERSIST, on_readable, c);
    event_add(c->readable, NULL);
    *ret = c;
    return E_OK;
}

int
child_give_job(struct child *c, const char *password, bool have_result, struct errinfo *ei)
{
    const struct job_claim *j = &c->claim;
    struct json_writer w;
    int rc;

    frame_begin(&w, &c->out, "job");
    json_w_kv_string(&w, "id", j->id);
    json_w_kv_string(&w, "domain", j->domain);
    json_w_kv_string(&w, "spec", j->spec);
    json_w_kv_string(&w, "password", password);
    json_w_kv_string(&w, "slot", c->slot.path);
    json_w_kv_string(&w, "snapshot", j->snapshot);
    json_w_kv_string(&w, "engineVersion", j->engine_version);
    json_w_kv_bool(&w, "haveResult", have_result);
    json_w_kv_int(&w, "resumeRows", j->resume_rows);
    json_w_kv_int(&w, "nextIndex", j->next_index);
    json_w_kv_string(&w, "resumeHash", j->resume_hash);
    rc = frame_send(c->fd, &w, ei);
    explicit_bzero(c->out.data, c->out.cap); /* the password was in it */
    buf_reset(&c->out);
    c->spare = false;
    c->rows = j->resume_rows;
    c->started_ms = c->beat_ms = c->renewed_ms = clock_mono_ms();
    return rc;
}

void
child_say(struct child *c, const char *word)
{
    struct errinfo ei;
    struct json_writer w;
    int rc;

    frame_begin(&w, &c->out, word);
    rc = frame_send(c->fd, &w, &ei);
    (void)rc; /* gone: its stream ends, and that is looked at */
}

void
child_reap(struct child *c)
{
    int status = 0;

    if (c->pid <= 0)
        return;
    kill(c->pid, SIGKILL); /* no effect on one that has ended by itself */
    while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
        ;
    c->pid = 0;
    if (WIFSIGNALED(status))
        snprintf(c->death, sizeof(c->death), "the runner was ended by signal %d (%s)%s",
                 WTERMSIG(status), strsignal(WTERMSIG(status)),
                 WTERMSIG(status) == SIGKILL ? "; out of memory?" : "");
    else
        snprintf(c->death, sizeof(c->death), "the runner ended with status %d",
                 WEXITSTATUS(status));
}

void
child_free(struct child *c)
{
    if (c == NULL)
        return;
    event_free(c->readable);
    close(c->fd);
    json_free(c->ask);
    json_free(c->end);
    job_claim_done(&c->claim);
    job_spec_done(&c->spec);
    buf_done(&c->in);
    buf_wipe(&c->out);
    free(c);
}
