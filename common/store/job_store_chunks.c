#include "common/store/job_store.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/store/job_store_internal.h"

#include <limits.h>

void
chunk_claim_done(struct chunk_claim *c)
{
    free(c->domain);
    free(c->spec);
    free(c->secrets);
    free(c->upload_id);
    *c = (struct chunk_claim){0};
}

static bool
record_hex(const struct json *o, const char *key, size_t n, bool may_be_empty, char *out)
{
    const char *s = json_get_string(o, key, "");

    if (!store_is_hex(s, n) && (s[0] != '\0' || !may_be_empty))
        return false;
    memcpy(out, s, strlen(s) + 1);
    return true;
}

/* The JSON that chunk_add.lua wrote. */
static int
read_record(const char *text, struct chunk_record *c, struct errinfo *ei)
{
    const struct {
        const char *key;
        int64_t *ret;
    } numbers[] = {
        {"start", &c->start},
        {"end", &c->end},
        {"bytes", &c->bytes},
        {"content_bytes", &c->content_bytes},
        {"last_event", &c->last_event_ms},
    };
    struct json *root = NULL;
    const char *bad = NULL, *spool;
    size_t i;

    if (json_parse(text, strlen(text), &root, ei) < 0)
        return errinfo_set(ei, E_PERMANENT, "damaged in the job store: record of a chunk");
    for (i = 0; i < ARRAY_LEN(numbers); i++) {
        *numbers[i].ret = json_get_int(root, numbers[i].key, -1);
        if (*numbers[i].ret < 0 || *numbers[i].ret > STORE_NUMBER_MAX)
            bad = numbers[i].key;
    }
    spool = json_get_string(root, "spool", "");
    if (ids_is_uuid(spool))
        memcpy(c->spool, spool, sizeof(c->spool));
    else
        bad = "spool";
    if (!record_hex(root, "attempt", IDS_ATTEMPT_LEN, false, c->attempt))
        bad = "attempt";
    if (!record_hex(root, "file_sha256", DIGEST_SHA256_HEX, false, c->file_sha256) ||
        !record_hex(root, "content_sha256", DIGEST_SHA256_HEX, false, c->content_sha256) ||
        !record_hex(root, "last_row_sha256", DIGEST_SHA256_HEX, true, c->last_row_sha256))
        bad = "hash";
    json_free(root);
    if (bad == NULL && c->end < c->start)
        bad = "end";
    return bad == NULL
               ? E_OK
               : errinfo_set(ei, E_PERMANENT, "damaged in the job store: %s of a chunk", bad);
}

static int
read_chunk_claim(const struct redisReply *r, const char *token, struct chunk_claim *ret,
                 struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(r, 1, ei);
    struct chunk_claim c = {0};
    const char *record;
    int rc;

    memcpy(c.token, token, sizeof(c.token));
    reply_uuid(&rd, "id", c.chunk.job);
    c.chunk.index = (unsigned)reply_int(&rd, "index", UINT_MAX);
    record = reply_str(&rd, "record");
    c.domain = reply_copy(&rd, "domain");
    c.spec = reply_copy(&rd, "spec");
    c.secrets = reply_copy_or_null(&rd, "secrets");
    c.upload_id = reply_copy_or_null(&rd, "upload_id");
    c.tries = (unsigned)reply_int(&rd, "tries", UINT_MAX);
    c.first_try_ms = reply_int(&rd, "first_try", STORE_NUMBER_MAX);
    c.put_unanswered = reply_int(&rd, "unanswered", 1) != 0;
    rc = rd.rc == E_OK ? read_record(record, &c.chunk, ei) : rd.rc;
    if (rc < 0) {
        chunk_claim_done(&c);
        return rc;
    }
    *ret = c;
    return E_OK;
}

int
job_store_chunk_claim(struct job_store *s, const char *spool, const char *uploader,
                      struct chunk_claim *ret, struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    if (s->claim_token[0] == '\0')
        ids_attempt(s->claim_token);
    store_cmd_script(&cmd, SCRIPT_CHUNK_CLAIM);
    store_cmd_str(&cmd, spool);
    store_cmd_words(&cmd, uploader);
    store_cmd_str(&cmd, s->claim_token);
    store_cmd_int(&cmd, s->lease_ms);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc == E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc; /* the token stays: the claim may have been done */
    rc = read_chunk_claim(r, s->claim_token, ret, ei);
    freeReplyObject(r);
    s->claim_token[0] = '\0';
    return rc < 0 ? rc : 1;
}

/* Command of a script whose first arguments are a chunk and the token of its claim. */
static void
chunk_cmd(struct store_cmd *cmd, enum store_script script, const struct chunk_claim *c)
{
    store_cmd_script(cmd, script);
    store_cmd_str(cmd, c->chunk.job);
    store_cmd_int(cmd, c->chunk.index);
    store_cmd_str(cmd, c->token);
}

int
job_store_chunk_renew(struct job_store *s, const struct chunk_claim *c, struct errinfo *ei)
{
    struct store_cmd cmd;

    chunk_cmd(&cmd, SCRIPT_CHUNK_RENEW, c);
    store_cmd_int(&cmd, s->lease_ms);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_chunk_upload_id(struct job_store *s, const struct chunk_claim *c, const char *upload_id,
                          struct errinfo *ei)
{
    struct store_cmd cmd;

    chunk_cmd(&cmd, SCRIPT_CHUNK_UPLOAD_ID, c);
    store_cmd_str(&cmd, upload_id);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_chunk_done(struct job_store *s, const struct chunk_claim *c, const char *path,
                     bool verified, struct errinfo *ei)
{
    struct store_cmd cmd;

    chunk_cmd(&cmd, SCRIPT_CHUNK_DONE, c);
    store_cmd_str(&cmd, path);
    store_cmd_int(&cmd, verified);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_chunk_retry(struct job_store *s, const struct chunk_claim *c, int64_t delay_ms,
                      bool unanswered, const char *error, struct errinfo *ei)
{
    struct store_cmd cmd;

    chunk_cmd(&cmd, SCRIPT_CHUNK_RETRY, c);
    store_cmd_int(&cmd, delay_ms);
    store_cmd_int(&cmd, unanswered);
    store_cmd_words(&cmd, error);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_chunk_fail(struct job_store *s, const struct chunk_claim *c, const char *error,
                     struct errinfo *ei)
{
    struct store_cmd cmd;

    chunk_cmd(&cmd, SCRIPT_CHUNK_FAIL, c);
    store_cmd_words(&cmd, error);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_chunk_adopt(struct job_store *s, const struct chunk_claim *c, int64_t end,
                      const char *content_sha256, const char *last_row_sha256, const char *path,
                      struct errinfo *ei)
{
    struct store_cmd cmd;

    /* These come from the object's metadata, which anybody with the bucket's keys can write. */
    if (end < 0 || end > STORE_NUMBER_MAX || !store_is_hex(content_sha256, DIGEST_SHA256_HEX) ||
        (last_row_sha256[0] != '\0' && !store_is_hex(last_row_sha256, DIGEST_SHA256_HEX)))
        return errinfo_set(ei, E_CONFLICT, "the object's metadata is malformed");
    chunk_cmd(&cmd, SCRIPT_CHUNK_ADOPT, c);
    store_cmd_int(&cmd, end);
    store_cmd_str(&cmd, content_sha256);
    store_cmd_str(&cmd, last_row_sha256);
    store_cmd_str(&cmd, path);
    return job_store_run(s, &cmd, NULL, ei);
}

/* Answer "OK 1" or "OK 0". */
static int
ask_unused(struct job_store *s, struct store_cmd *cmd, struct errinfo *ei)
{
    struct redisReply *r = NULL;
    struct reply_reader rd;
    int unused;
    int rc = job_store_run(s, cmd, &r, ei);

    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    unused = (int)reply_int(&rd, "unused", 2);
    freeReplyObject(r);
    return rd.rc < 0 ? rd.rc : unused;
}

int
job_store_file_unused(struct job_store *s, const char *job, unsigned index, const char *attempt,
                      struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_script(&cmd, SCRIPT_FILE_UNUSED);
    store_cmd_str(&cmd, job);
    store_cmd_int(&cmd, index);
    store_cmd_str(&cmd, attempt);
    return ask_unused(s, &cmd, ei);
}

int
job_store_result_unused(struct job_store *s, const char *job, struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_script(&cmd, SCRIPT_RESULT_UNUSED);
    store_cmd_str(&cmd, job);
    return ask_unused(s, &cmd, ei);
}

int
job_store_trash_pop(struct job_store *s, const char *spool, char name[96], struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    const char *text;
    int rc;

    store_cmd_script(&cmd, SCRIPT_TRASH_POP);
    store_cmd_str(&cmd, spool);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc == E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    text = reply_str(&rd, "file name");
    rc = rd.rc;
    if (rc == E_OK && (strlen(text) >= 96 || strspn(text, "0123456789abcdef.-") != strlen(text)))
        rc = errinfo_set(ei, E_PERMANENT, "damaged in the job store: name of a file");
    if (rc == E_OK)
        memcpy(name, text, strlen(text) + 1);
    freeReplyObject(r);
    return rc < 0 ? rc : 1;
}
