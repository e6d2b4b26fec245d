#ifndef STORE_JOB_STORE_H
#define STORE_JOB_STORE_H

/*
 * The truth about jobs: calls of the scripts in lua/, synchronous, for worker, uploader and
 * command line (the API sends the same commands asynchronously, see store_cmd.h). PROTOCOL.md is
 * the contract; every call here is one script, safe to repeat.
 *
 * One connection, one thread. A lost connection is opened again by the next call, after a backoff
 * that grows with each failure; meanwhile calls fail at once with E_TRANSIENT and never block for
 * longer than redis.timeout_ms. E_LOST: the attempt or claim is no longer ours; drop the work.
 * E_NOSPACE: Redis is out of memory.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/store/job_record.h"

#include <stdbool.h>
#include <stdint.h>

struct job_store;
struct redisReply;
struct store_cmd;

/* Reads section redis and job.*; does not connect yet. */
int job_store_open(const struct config *cfg, struct job_store **ret, struct errinfo *ei) MUST_CHECK;
void job_store_close(struct job_store *s);

/* Connects and checks the server: version >= 7.0, noeviction, AOF on (redis.require_noeviction),
 * partition count. E_PERMANENT says what to change. */
int job_store_check(struct job_store *s, struct errinfo *ei) MUST_CHECK;

/* --- waiting ------------------------------------------------------------------------------
 * A second connection with a blocking read on the wake list: for an event loop.
 * Wakes are hints: claim until empty after each wake, each finish and every 5 s. */
struct store_wait;
/* kind: "job:duckdb:batch" or "upload:<spool id>". */
int store_wait_open(const struct config *cfg, const char *kind, struct store_wait **ret,
                    struct errinfo *ei) MUST_CHECK;
int store_wait_fd(const struct store_wait *w);  /* -1 while not connected */
/* Sends the blocking read (connects first where needed); call again after each answer. */
int store_wait_arm(struct store_wait *w, struct errinfo *ei) MUST_CHECK;
/* The fd is readable: 1 = woken, 0 = timeout or not whole yet; negative: closed, arm again later.
 * *ret_idle is true when arm should be called again. */
int store_wait_read(struct store_wait *w, bool *ret_idle, struct errinfo *ei) MUST_CHECK;
void store_wait_close(struct store_wait *w);

/* --- worker: jobs --------------------------------------------------------------------------- */

struct job_claim {
    char id[IDS_UUID_LEN + 1];
    char attempt[IDS_ATTEMPT_LEN + 1]; /* made by the script's caller; fences all that follows */
    char *domain;
    char *spec;          /* JSON: job_spec_parse */
    char *secrets;       /* sealed JSON; NULL: none */
    char *snapshot;      /* of the first attempt; NULL: none yet */
    char *engine_version;/* of the first attempt; NULL */
    char *result;        /* materialised result: file name in result_spool; NULL: none */
    char *result_spool;
    int64_t resume_rows; /* rows sealed so far */
    unsigned next_index; /* of the next chunk; the first is 1 */
    char resume_hash[DIGEST_SHA256_HEX + 1]; /* of the last sealed row; "" */
    bool any_sent;       /* some chunk is confirmed */
};
void job_claim_done(struct job_claim *c);

/* Takes the next job of the engine: 1 = got one, 0 = none is there for us. */
int job_store_claim(struct job_store *s, const char *engine, const char *kind, const char *worker,
                    struct job_claim *ret, struct errinfo *ei) MUST_CHECK;

struct job_renewal {
    bool stop;       /* the user asked to stop, or to remove: seal and release */
    bool removed;    /* ... and nothing is to be kept */
    int unsent;      /* finished chunks of the job not yet sent */
};
/* Extends the lease by job.lease_s; generated and last_event_ms only grow. */
int job_store_renew(struct job_store *s, const char *id, const char *attempt, int64_t generated,
                    int64_t last_event_ms, struct job_renewal *ret, struct errinfo *ei) MUST_CHECK;

/* Once per job, before its first chunk; a later attempt checks instead. */
int job_store_set_snapshot(struct job_store *s, const char *id, const char *attempt,
                           const char *snapshot, const char *engine_version, bool ordered,
                           struct errinfo *ei) MUST_CHECK;
/* The materialised result lies in results/ of the spool under this name. */
int job_store_set_result(struct job_store *s, const char *id, const char *attempt,
                         const char *spool, const char *name, struct errinfo *ei) MUST_CHECK;

/* A chunk exists when this returned 0: current attempt, next index, start == resume point.
 * *ret_unsent: finished chunks of the job not yet sent. E_LOST, E_CONFLICT (index or start). */
int job_store_chunk_add(struct job_store *s, const struct chunk_record *c, int *ret_unsent,
                        struct errinfo *ei) MUST_CHECK;

/* The query has ended with this many rows in all; the lease ends. */
int job_store_query_done(struct job_store *s, const char *id, const char *attempt, int64_t rows,
                         int64_t last_event_ms, struct errinfo *ei) MUST_CHECK;

enum job_release {
    JOB_RELEASE_STOPPED, /* as the user asked; goes on at once if `start` came meanwhile */
    JOB_RELEASE_DRAINED, /* PAUSED, at the head of the queue; no attempt is counted */
    JOB_RELEASE_RETRY,   /* transient failure: queued again after a backoff, attempt counted
                          * unless it sealed something; STOPPED after job.attempts of them */
    JOB_RELEASE_FAILED,  /* STOPPED with the words as error */
};
int job_store_release(struct job_store *s, const char *id, const char *attempt,
                      enum job_release how, const char *error, struct errinfo *ei) MUST_CHECK;

/* --- uploader: chunks ------------------------------------------------------------------------ */

struct chunk_claim {
    struct chunk_record chunk;
    char token[IDS_ATTEMPT_LEN + 1]; /* fences what follows */
    char *domain, *spec, *secrets;   /* of the job; secrets NULL: none */
    char *upload_id;                 /* multipart begun earlier; NULL: none */
    unsigned tries;                  /* earlier claims that did not end in done */
    int64_t first_try_ms;            /* 0: this is the first */
    bool put_unanswered;             /* an earlier PUT of this very file got no answer */
};
void chunk_claim_done(struct chunk_claim *c);

int job_store_chunk_claim(struct job_store *s, const char *spool, const char *uploader,
                          struct chunk_claim *ret, struct errinfo *ei) MUST_CHECK;
/* E_LOST: also when the job was removed. */
int job_store_chunk_renew(struct job_store *s, const struct chunk_claim *c,
                          struct errinfo *ei) MUST_CHECK;
int job_store_chunk_upload_id(struct job_store *s, const struct chunk_claim *c,
                              const char *upload_id /* "" = forget it */,
                              struct errinfo *ei) MUST_CHECK;
/* The object is confirmed. The file may be deleted afterwards. Completes the job if it was the
 * last one. verified: false when the object could not be looked at. */
int job_store_chunk_done(struct job_store *s, const struct chunk_claim *c, const char *path,
                         bool verified, struct errinfo *ei) MUST_CHECK;
/* Back to the queue, due after delay_ms. unanswered: a PUT got no answer. */
int job_store_chunk_retry(struct job_store *s, const struct chunk_claim *c, int64_t delay_ms,
                          bool unanswered, const char *error, struct errinfo *ei) MUST_CHECK;
/* Stops the job with this error; the chunk waits for `start`. */
int job_store_chunk_fail(struct job_store *s, const struct chunk_claim *c, const char *error,
                         struct errinfo *ei) MUST_CHECK;
/* Our object is there with another end (lost by a failover of Redis): the object wins, the resume
 * point rolls to its end, later unsent chunks are dropped. */
int job_store_chunk_adopt(struct job_store *s, const struct chunk_claim *c, int64_t end,
                          const char *content_sha256, const char *last_row_sha256,
                          const char *path, struct errinfo *ei) MUST_CHECK;

/* May the file of the spool be deleted? For files found in ready/ (job, index, attempt from the
 * name). 1 = yes: no record and no attempt that could still add one; 0 = keep; 2 = nobody knows the
 * job: it is long over, or Redis was emptied, or this is another one. */
int job_store_file_unused(struct job_store *s, const char *job, unsigned index,
                          const char *attempt, struct errinfo *ei) MUST_CHECK;
/* The same for results/<job>.*: 1 = the job has no more use for it. */
int job_store_result_unused(struct job_store *s, const char *job, struct errinfo *ei) MUST_CHECK;

/* Next file of a removed (or dropped) chunk in ready/ of the spool: 1 = name set, 0 = none. A hint:
 * what is missed here is found by asking job_store_file_unused for each file. */
int job_store_trash_pop(struct job_store *s, const char *spool, char name[96],
                        struct errinfo *ei) MUST_CHECK;

/* A multipart upload of a chunk that is removed, with all that aborting it needs. */
struct upload_abort {
    char job[IDS_UUID_LEN + 1];
    unsigned index;
    char *domain, *spec, *secrets, *upload_id; /* as in chunk_claim; secrets NULL: none */
    char *text;                                /* as the store has it */
};
void upload_abort_done(struct upload_abort *a);
/* 1 = got one, 0 = none. It comes again (after the others) until job_store_abort_done; E_PERMANENT:
 * a damaged one, which is gone. */
int job_store_abort_next(struct job_store *s, const char *spool, struct upload_abort *ret,
                         struct errinfo *ei) MUST_CHECK;
int job_store_abort_done(struct job_store *s, const char *spool, const struct upload_abort *a,
                         struct errinfo *ei) MUST_CHECK;

/* --- upkeep: any process, every few seconds --------------------------------------------------- */

struct reap_counts {
    int jobs_lost, chunks_lost, due, expired;
};
/* Expired leases, retries that are due, secrets and jobs past their time; in small batches.
 * Extends all leases instead when Redis was away (tick key, PROTOCOL.md). */
int job_store_reap(struct job_store *s, struct reap_counts *ret, struct errinfo *ei) MUST_CHECK;
/* A dead sibling's slot: its job goes back to the queue at once. E_LOST is fine to ignore. */
int job_store_abandon(struct job_store *s, const char *id, const char *attempt,
                      struct errinfo *ei) MUST_CHECK;

/* --- people (also asynchronously by the API) -------------------------------------------------- */

int job_store_get(struct job_store *s, const char *domain, const char *id, struct job_record *ret,
                  struct errinfo *ei) MUST_CHECK;

/* Any other command of store_cmd.h: sends it (as EVAL where Redis does not know the script) and
 * hands the reply over for the matching parse function; free it with freeReplyObject. cmd stays the
 * caller's. Error replies come as store_reply_error gives them. */
int job_store_call(struct job_store *s, struct store_cmd *cmd, struct redisReply **ret,
                   struct errinfo *ei) MUST_CHECK;

#endif
