#ifndef API_JOB_WATCH_H
#define API_JOB_WATCH_H

/*
 * Who waits for a change of a job is told by the store's channel ev:<domain>, over a connection of
 * its own that subscribes to the domains somebody has waited in. Nothing polls.
 *
 * A hint and no more: `changed` may come without a change (when the subscription begins, or begins
 * again after a loss, since what happened meanwhile is not known), and a watcher hears nothing
 * while Redis is away. So: add, then read the job; read it again after each call of `changed`.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

struct event_base;
struct job_watch;
struct job_watcher;

int job_watch_open(const struct config *cfg, struct event_base *base, struct job_watch **ret,
                   struct errinfo *ei) MUST_CHECK;
/* Every watcher has been removed. NULL is fine. */
void job_watch_close(struct job_watch *w);

/* changed may remove its own watcher, and add others. */
struct job_watcher *job_watch_add(struct job_watch *w, const char *domain, const char *id,
                                  void (*changed)(void *ctx), void *ctx);
void job_watch_remove(struct job_watcher *watcher); /* NULL is fine */

/* Nobody should wait any more: calls every `changed`, once. */
void job_watch_drain(struct job_watch *w);
bool job_watch_draining(const struct job_watch *w);

#endif
