#include "api/client/client.h"

#include "api/client/http.h"
#include "common/base/clock.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define POLL_MS   500
#define BAR_WIDTH 28

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

struct view {
    bool terminal;
    int64_t started_ms; /* monotonic */
    char last[512];     /* the line printed last: lines are not repeated off a terminal */
};

static void
count_text(int64_t n, char out[32])
{
    static const char units[] = " kMGT";
    double v = (double)n;
    size_t u = 0;

    while (v >= 10000 && u < sizeof(units) - 2) {
        v /= 1000;
        u++;
    }
    if (u == 0)
        snprintf(out, 32, "%lld", (long long)n);
    else
        snprintf(out, 32, "%.1f%c", v, units[u]);
}

/* The share of what is produced that has arrived: the end of the query is not known before. */
static void
draw(struct view *v, const struct json *job)
{
    int64_t made = json_get_int(job, "eventGenerated", 0),
            sent = json_get_int(job, "eventsSent", 0);
    int64_t ms = clock_mono_ms() - v->started_ms + 1;
    const char *status = json_get_string(job, "status", "");
    int full = made > 0 ? (int)(sent * BAR_WIDTH / made) : 0;
    char a[32], b[32], rate[32], line[512], bar[BAR_WIDTH + 1];

    count_text(made, a);
    count_text(sent, b);
    count_text(made * 1000 / ms, rate);
    if (!v->terminal) {
        snprintf(line, sizeof(line), "%s generated %lld sent %lld files %lld", status,
                 (long long)made, (long long)sent,
                 (long long)json_get_int(json_get(job, "extra"), "pathsTotal", 0));
        if (strcmp(line, v->last) != 0)
            puts(line);
        fflush(stdout);
        snprintf(v->last, sizeof(v->last), "%s", line);
        return;
    }
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)(full > BAR_WIDTH ? BAR_WIDTH : full));
    bar[BAR_WIDTH] = '\0';
    printf("\r\033[K%-12s [%s] %s of %s events sent, %lld files, %s/s", status, bar, b, a,
           (long long)json_get_int(json_get(job, "extra"), "pathsTotal", 0), rate);
    fflush(stdout);
}

static int
finish(struct view *v, const struct json *job)
{
    const char *status = json_get_string(job, "status", "");
    const struct json *e;

    if (v->terminal)
        putchar('\n');
    for (e = json_first(json_get(job, "error")); e != NULL; e = json_next(e))
        fprintf(stderr, "%s\n", json_string(e, ""));
    return strcmp(status, "COMPLETED") == 0 ? EXIT_FINE : EXIT_STOPPED;
}

/* -1: go on. */
static int
look(struct view *v, const char *path)
{
    struct http_answer a;
    struct errinfo ei;
    const char *status;
    char *words;
    int rc = -1;

    if (http_call(path, NULL, &a, &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    if (a.status == 503) { /* the service is away for a moment; the job is not */
        http_answer_done(&a);
        return -1;
    }
    if (a.status != 200) {
        words = http_error_text(&a);
        rc = client_fail(a.status == 404 ? EXIT_MISSING : EXIT_FAILED, "%s", words);
        free(words);
    } else {
        status = json_get_string(json_get(a.json, "object"), "status", "");
        draw(v, json_get(a.json, "object"));
        if (strcmp(status, "COMPLETED") == 0 || strcmp(status, "STOPPED") == 0)
            rc = finish(v, json_get(a.json, "object"));
    }
    http_answer_done(&a);
    return rc;
}

int
watch_job(const char *id)
{
    const struct timespec pause = {0, POLL_MS * 1000000L};
    struct view v = {.terminal = isatty(STDOUT_FILENO) != 0, .started_ms = clock_mono_ms()};
    struct sigaction act = {.sa_handler = on_interrupt}, old;
    char *path = mem_printf("/job/%s", id);
    int rc;

    sigaction(SIGINT, &act, &old);
    while ((rc = look(&v, path)) < 0 && !interrupted)
        nanosleep(&pause, NULL);
    sigaction(SIGINT, &old, NULL);
    if (rc < 0) {
        fprintf(stderr, "\nthe job goes on: bucketline watch %s\n", id);
        rc = 128 + SIGINT;
    }
    free(path);
    return rc;
}

int
cmd_watch(struct client *c, int argc, char **argv)
{
    (void)c;
    if (argc != 2)
        return client_fail(EXIT_USAGE, "watch ID");
    return watch_job(argv[1]);
}
