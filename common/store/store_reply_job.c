#include "common/store/store_cmd.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/store/store_args.h"

#include <limits.h>

#define ERRORS_MAX 20

static void
read_errors(struct reply_reader *rd, struct job_record *r)
{
    const char *text = reply_str(rd, "errors");
    const struct json *e;
    struct json *root = NULL;
    struct errinfo why = ERRINFO_INIT;

    if (text[0] == '\0')
        return;
    if (json_parse(text, strlen(text), &root, &why) < 0 || json_type(root) != JSON_ARRAY ||
        json_count(root) > ERRORS_MAX) {
        rd->rc = errinfo_set(rd->ei, E_PERMANENT, "damaged in the job store: errors: %s", why.msg);
        json_free(root);
        return;
    }
    r->errors = mem_zalloc(json_count(root) * sizeof(*r->errors));
    for (e = json_first(root); e != NULL; e = json_next(e))
        r->errors[r->error_count++] = mem_strdup(json_string(e, "?"));
    json_free(root);
}

static void
read_paths(struct reply_reader *rd, struct job_record *r)
{
    const struct redisReply *list = reply_array(rd, "paths");
    struct reply_reader each = reply_reader_at(list, 0, rd->ei);

    if (list == NULL)
        return;
    r->paths = mem_zalloc(list->elements * sizeof(*r->paths));
    while (each.at < list->elements)
        r->paths[r->path_count++] = reply_copy(&each, "paths");
    if (rd->rc == E_OK)
        rd->rc = each.rc;
}

/* The order is that of VIEW in lua/lib.lua. */
int
store_reply_view(const struct redisReply *view, struct job_record *ret, struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(view, 0, ei);
    struct job_record r = {0};
    char id[IDS_UUID_LEN + 1];
    const char *status;

    reply_uuid(&rd, "id", id);
    r.id = mem_strdup(id);
    r.domain = reply_copy(&rd, "domain");
    r.owner = reply_copy(&rd, "owner");
    r.cid = reply_copy(&rd, "cid");
    r.type = reply_copy(&rd, "type");
    r.friendly_name = reply_copy(&rd, "name");
    r.query = reply_copy(&rd, "query");
    r.table = reply_copy(&rd, "table");
    status = reply_str(&rd, "status");
    if (rd.rc == E_OK && !job_status_parse(status, &r.status))
        rd.rc = errinfo_set(ei, E_PERMANENT, "damaged in the job store: status '%.20s'", status);
    r.generated = reply_int(&rd, "generated", STORE_NUMBER_MAX);
    r.sent = reply_int(&rd, "sent", STORE_NUMBER_MAX);
    r.last_event_ms = reply_int(&rd, "last_event", STORE_NUMBER_MAX);
    r.created_ms = reply_int(&rd, "created", STORE_NUMBER_MAX);
    r.started_ms = reply_int(&rd, "started", STORE_NUMBER_MAX);
    r.ended_ms = reply_int(&rd, "ended", STORE_NUMBER_MAX);
    r.bytes_sent = reply_int(&rd, "bytes_sent", INT64_MAX);
    r.chunks_added = reply_int(&rd, "added", UINT_MAX);
    r.chunks_sent = reply_int(&rd, "nsent", UINT_MAX);
    r.version = reply_int(&rd, "version", STORE_NUMBER_MAX);
    read_errors(&rd, &r);
    r.rows = reply_int(&rd, "rows", STORE_NUMBER_MAX);
    r.paths_total = reply_int(&rd, "paths_total", UINT_MAX);
    read_paths(&rd, &r);
    r.query_ended = reply_int(&rd, "query_ended", 1) != 0;
    if (rd.rc < 0) {
        job_record_done(&r);
        return rd.rc;
    }
    *ret = r;
    return E_OK;
}

int
store_reply_job_create(const struct redisReply *r, struct job_created *ret, struct errinfo *ei)
{
    int rc = store_reply_word(r, ei);
    struct reply_reader rd;
    char name[256];

    *ret = (struct job_created){0};
    if (rc == E_OK) {
        rd = reply_reader_at(r, 1, ei);
        reply_uuid(&rd, "id", ret->id);
        return rd.rc;
    }
    if (rc == E_NOSPACE && r->type == REDIS_REPLY_ARRAY && r->elements > 2) {
        rd = reply_reader_at(r, 2, ei);
        snprintf(ret->limit, sizeof(ret->limit), "%s", reply_str(&rd, "limit"));
    }
    if (rc == E_CONFLICT && ei != NULL) {
        snprintf(name, sizeof(name), "%.200s", ei->msg);
        return errinfo_set(ei, E_CONFLICT, "another job has the friendlyName '%s'", name);
    }
    return rc;
}

int
store_reply_job_get(const struct redisReply *r, struct job_record *ret, struct errinfo *ei)
{
    struct reply_reader rd;
    const struct redisReply *view;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    view = reply_array(&rd, "job");
    return view != NULL ? store_reply_view(view, ret, ei) : rd.rc;
}

void
job_files_free(struct job_file *files, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        free(files[i].path);
    free(files);
}

static int
read_file(const struct redisReply *r, struct job_file *f, struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(r, 0, ei);
    int64_t start;

    f->index = (unsigned)reply_int(&rd, "index", UINT_MAX);
    f->path = reply_copy(&rd, "path");
    start = reply_int(&rd, "start", STORE_NUMBER_MAX);
    f->events = reply_int(&rd, "end", STORE_NUMBER_MAX) - start;
    f->bytes = reply_int(&rd, "bytes", STORE_NUMBER_MAX);
    f->content_bytes = reply_int(&rd, "content_bytes", STORE_NUMBER_MAX);
    reply_hex(&rd, "file_sha256", DIGEST_SHA256_HEX, true, f->sha256);
    f->sent_ms = reply_int(&rd, "sent", STORE_NUMBER_MAX);
    f->adopted = reply_int(&rd, "adopted", 1) != 0;
    return rd.rc;
}

int
store_reply_job_files(const struct redisReply *r, struct job_file **ret, size_t *ret_count,
                      int64_t *ret_next, struct errinfo *ei)
{
    struct job_file *files;
    struct reply_reader rd;
    const struct redisReply *each;
    int64_t next;
    size_t n = 0;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    next = reply_int(&rd, "next", UINT_MAX);
    rc = rd.rc;
    files = mem_zalloc(r->elements * sizeof(*files));
    while (rc == E_OK && rd.at < r->elements) {
        each = reply_array(&rd, "file");
        rc = each != NULL ? read_file(each, &files[n++], ei) : rd.rc;
    }
    if (rc < 0) {
        job_files_free(files, n);
        return rc;
    }
    *ret = files;
    *ret_count = n;
    *ret_next = next;
    return E_OK;
}

void
job_records_free(struct job_record *records, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        job_record_done(&records[i]);
    free(records);
}

int
store_reply_job_list(const struct redisReply *r, struct job_record **ret, size_t *ret_count,
                     char **ret_cursor, struct errinfo *ei)
{
    struct job_record *records;
    char *cursor;
    struct reply_reader rd;
    const struct redisReply *view;
    size_t n = 0;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    records = mem_zalloc(r->elements * sizeof(*records));
    rd = reply_reader_at(r, 1, ei);
    cursor = reply_copy_or_null(&rd, "cursor");
    rc = rd.rc;
    while (rc == E_OK && rd.at < r->elements) {
        view = reply_array(&rd, "job");
        rc = view != NULL ? store_reply_view(view, &records[n], ei) : rd.rc;
        n += rc == E_OK;
    }
    if (rc < 0) {
        job_records_free(records, n);
        free(cursor);
        return rc;
    }
    *ret = records;
    *ret_count = n;
    *ret_cursor = cursor;
    return E_OK;
}

int
store_reply_job_action(const struct redisReply *r, int *ret_code, struct job_record *ret,
                       struct errinfo *ei)
{
    struct reply_reader rd;
    const struct redisReply *view;
    int64_t code;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    code = reply_int(&rd, "code", 999);
    if (rd.rc < 0)
        return rd.rc;
    if (code != 100) {
        view = reply_array(&rd, "job");
        rc = view != NULL ? store_reply_view(view, ret, ei) : rd.rc;
        if (rc < 0)
            return rc;
    }
    *ret_code = (int)code;
    return E_OK;
}

int
store_reply_job_spec(const struct redisReply *r, char **ret_spec, char **ret_secrets,
                     struct errinfo *ei)
{
    struct reply_reader rd;
    char *spec, *secrets;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    spec = reply_copy(&rd, "spec");
    secrets = reply_copy_or_null(&rd, "secrets");
    if (rd.rc < 0) {
        free(spec);
        free(secrets);
        return rd.rc;
    }
    *ret_spec = spec;
    *ret_secrets = secrets;
    return E_OK;
}

void
cred_record_done(struct cred_record *r)
{
    free(r->api_key);
    free(r->secret);
    free(r->domain);
    free(r->tables);
    *r = (struct cred_record){0};
}

int
store_reply_cred_entry(const struct redisReply *r, struct cred_record *ret, struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(r, 1, ei);
    struct cred_record c = {0};

    c.api_key = reply_copy(&rd, "api key");
    c.domain = reply_copy(&rd, "domain");
    c.secret = reply_copy(&rd, "secret");
    c.tables = reply_copy(&rd, "tables");
    c.read_only = reply_int(&rd, "read_only", 1) != 0;
    c.expires_ms = reply_int(&rd, "expires", STORE_NUMBER_MAX);
    if (rd.rc < 0) {
        cred_record_done(&c);
        return rd.rc;
    }
    *ret = c;
    return E_OK;
}

int
store_reply_cred(const struct redisReply *r, struct cred_record *ret, struct errinfo *ei)
{
    int rc = store_reply_word(r, ei);

    return rc < 0 ? rc : store_reply_cred_entry(r, ret, ei);
}
