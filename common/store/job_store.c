#include "common/store/job_store.h"

#include "common/base/buf.h"
#include "common/store/job_store_internal.h"
#include "common/store/store_keys.h"

#define REAP_GAP_MS 10000
#define REAP_BATCH  100

int
job_store_open(const struct config *cfg, struct job_store **ret, struct errinfo *ei)
{
    struct job_store *s = mem_zalloc(sizeof(*s));
    int rc = redis_conn_open(cfg, &s->conn, ei);

    if (rc < 0) {
        free(s);
        return rc;
    }
    s->require_noeviction = config_bool(cfg, "redis.require_noeviction");
    s->lease_ms = config_int(cfg, "job.lease_s") * 1000;
    s->attempts = config_int(cfg, "job.attempts");
    s->keep_ms = config_int(cfg, "job.keep_s") * 1000;
    s->keep_count = config_int(cfg, "job.keep_count");
    s->keep_secrets_ms = config_int(cfg, "job.keep_secrets_s") * 1000;
    *ret = s;
    return E_OK;
}

void
job_store_close(struct job_store *s)
{
    if (s == NULL)
        return;
    redis_conn_close(s->conn);
    free(s);
}

int
job_store_call(struct job_store *s, struct store_cmd *cmd, struct redisReply **ret,
               struct errinfo *ei)
{
    struct redisReply *r = NULL;
    int rc = redis_conn_call(s->conn, cmd->argc, cmd->argv, cmd->len, &r, ei);

    if (rc == E_OK && cmd->script >= 0 && r->type == REDIS_REPLY_ERROR &&
        strncmp(r->str, "NOSCRIPT", 8) == 0) {
        freeReplyObject(r);
        r = NULL;
        store_cmd_as_eval(cmd);
        rc = redis_conn_call(s->conn, cmd->argc, cmd->argv, cmd->len, &r, ei);
    }
    if (rc == E_OK)
        rc = store_reply_error(r, ei);
    if (rc < 0) {
        freeReplyObject(r);
        return rc;
    }
    *ret = r;
    return E_OK;
}

int
job_store_run(struct job_store *s, struct store_cmd *cmd, struct redisReply **ret,
              struct errinfo *ei)
{
    struct redisReply *r = NULL;
    int rc = job_store_call(s, cmd, &r, ei);

    store_cmd_done(cmd);
    if (rc == E_OK)
        rc = store_reply_word(r, ei);
    if (rc == E_OK && ret != NULL)
        *ret = r;
    else
        freeReplyObject(r);
    return rc;
}

void
store_cmd_attempt(struct store_cmd *c, enum store_script script, const char *id,
                  const char *attempt)
{
    store_cmd_script(c, script);
    store_cmd_str(c, id);
    store_cmd_str(c, attempt);
}

/* --- check --- */

/* Value of "name:value\r\n" in the text of INFO, into out; "" when it is not there. */
static void
info_value(const char *info, const char *name, char *out, size_t out_size)
{
    size_t n = strlen(name);
    const char *line = info;

    out[0] = '\0';
    for (; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, name, n) == 0 && line[n] == ':') {
            snprintf(out, out_size, "%.*s", (int)strcspn(line + n + 1, "\r\n"), line + n + 1);
            return;
        }
    }
}

static int
check_info(const struct job_store *s, const char *info, struct errinfo *ei)
{
    char version[32], policy[32], aof[8];

    info_value(info, "redis_version", version, sizeof(version));
    info_value(info, "maxmemory_policy", policy, sizeof(policy));
    info_value(info, "aof_enabled", aof, sizeof(aof));
    if (strtol(version, NULL, 10) < 7)
        return errinfo_set(ei, E_PERMANENT, "Redis is version '%s'; 7.0 or later is needed",
                           version);
    if (!s->require_noeviction)
        return E_OK;
    if (strcmp(policy, "noeviction") != 0)
        return errinfo_set(ei, E_PERMANENT,
                           "Redis may evict keys (maxmemory-policy is '%s'): jobs would vanish; "
                           "set 'maxmemory-policy noeviction' in redis.conf",
                           policy);
    if (strcmp(aof, "1") != 0)
        return errinfo_set(ei, E_PERMANENT,
                           "Redis keeps no append-only file: a restart would lose jobs; "
                           "set 'appendonly yes' in redis.conf");
    return E_OK;
}

static int
check_partitions(struct job_store *s, struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    int64_t count;
    int rc;

    store_cmd_script(&cmd, SCRIPT_STORE_CHECK);
    store_cmd_int(&cmd, STORE_PARTITIONS);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    count = reply_int(&rd, "partitions", 1000000);
    rc = rd.rc;
    freeReplyObject(r);
    if (rc == E_OK && count != STORE_PARTITIONS)
        rc = errinfo_set(ei, E_PERMANENT,
                         "this Redis was set up with %lld partitions, this program uses %d: end "
                         "all jobs, or use the program and configuration that belong to it",
                         (long long)count, STORE_PARTITIONS);
    return rc;
}

int
job_store_check(struct job_store *s, struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    store_cmd_plain(&cmd, "INFO");
    rc = job_store_call(s, &cmd, &r, ei);
    store_cmd_done(&cmd);
    if (rc < 0)
        return rc;
    if (r->type == REDIS_REPLY_STRING)
        rc = check_info(s, r->str, ei);
    else
        rc = errinfo_set(ei, E_PERMANENT, "Redis: the answer to INFO is not understood");
    freeReplyObject(r);
    return rc < 0 ? rc : check_partitions(s, ei);
}

/* --- upkeep, people --- */

int
job_store_reap(struct job_store *s, struct reap_counts *ret, struct errinfo *ei)
{
    const int64_t args[] = {s->lease_ms,        s->attempts, s->keep_ms, s->keep_count,
                            s->keep_secrets_ms, REAP_GAP_MS, REAP_BATCH};
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    size_t i;
    int rc;

    store_cmd_script(&cmd, SCRIPT_REAP);
    for (i = 0; i < ARRAY_LEN(args); i++)
        store_cmd_int(&cmd, args[i]);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    ret->jobs_lost = (int)reply_int(&rd, "jobs_lost", REAP_BATCH);
    ret->chunks_lost = (int)reply_int(&rd, "chunks_lost", REAP_BATCH);
    ret->due = (int)reply_int(&rd, "due", REAP_BATCH);
    ret->expired = (int)reply_int(&rd, "expired", 100 * REAP_BATCH);
    freeReplyObject(r);
    return rd.rc;
}

int
job_store_get(struct job_store *s, const char *domain, const char *id, struct job_record *ret,
              struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    store_cmd_job_get(&cmd, domain, id);
    rc = job_store_call(s, &cmd, &r, ei);
    store_cmd_done(&cmd);
    if (rc == E_OK)
        rc = store_reply_job_get(r, ret, ei);
    freeReplyObject(r);
    return rc;
}
