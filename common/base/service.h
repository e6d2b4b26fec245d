#ifndef BASE_SERVICE_H
#define BASE_SERVICE_H

/*
 * The skeleton of a program: main() declares what it is, service_main runs it.
 *
 * Command line: --config FILE (or environment BUCKETLINE_CONF), --set section.key=value,
 * --check (loads the configuration and ends), --help, --version.
 * SIGTERM and SIGINT start a drain: drain() is called once; the loop ends when service_exit is
 * called or worker.drain_s has passed. A second signal ends the loop at once. SIGPIPE is ignored.
 * No core dumps: memory holds secrets.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

struct event_base;

struct service {
    const char *name;    /* "bucketline-api" */
    const char *short_name; /* in the log: "api" */
    const char *summary; /* one sentence for --help */
    /* Opens everything and registers with the loop; *ret_state goes to the other two. */
    int (*start)(const struct config *cfg, struct event_base *base, void **ret_state,
                 struct errinfo *ei);
    /* Finish what is in work, then call service_exit. NULL: end at once. */
    void (*drain)(void *state);
    void (*stop)(void *state); /* frees; state may be NULL when start failed */
};

/* Exit status: 0 = ended as asked, 1 = could not start, 2 = wrong command line or configuration. */
int service_main(const struct service *svc, int argc, char **argv);

/* From inside the loop: the drain is complete, or the service cannot go on. */
void service_exit(struct event_base *base);

/* Loads a configuration as the services do (for programs with commands of their own).
 * path may be NULL: then BUCKETLINE_CONF, else defaults. sets: n assignments. */
int service_load_config(const char *path, char **sets, size_t n, struct config **ret,
                        struct errinfo *ei) MUST_CHECK;

extern const char service_version[]; /* from git describe at build time */

#endif
