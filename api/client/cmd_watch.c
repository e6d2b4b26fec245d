#include "api/client/client.h"

#include "api/client/http.h"
#include "common/base/clock.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define POLL_MIN_MS 50 /* small jobs are over in less */
#define POLL_MAX_MS 500
#define AWAY_MS     120000 /* a service that was there may be away for this long */
#define RATE_MS     1000
#define BAR_WIDTH   28
#define LINE_BYTES  256

static volatile sig_atomic_t interrupted;

static void
on_interrupt(int sig)
{
    (void)sig;
    interrupted = 1;
}

struct view {
    bool terminal;
    char last[LINE_BYTES];        /* the line printed last: lines are not repeated off a terminal */
    int64_t answer_ms;            /* monotonic, of the last answer; 0: none yet */
    bool away;                    /* said once */
    int64_t first_ms, first_made; /* of the first answer */
    int64_t rate_ms, rate_made, rate_sent; /* where the running window of the rate began */
    double rate;
};

/* "9999", "12.3k", "12.3M" */
static void
count_text(double v, char out[32])
{
    static const char units[] = "kMGT";
    int u = -1;

    while (v >= (u < 0 ? 10000 : 1000) && u < (int)sizeof(units) - 2) {
        v /= 1000;
        u++;
    }
    if (u < 0)
        snprintf(out, 32, "%.0f", v);
    else
        snprintf(out, 32, "%.1f%c", v, units[u]);
}

/* Rows produced a second; once the query has ended, rows sent; at the end, over all of it. */
static void
measure(struct view *v, int64_t made, int64_t sent, bool complete)
{
    int64_t now = clock_mono_ms(), ms, rows = made - v->rate_made;

    if (v->rate_ms == 0) {
        v->first_ms = v->rate_ms = now;
        v->first_made = made;
    } else if (complete) {
        ms = now - v->first_ms + 1;
        v->rate = (double)(made - v->first_made) * 1000 / (double)ms;
        return;
    } else if (now - v->rate_ms < RATE_MS) {
        return;
    } else {
        ms = now - v->rate_ms;
        v->rate = (double)(rows > 0 ? rows : sent - v->rate_sent) * 1000 / (double)ms;
        v->rate_ms = now;
    }
    v->rate_made = made;
    v->rate_sent = sent;
}

/* The bar is the share of what is produced that has arrived: how many rows there will be in all
 * is not known before the query has ended. */
static void
draw_bar(struct view *v, const char *status, int64_t made, int64_t sent, int64_t files)
{
    bool complete = strcmp(status, "COMPLETED") == 0;
    int full = complete ? BAR_WIDTH : made > 0 ? (int)((double)sent * BAR_WIDTH / (double)made) : 0;
    char a[32], b[32], rate[32], line[LINE_BYTES], bar[BAR_WIDTH + 1];
    struct winsize size;

    count_text((double)made, a);
    count_text((double)sent, b);
    count_text(v->rate, rate);
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)(full > BAR_WIDTH ? BAR_WIDTH : full));
    bar[BAR_WIDTH] = '\0';
    snprintf(line, sizeof(line), "%-9.16s [%s] %s of %s rows sent, %lld files, %s rows/s", status,
             bar, b, a, (long long)files, rate);
    /* A line that wraps would be left standing by the next one. */
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        size.ws_col < sizeof(line))
        line[size.ws_col - 1] = '\0';
    printf("\r\033[K%s", line);
    fflush(stdout);
}

static void
draw(struct view *v, const struct json *job)
{
    int64_t made = json_get_int(job, "eventGenerated", 0);
    int64_t sent = json_get_int(job, "eventsSent", 0);
    int64_t files = json_get_int(json_get(job, "extra"), "pathsTotal", 0);
    const char *status = json_get_string(job, "status", "");
    char line[LINE_BYTES];

    measure(v, made, sent, strcmp(status, "COMPLETED") == 0);
    if (v->terminal) {
        draw_bar(v, status, made, sent, files);
        return;
    }
    snprintf(line, sizeof(line), "%.16s generated %lld sent %lld files %lld", status,
             (long long)made, (long long)sent, (long long)files);
    if (strcmp(line, v->last) == 0)
        return;
    puts(line);
    fflush(stdout);
    memcpy(v->last, line, sizeof(line));
}

static int
finish(const struct view *v, const struct json *job)
{
    const char *status = json_get_string(job, "status", "");
    const struct json *e;
    char *words;

    if (v->terminal)
        putchar('\n');
    fflush(stdout);
    for (e = json_first(json_get(job, "error")); e != NULL; e = json_next(e)) {
        words = client_printable(json_string(e, ""));
        fprintf(stderr, "%s\n", words);
        free(words);
    }
    return strcmp(status, "COMPLETED") == 0 ? EXIT_FINE : EXIT_STOPPED;
}

/* No answer, or one that says that the service is not up to it now: the job is not touched by
 * that. -1: go on. */
static int
service_is_away(struct view *v, const char *words)
{
    int64_t now = clock_mono_ms();

    if (v->answer_ms == 0 || now - v->answer_ms > AWAY_MS)
        return client_fail(EXIT_FAILED, "%s", words);
    if (!v->away)
        fprintf(stderr, "%sthe service does not answer, trying again\n", v->terminal ? "\n" : "");
    v->away = true;
    return -1;
}

/* -1: go on. */
static int
look(struct view *v, const char *path)
{
    struct http_answer a;
    struct errinfo ei;
    const struct json *job;
    const char *status;
    char *words;
    int rc = http_call(path, NULL, &a, &ei);

    if (rc == E_CANCELLED)
        return -1;
    if (rc < 0)
        return rc == E_TRANSIENT ? service_is_away(v, ei.msg)
                                 : client_fail(EXIT_USAGE, "%s", ei.msg);
    job = a.json != NULL ? json_get(a.json, "object") : NULL;
    if (a.status != 200 || job == NULL) {
        words = http_error_text(&a);
        if (a.status == 429 || a.status >= 500)
            rc = service_is_away(v, words);
        else
            rc = client_fail(http_exit(&a), "%s", words);
        free(words);
        http_answer_done(&a);
        return rc;
    }
    v->answer_ms = clock_mono_ms();
    v->away = false;
    status = json_get_string(job, "status", "");
    draw(v, job);
    rc = -1;
    if (strcmp(status, "COMPLETED") == 0 || strcmp(status, "STOPPED") == 0)
        rc = finish(v, job);
    http_answer_done(&a);
    return rc;
}

int
watch_job(const char *id)
{
    struct view v = {.terminal = isatty(STDOUT_FILENO) != 0};
    struct sigaction act = {.sa_handler = on_interrupt}, old;
    char *path = mem_printf("/job/%s", id);
    struct timespec pause;
    long poll_ms = POLL_MIN_MS;
    int rc;

    sigaction(SIGINT, &act, &old);
    http_watch_flag(&interrupted);
    while ((rc = look(&v, path)) < 0 && !interrupted) {
        pause = (struct timespec){0, poll_ms * 1000000};
        nanosleep(&pause, NULL);
        poll_ms = poll_ms * 2 < POLL_MAX_MS ? poll_ms * 2 : POLL_MAX_MS;
    }
    http_watch_flag(NULL);
    sigaction(SIGINT, &old, NULL);
    if (rc < 0) {
        fprintf(stderr, "\nthe job goes on; to follow it again: bucketline watch %s\n", id);
        rc = EXIT_INTERRUPTED;
    }
    free(path);
    return rc;
}

int
cmd_watch(struct client *c, int argc, char **argv)
{
    (void)c;
    if (argc != 2 || !client_is_job_id(argv[1]))
        return client_fail(EXIT_USAGE, "usage: bucketline watch ID");
    return watch_job(argv[1]);
}
