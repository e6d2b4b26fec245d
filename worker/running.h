#ifndef WORKER_RUNNING_H
#define WORKER_RUNNING_H

/*
 * One running job, seen from the supervisor: what its runner's frames mean, what the store is told
 * and when the runner may go on. Each step is repeated at every tick until the store has answered;
 * meanwhile the runner waits and its lease is the store's affair (PROTOCOL.md, tick key).
 *
 * A function that ends the job frees the child: do not touch it afterwards.
 */

#include "common/base/attrs.h"
#include "common/store/job_store.h"
#include "worker/child.h"

#include <stdbool.h>
#include <stdint.h>

/* Remembers whether the store answers, and says each change once. */
void running_note_store(struct supervisor *sv, int rc, const struct errinfo *ei);
bool running_store_is_away(int rc);
/* Room for one chunk of the job (NULL: a typical one) for each of this many runners. */
bool running_has_space(struct supervisor *sv, const struct job_spec *spec, unsigned runners);

/* The event loop's callback for a child's stream. */
void running_on_readable(evutil_socket_t fd, short what, void *child);
/* At each tick: repeats what is owed, renews the lease, ends a silent runner. */
void running_look_after(struct child *c, int64_t now_mono_ms);
/* Tells the runner to seal and end; repeated safely. */
void running_stop(struct child *c, bool by_user);
/* Ends the attempt with the store's agreement; while the store is away it stays owed. */
void running_release(struct child *c, enum job_release how, const char *why);
enum job_release running_release_of(int errc);
/* Kills the runner, frees slot and child; the store is told nothing. */
void running_drop(struct child *c);

#endif
