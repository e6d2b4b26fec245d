#ifndef STORE_JOB_STORE_INTERNAL_H
#define STORE_JOB_STORE_INTERNAL_H

/* What the files of job_store share. Inside the shelf. */

#include "common/store/job_store.h"
#include "common/store/redis_conn.h"
#include "common/store/store_args.h"

struct job_store {
    struct redis_conn *conn;
    bool require_noeviction;
    int64_t lease_ms;
    int64_t attempts; /* that sealed nothing, before a job stops */
    int64_t keep_ms, keep_count, keep_secrets_ms;
    /* Ids of claims that got no answer: the next claim repeats them and so gets what they got. */
    char claim_attempt[IDS_ATTEMPT_LEN + 1];
    char claim_token[IDS_ATTEMPT_LEN + 1];
};

/* Sends cmd, takes the answer's word (store_reply_word), frees cmd. With ret the reply is handed
 * over when the word is OK (freeReplyObject); else it is freed. */
int job_store_run(struct job_store *s, struct store_cmd *cmd, struct redisReply **ret,
                  struct errinfo *ei) MUST_CHECK;

/* Command of a script whose first arguments are a job and the attempt that works on it. */
void store_cmd_attempt(struct store_cmd *c, enum store_script script, const char *id,
                       const char *attempt);

#endif
