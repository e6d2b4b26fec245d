#ifndef WORKER_CHILD_H
#define WORKER_CHILD_H

/*
 * The supervisor's end of one runner process: spawn, frames in and out, death. What the frames
 * mean is the supervisor's business (supervisor.c).
 *
 *     child_spawn -> (spare) -> child_give_job -> frames ... -> child_end
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"
#include "common/spool/spool.h"
#include "common/store/job_spec.h"
#include "common/store/job_store.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct supervisor;

struct child {
    struct supervisor *sv;
    struct child *next;
    pid_t pid;
    int fd;               /* our end of the socket pair */
    struct event *readable;
    struct buf in, out;
    bool spare;           /* has no job yet */

    struct job_claim claim;
    struct job_spec spec;
    struct spool_slot slot;
    int64_t started_ms;   /* monotonic, as the others */
    int64_t beat_ms;      /* last sign of life */
    int64_t renewed_ms;
    int64_t rows, last_event_ms;
    int unsent;           /* finished chunks of the job not yet sent */

    struct json *ask;     /* the frame that waits for our answer; NULL: none */
    bool published;       /* ... its file lies in ready/ already */
    bool go_owed;         /* the chunk is added; the permit to go on is held back */
    struct json *end;     /* done, stopped or error; the store is still to be told */
    char death[160];      /* how it died without a word; "" otherwise */
    bool stop_sent;
    bool by_user;         /* stop came from the user; otherwise from a drain */
};

/* argv: of the worker itself; the child runs the same program with --runner. */
int child_spawn(struct supervisor *sv, char **argv, struct event_base *base,
                event_callback_fn on_readable, struct child **ret, struct errinfo *ei) MUST_CHECK;

/* Sends the job frame. claim, spec and slot of c are filled by the caller. password: may be NULL. */
int child_give_job(struct child *c, const char *password, bool have_result,
                   struct errinfo *ei) MUST_CHECK;
/* "go" or "stop"; a child that is gone shows by the end of its stream. */
void child_say(struct child *c, const char *word);

/* Kills what is alive, waits for it, notes in c->death how it ended if by a signal. */
void child_reap(struct child *c);
/* Frees everything but the slot (the supervisor drops it). NULL is fine. */
void child_free(struct child *c);

#endif
