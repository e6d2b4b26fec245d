#ifndef STORE_STORE_CMD_H
#define STORE_STORE_CMD_H

/*
 * Redis commands as values: what to send, and what the answer means. No connection here, so the
 * synchronous store and the API's asynchronous one share every line.
 *
 * A builder fills a store_cmd; the transport sends argv/len; the matching parse function reads the
 * reply. On the error "NOSCRIPT" the transport sends store_cmd_as_eval(cmd) instead.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/store/job_record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct redisReply;

struct store_cmd {
    int argc;
    char **argv; /* owned */
    size_t *len;
    int cap;
    int script; /* index into store_scripts, -1: a plain command */
};

void store_cmd_done(struct store_cmd *c);
void store_cmd_as_eval(struct store_cmd *c); /* EVALSHA sha ... -> EVAL text ... */

/* Generic errors of replies: E_TRANSIENT (loading, READONLY, connection), E_NOSPACE (OOM),
 * E_BUG-free words for the log. */
int store_reply_error(const struct redisReply *r, struct errinfo *ei) MUST_CHECK;

struct job_new {
    const char *id, *domain, *owner, *cid, *type, *friendly_name, *query, *table;
    const char *engine, *kind;  /* "duckdb", "batch" */
    int priority;               /* 0 high, 1 normal, 2 low (vaultName) */
    const char *spec;           /* JSON */
    const char *secrets;        /* sealed; NULL: none */
    int64_t queued_limit;       /* limits.queued */
    int64_t running_limit;      /* limits.running of the domain; 0 = none */
    const char *body_mark;    /* hex, of the request; NULL where neither key is given */
    const char *idem_key;       /* Idempotency-Key, with a prefix of its own; NULL: none */
    const char *replay_key;     /* what a repeat of the signed request has, too; NULL: none */
    int64_t idem_ms, replay_ms; /* how long each is kept */
};

struct job_created {
    char id[IDS_UUID_LEN + 1]; /* of the earlier job where the request is a repeated one */
    char limit[32];            /* E_NOSPACE: the domain's limit that was met; "": Redis is full */
};

/* job_create -> E_OK; E_INVALID: the Idempotency-Key came with another body before; E_CONFLICT:
 * friendly name taken (words name it); E_NOSPACE: Redis is above 80 % of maxmemory, or a limit of
 * the domain is met (words say which). */
void store_cmd_job_create(struct store_cmd *c, const struct job_new *j);
int store_reply_job_create(const struct redisReply *r, struct job_created *ret,
                           struct errinfo *ei) MUST_CHECK;

/* One job of the domain with its paths. E_NOT_FOUND: unknown, removed, or another domain's. */
void store_cmd_job_get(struct store_cmd *c, const char *domain, const char *id);
int store_reply_job_get(const struct redisReply *r, struct job_record *ret,
                        struct errinfo *ei) MUST_CHECK;

/* Confirmed files by index, from the first behind `after` on. *ret_next: `after` of the next page, 0
 * at the end. E_NOT_FOUND as above. Free *ret with job_files_free. */
void store_cmd_job_files(struct store_cmd *c, const char *domain, const char *id, int64_t after,
                         int64_t limit);
int store_reply_job_files(const struct redisReply *r, struct job_file **ret, size_t *ret_count,
                          int64_t *ret_next, struct errinfo *ei) MUST_CHECK;
void job_files_free(struct job_file *files, size_t count);

struct job_filter {
    const char *type, *name_prefix, *status; /* NULL or "" = all */
    const char *cursor;                      /* NULL or "" = from the newest */
    int64_t limit;
};

/* Jobs of the domain, newest first, each with at most 10 paths. E_INVALID, and no command: the
 * cursor is none of ours. *ret_cursor: of the next page, NULL at the end; a page may be short and
 * have a next. Free *ret with job_records_free, and *ret_cursor. */
int store_cmd_job_list(struct store_cmd *c, const char *domain,
                       const struct job_filter *f) MUST_CHECK;
int store_reply_job_list(const struct redisReply *r, struct job_record **ret, size_t *ret_count,
                         char **ret_cursor, struct errinfo *ei) MUST_CHECK;
void job_records_free(struct job_record *records, size_t count);

/* State changes by the user. The reply gives a task code of the wire (0 ok, 100 not found,
 * 101 cannot change, 108 not running) and the job as it is now (unless 100).
 * secrets: sealed, new ones for start; NULL = keep. */
enum job_action { JOB_ACTION_STOP, JOB_ACTION_START, JOB_ACTION_REMOVE };
void store_cmd_job_action(struct store_cmd *c, enum job_action a, const char *domain,
                          const char *id, const char *secrets);
int store_reply_job_action(const struct redisReply *r, int *ret_code, struct job_record *ret,
                           struct errinfo *ei) MUST_CHECK;

/* The sealed secrets and spec of a job (start with new keys merges them in the API).
 * Both heap, caller frees; *ret_secrets may be NULL. */
void store_cmd_job_spec(struct store_cmd *c, const char *domain, const char *id);
int store_reply_job_spec(const struct redisReply *r, char **ret_spec, char **ret_secrets,
                         struct errinfo *ei) MUST_CHECK;

void store_cmd_ping(struct store_cmd *c);

/* --- saved queries of a domain ---------------------------------------------------------------- */

#define SAVED_COUNT_MAX 1000 /* of a domain */

struct saved_query {
    char *id;
    char *query; /* NULL in a list */
    char *owner; /* API key that stored it last */
    int64_t created_ms, updated_ms;
};
void saved_query_done(struct saved_query *q);
void saved_queries_free(struct saved_query *list, size_t count);

/* put -> E_OK; E_NOSPACE: the domain has SAVED_COUNT_MAX, or Redis is full; *ret_limited tells. */
void store_cmd_saved_put(struct store_cmd *c, const char *domain, const char *id, const char *query,
                         const char *owner);
int store_reply_saved_put(const struct redisReply *r, bool *ret_limited,
                          struct errinfo *ei) MUST_CHECK;
/* get, delete -> E_NOT_FOUND where there is none. The answer to delete is a store_reply_done. */
void store_cmd_saved_get(struct store_cmd *c, const char *domain, const char *id);
int store_reply_saved_get(const struct redisReply *r, struct saved_query *ret,
                          struct errinfo *ei) MUST_CHECK;
void store_cmd_saved_del(struct store_cmd *c, const char *domain, const char *id);
int store_reply_done(const struct redisReply *r, struct errinfo *ei) MUST_CHECK;
/* By id. Free *ret with saved_queries_free. */
void store_cmd_saved_list(struct store_cmd *c, const char *domain);
int store_reply_saved_list(const struct redisReply *r, struct saved_query **ret, size_t *ret_count,
                           struct errinfo *ei) MUST_CHECK;

/* --- credentials (partition 0) ---------------------------------------------------------------- */

struct cred_record {
    char *api_key;
    char *secret; /* sealed under "cred|<api key>" */
    char *domain;
    char *tables; /* globs separated by commas */
    bool read_only;
    int64_t expires_ms; /* 0 = never */
};
void cred_record_done(struct cred_record *r);

/* By API key, or by the SHA-256 (hex) of a token. E_NOT_FOUND: none (revoked). */
void store_cmd_cred_get(struct store_cmd *c, const char *api_key);
void store_cmd_cred_by_token(struct store_cmd *c, const char *token_sha256_hex);
int store_reply_cred(const struct redisReply *r, struct cred_record *ret,
                     struct errinfo *ei) MUST_CHECK;

#endif
