/* Multipart uploads of removed chunks. See PROTOCOL.md, list abort:<spool>. */

#include "common/base/json.h"
#include "common/store/job_store.h"
#include "common/store/job_store_internal.h"

#include <limits.h>

void
upload_abort_done(struct upload_abort *a)
{
    free(a->domain);
    free(a->spec);
    free(a->secrets);
    free(a->upload_id);
    free(a->text);
    *a = (struct upload_abort){0};
}

static int
read_abort(const char *text, struct upload_abort *ret, struct errinfo *ei)
{
    struct upload_abort a = {0};
    struct json *root = NULL;
    const char *job;
    int64_t index;
    bool fine = false;

    if (json_parse(text, strlen(text), &root, NULL) == E_OK) {
        job = json_get_string(root, "job", "");
        index = json_get_int(root, "index", -1);
        a.domain = mem_strdup(json_get_string(root, "domain", ""));
        a.spec = mem_strdup(json_get_string(root, "spec", ""));
        a.secrets = mem_strdup(json_get_string(root, "secrets", NULL));
        a.upload_id = mem_strdup(json_get_string(root, "upload_id", ""));
        a.text = mem_strdup(text);
        fine = ids_is_uuid(job) && index >= 0 && index <= UINT_MAX && a.upload_id[0] != '\0';
        if (fine) {
            memcpy(a.job, job, sizeof(a.job));
            a.index = (unsigned)index;
        }
    }
    json_free(root);
    if (!fine) {
        upload_abort_done(&a);
        return errinfo_set(ei, E_PERMANENT, "damaged in the job store: an upload to abort");
    }
    *ret = a;
    return E_OK;
}

static int
abort_done(struct job_store *s, const char *spool, const char *text, struct errinfo *ei)
{
    struct store_cmd cmd;

    store_cmd_script(&cmd, SCRIPT_ABORT_DONE);
    store_cmd_str(&cmd, spool);
    store_cmd_str(&cmd, text);
    return job_store_run(s, &cmd, NULL, ei);
}

int
job_store_abort_next(struct job_store *s, const char *spool, struct upload_abort *ret,
                     struct errinfo *ei)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    const char *text;
    int rc;

    store_cmd_script(&cmd, SCRIPT_ABORT_NEXT);
    store_cmd_str(&cmd, spool);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc == E_NOT_FOUND)
        return 0;
    if (rc < 0)
        return rc;
    rd = reply_reader_at(r, 1, ei);
    text = reply_str(&rd, "upload to abort");
    rc = rd.rc == E_OK ? read_abort(text, ret, ei) : rd.rc;
    if (rc < 0 && rd.rc == E_OK && abort_done(s, spool, text, NULL) < 0)
        rc = E_TRANSIENT; /* it comes again */
    freeReplyObject(r);
    return rc < 0 ? rc : 1;
}

int
job_store_abort_done(struct job_store *s, const char *spool, const struct upload_abort *a,
                     struct errinfo *ei)
{
    return abort_done(s, spool, a->text, ei);
}
