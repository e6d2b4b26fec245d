#ifndef WORKER_SUPERVISOR_H
#define WORKER_SUPERVISOR_H

/*
 * Claims jobs, keeps their leases, runs each in a process of its own, publishes what they finish,
 * and tells the store. It runs no query and does not know S3. One thread, one event loop; store
 * calls are short and synchronous.
 *
 * Order that must hold for each finished file: fsync (runner) -> publish to ready/ (durable) ->
 * chunk_add -> "go". Killed in between, the file without a record is deleted by the rescan, and
 * the rows are made again.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

struct event_base;

/* As struct service wants them. argv: the worker's own, for its children; kept. */
void supervisor_set_argv(char **argv);
int supervisor_start(const struct config *cfg, struct event_base *base, void **ret_state,
                     struct errinfo *ei) MUST_CHECK;
void supervisor_drain(void *state);
void supervisor_stop(void *state);

#endif
