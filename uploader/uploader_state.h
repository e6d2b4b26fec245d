#ifndef UPLOADER_UPLOADER_STATE_H
#define UPLOADER_UPLOADER_STATE_H

/* What the files of the uploader share; nobody else includes it. */

#include "common/base/config.h"
#include "common/base/seal.h"
#include "common/s3/s3_client.h"
#include "common/spool/spool.h"
#include "common/store/job_store.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdint.h>

#define CHECKED_MAX 256

struct upload;
struct abort_run;

struct uploader {
    const struct config *cfg;
    struct event_base *base;
    struct spool *spool;
    struct seal *seal;
    struct job_store *store;
    struct store_wait *wait;
    struct event *waiting; /* the wait connection's fd; NULL: not connected */
    int waiting_fd;
    struct event *tick;
    struct event *fill; /* made active when a place became free */
    struct s3_client *s3;
    char *default_secret_key; /* of default_store; NULL: none */
    struct upload *uploads;
    struct abort_run *abort; /* the one under way; NULL: none */
    unsigned in_work;
    char name[128];
    int64_t lease_ms;
    int64_t started_ms;                                               /* wall clock */
    int64_t claim_ms, reap_ms, trash_ms, rescan_ms, arm_ms, abort_ms; /* when next; monotonic */
    int64_t say_unknown_ms;        /* files of unknown jobs are reported, once an hour */
    int64_t hand_back_ms;          /* of a drain: what is not through is given back */
    uint64_t checked[CHECKED_MAX]; /* files whose hash was compared; see upload_chunk.c */
    unsigned checked_next;
    bool store_checked; /* version, eviction: once */
    bool store_away;    /* said once */
    bool draining, handed_back;
    bool stopping; /* callbacks of cancelled transfers only free */
};

/* Remembers whether the store answers, and says each change once. */
void uploader_note_store(struct uploader *u, int rc, const struct errinfo *ei);
/* No answer: the same call again later. Everything else is an answer. */
bool uploader_store_is_away(int rc);

#endif
