#include "common/base/service.h"

#include "common/base/buf.h"
#include "common/base/log.h"

#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef BUCKETLINE_VERSION
#define BUCKETLINE_VERSION "unknown"
#endif

const char service_version[] = BUCKETLINE_VERSION;

#define SETS_MAX 128

struct run {
    const struct service *svc;
    struct event_base *base;
    struct event *limit; /* ends a drain that takes too long */
    void *state;
    int64_t drain_s;
    bool draining;
};

struct arguments {
    const char *config;
    char *sets[SETS_MAX];
    size_t set_count;
    bool check;
};

static void
print_help(const struct service *svc)
{
    printf("%s: %s\n\nusage: %s [--config FILE] [--set SECTION.KEY=VALUE]... [--check]\n\n"
           "  --config FILE    configuration; also by environment BUCKETLINE_CONF\n"
           "  --set S.K=VALUE  one option; wins over file and environment\n"
           "  --check          say whether the configuration is right, and end\n"
           "  --version, --help\n\n"
           "Every option can be given by environment as BUCKETLINE__SECTION__KEY.\n",
           svc->name, svc->summary, svc->name);
    config_print_help();
}

/* 0: go on; else the exit status + 1. */
static int
parse_arguments(const struct service *svc, int argc, char **argv, struct arguments *a)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"set", required_argument, NULL, 's'},
        {"check", no_argument, NULL, 'k'},        {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    int o;

    while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        if (o == 'c') {
            a->config = optarg;
        } else if (o == 's' && a->set_count < SETS_MAX) {
            a->sets[a->set_count++] = optarg;
        } else if (o == 'k') {
            a->check = true;
        } else if (o == 'h') {
            print_help(svc);
            return 1;
        } else if (o == 'v') {
            printf("%s %s\n", svc->name, service_version);
            return 1;
        } else {
            return 3;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "%s: '%s' is not understood; --help tells what is\n", svc->name,
                argv[optind]);
        return 3;
    }
    return 0;
}

int
service_load_config(const char *path, char **sets, size_t n, struct config **ret,
                    struct errinfo *ei)
{
    struct config *c = config_new();
    size_t i;
    int rc = E_OK;

    if (path == NULL)
        path = getenv("BUCKETLINE_CONF");
    if (path != NULL && path[0] != '\0')
        rc = config_load_file(c, path, ei);
    if (rc == E_OK)
        rc = config_load_env(c, environ, ei);
    for (i = 0; rc == E_OK && i < n; i++)
        rc = config_set(c, sets[i], ei);
    if (rc < 0) {
        config_free(c);
        return rc;
    }
    *ret = c;
    return E_OK;
}

void
service_exit(struct event_base *base)
{
    event_base_loopbreak(base);
}

static void
on_limit(evutil_socket_t fd, short what, void *arg)
{
    struct run *r = arg;

    (void)fd;
    (void)what;
    log_event(LOG_WARN, "drain took too long", LFN("limit_s", r->drain_s));
    service_exit(r->base);
}

static void
on_signal(evutil_socket_t sig, short what, void *arg)
{
    struct run *r = arg;
    struct timeval tv = {(time_t)r->drain_s, 0};

    (void)what;
    if (r->draining || r->svc->drain == NULL) {
        service_exit(r->base);
        return;
    }
    log_event(LOG_INFO, "draining", LFN("signal", sig));
    r->draining = true;
    evtimer_add(r->limit, &tv);
    r->svc->drain(r->state);
}

static int
run_loop(const struct service *svc, const struct config *cfg, struct errinfo *ei)
{
    struct run r = {.svc = svc, .drain_s = config_int(cfg, "worker.drain_s")};
    struct event *term, *intr;
    int rc;

    r.base = event_base_new();
    if (r.base == NULL)
        return errinfo_set(ei, E_PERMANENT, "cannot make an event loop");
    r.limit = evtimer_new(r.base, on_limit, &r);
    term = evsignal_new(r.base, SIGTERM, on_signal, &r);
    intr = evsignal_new(r.base, SIGINT, on_signal, &r);
    /* Before start, so that a signal during it is a drain too: the loop finds it pending. */
    event_add(term, NULL);
    event_add(intr, NULL);
    rc = svc->start(cfg, r.base, &r.state, ei);
    if (rc == E_OK) {
        log_event(LOG_INFO, "ready", LF("version", service_version));
        event_base_dispatch(r.base);
        log_event(LOG_INFO, "ended");
    }
    svc->stop(r.state);
    event_free(term);
    event_free(intr);
    event_free(r.limit);
    event_base_free(r.base);
    return rc;
}

int
service_main(const struct service *svc, int argc, char **argv)
{
    struct arguments a = {0};
    struct errinfo ei = ERRINFO_INIT;
    struct config *cfg = NULL;
    int rc;

    rc = parse_arguments(svc, argc, argv, &a);
    if (rc != 0)
        return rc - 1;
#ifndef __SANITIZE_ADDRESS__ /* the leak check attaches to its own process */
    prctl(PR_SET_DUMPABLE, 0); /* no core dump: memory holds secrets */
#endif
    signal(SIGPIPE, SIG_IGN);
    if (service_load_config(a.config, a.sets, a.set_count, &cfg, &ei) < 0) {
        fprintf(stderr, "%s: %s\n", svc->name, ei.msg);
        return 2;
    }
    if (a.check) {
        printf("%s: the configuration is right\n", svc->name);
        config_free(cfg);
        return 0;
    }
    log_init(svc->short_name, config_str(cfg, "log.level"));
    rc = run_loop(svc, cfg, &ei);
    if (rc < 0) {
        log_event(LOG_ERROR, "cannot start", LF("error", ei.msg));
        fprintf(stderr, "%s: %s\n", svc->name, ei.msg);
    }
    config_free(cfg);
    return rc < 0 ? 1 : 0;
}
