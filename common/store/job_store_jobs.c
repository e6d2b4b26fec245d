#include "common/store/job_store.h"

#include "common/base/buf.h"
#include "common/base/ids.h"
#include "common/store/job_store_internal.h"

#include <limits.h>

#define RANDOM_PARTS 1000000 /* job_release.lua takes the jitter in millionths */

void
job_claim_done(struct job_claim *c)
{
    free(c->domain);
    free(c->spec);
    free(c->secrets);
    free(c->snapshot);
    free(c->engine_version);
    free(c->result);
    free(c->result_spool);
    *c = (struct job_claim){0};
}

static int
read_claim(const struct redisReply *r, const char *attempt, struct job_claim *ret,
           struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(r, 1, ei);
    struct job_claim c = {0};

    memcpy(c.attempt, attempt, sizeof(c.attempt));
    reply_uuid(&rd, "id", c.id);
    c.domain = reply_copy(&rd, "domain");
    c.spec = reply_copy(&rd, "spec");
    c.secrets = reply_copy_or_null(&rd, "secrets");
    c.snapshot = reply_copy_or_null(&rd, "snapshot");
    c.engine_version = reply_copy_or_null(&rd, "engine_version");
    c.result = reply_copy_or_null(&rd, "result");
    c.result_spool = reply_copy_or_null(&rd, "result_spool");
    c.resume_rows = reply_int(&rd, "resume_rows", STORE_NUMBER_MAX);
    c.next_index = (unsigned)reply_int(&rd, "next_index", UINT_MAX);
    reply_hex(&rd, "resume_hash", DIGEST_SHA256_HEX, true, c.resume_hash);
    c.any_sent = reply_int(&rd, "nsent", UINT_MAX) > 0;
    if (rd.rc < 0) {
        job_claim_done(&c);
        return rd.rc;
    }
    *ret = c;
    return E_OK;
}

int
job_store_claim(struct job_store *s, const char *engine, const char *kind, const char *worker,
                struct job_claim *ret, struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    if (s->claim_attempt[0] == '\0')
        ids_attempt(s->claim_attempt);
    store_cmd_script(&cmd, SCRIPT_JOB_CLAIM);
    store_cmd_str(&cmd, engine);
    store_cmd_str(&cmd, kind);
    store_cmd_words(&cmd, worker);
    store_cmd_str(&cmd, s->claim_attempt);
    store_cmd_int(&cmd, s->lease_ms);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc == E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc; /* the id stays: the claim may have been done */
    rc = read_claim(r, s->claim_attempt, ret, ei);
    freeReplyObject(r);
    s->claim_attempt[0] = '\0';
    return rc < 0 ? rc : 1;
}

int
job_store_renew(struct job_store *s, const char *id, const char *attempt, int64_t generated,
                int64_t last_event_ms, struct job_renewal *ret, struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    struct job_renewal renewal;
    int rc;

    store_cmd_attempt(&cmd, SCRIPT_JOB_RENEW, id, attempt);
    store_cmd_int(&cmd, s->lease_ms);
    store_cmd_int(&cmd, generated);
    store_cmd_int(&cmd, last_event_ms);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    renewal.stop = reply_int(&rd, "stop", 1) != 0;
    renewal.removed = reply_int(&rd, "removed", 1) != 0;
    renewal.unsent = (int)reply_int(&rd, "unsent", INT_MAX);
    freeReplyObject(r);
    if (rd.rc == E_OK)
        *ret = renewal;
    return rd.rc;
}

int
job_store_set_snapshot(struct job_store *s, const char *id, const char *attempt,
                       const char *snapshot, const char *engine_version, bool ordered,
                       struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_attempt(&cmd, SCRIPT_JOB_SET_SNAPSHOT, id, attempt);
    store_cmd_str(&cmd, snapshot);
    store_cmd_str(&cmd, engine_version);
    store_cmd_int(&cmd, ordered);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_set_result(struct job_store *s, const char *id, const char *attempt, const char *spool,
                     const char *name, struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_attempt(&cmd, SCRIPT_JOB_SET_RESULT, id, attempt);
    store_cmd_str(&cmd, spool);
    store_cmd_str(&cmd, name);
    return job_store_run(s, &cmd, NULL, ei);
}

/* What this process made itself; anything wrong here would poison the record for its readers. */
static int
check_chunk(const struct chunk_record *c, struct errinfo *ei)
{
    const int64_t numbers[] = {c->start, c->end, c->bytes, c->content_bytes, c->last_event_ms};
    size_t i;

    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        if (numbers[i] < 0 || numbers[i] > STORE_NUMBER_MAX)
            return errinfo_set(ei, E_BUG, "chunk %u: number %lld is out of bounds", c->index,
                               (long long)numbers[i]);
    }
    if (c->index < 1 || !ids_is_uuid(c->job) || !ids_is_uuid(c->spool) ||
        !store_is_hex(c->attempt, IDS_ATTEMPT_LEN) ||
        !store_is_hex(c->file_sha256, DIGEST_SHA256_HEX) ||
        !store_is_hex(c->content_sha256, DIGEST_SHA256_HEX) ||
        (c->last_row_sha256[0] != '\0' && !store_is_hex(c->last_row_sha256, DIGEST_SHA256_HEX)))
        return errinfo_set(ei, E_BUG, "chunk %u: an id or hash is malformed", c->index);
    return E_OK;
}

int
job_store_chunk_add(struct job_store *s, const struct chunk_record *c, int *ret_unsent,
                    struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    int unsent;
    int rc = check_chunk(c, ei);

    if (rc < 0)
        return rc;
    store_cmd_attempt(&cmd, SCRIPT_CHUNK_ADD, c->job, c->attempt);
    store_cmd_int(&cmd, c->index);
    store_cmd_int(&cmd, c->start);
    store_cmd_int(&cmd, c->end);
    store_cmd_int(&cmd, c->bytes);
    store_cmd_int(&cmd, c->content_bytes);
    store_cmd_int(&cmd, c->last_event_ms);
    store_cmd_str(&cmd, c->file_sha256);
    store_cmd_str(&cmd, c->content_sha256);
    store_cmd_str(&cmd, c->last_row_sha256);
    store_cmd_str(&cmd, c->spool);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    unsent = (int)reply_int(&rd, "unsent", INT_MAX);
    freeReplyObject(r);
    if (rd.rc == E_OK)
        *ret_unsent = unsent;
    return rd.rc;
}

int
job_store_query_done(struct job_store *s, const char *id, const char *attempt, int64_t rows,
                     int64_t last_event_ms, struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_attempt(&cmd, SCRIPT_QUERY_DONE, id, attempt);
    store_cmd_int(&cmd, rows);
    store_cmd_int(&cmd, last_event_ms);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_release(struct job_store *s, const char *id, const char *attempt, enum job_release how,
                  const char *error, struct errinfo *ei)
{
    static const char *const names[] = {
        [JOB_RELEASE_STOPPED] = "stopped",
        [JOB_RELEASE_DRAINED] = "drained",
        [JOB_RELEASE_RETRY] = "retry",
        [JOB_RELEASE_FAILED] = "failed",
    };
    struct store_cmd cmd;

    store_cmd_attempt(&cmd, SCRIPT_JOB_RELEASE, id, attempt);
    store_cmd_str(&cmd, names[how]);
    store_cmd_words(&cmd, error);
    store_cmd_int(&cmd, (int64_t)(ids_random_u64() % RANDOM_PARTS));
    store_cmd_int(&cmd, s->attempts);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_abandon(struct job_store *s, const char *id, const char *attempt, struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_attempt(&cmd, SCRIPT_JOB_ABANDON, id, attempt);
    store_cmd_int(&cmd, s->attempts);
    return job_store_run(s, &cmd, NULL, ei);
}
