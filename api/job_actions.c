#include "api/api.h"

#include "api/auth.h"
#include "api/faults.h"
#include "api/jobs.h"
#include "api/response.h"
#include "api/s3_params.h"
#include "common/base/json.h"
#include "common/store/job_spec.h"

#include <string.h>

static void
on_action(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct job_record record = {0};
    struct answer a;
    int code = 0;

    (void)api;
    if (reply == NULL || store_reply_job_action(reply, &code, &record, ei) < 0) {
        response_unavailable(rq, ei);
        return;
    }
    if (code == TASK_NOT_FOUND) {
        response_task(rq, code);
        return;
    }
    response_begin(&a, rq, response_task_message(code), code);
    json_w_key(&a.w, "object");
    jobs_write(&a.w, &record);
    job_record_done(&record);
    response_end(&a, 200);
}

static void
act(struct api *api, struct request *rq, enum job_action action, const char *secrets)
{
    struct store_cmd cmd = {0};

    store_cmd_job_action(&cmd, action, rq->cred->domain, rq->job, secrets);
    api_store(api, rq, &cmd, on_action);
}

/* False: answered, there is no such job. */
static bool
take_id(struct request *rq)
{
    if (!ids_is_uuid(rq->args[0])) {
        response_task(rq, TASK_NOT_FOUND);
        return false;
    }
    snprintf(rq->job, sizeof(rq->job), "%s", rq->args[0]);
    return true;
}

void
job_action_stop(struct api *api, struct request *rq)
{
    if (take_id(rq))
        act(api, rq, JOB_ACTION_STOP, NULL);
}

void
job_action_remove(struct api *api, struct request *rq)
{
    if (take_id(rq))
        act(api, rq, JOB_ACTION_REMOVE, NULL);
}

/* --- start with new keys ------------------------------------------------------------------------
 */

static void
replace(char **old, const char *fresh)
{
    if (fresh == NULL)
        return;
    mem_wipe_free(*old);
    *old = mem_strdup(fresh);
}

/* New keys over the old ones. A session token belongs to one access key: a new key without a token
 * is a key that needs none. */
static void
merge(struct job_secrets *s, const struct s3_params *p)
{
    if (p->access_key != NULL && p->session_token == NULL) {
        mem_wipe_free(s->session_token);
        s->session_token = NULL;
    }
    replace(&s->access_key, p->access_key);
    replace(&s->secret_key, p->secret_key);
    replace(&s->session_token, p->session_token);
}

/* Opens, merges, seals again. E_CONFLICT: words for the user. */
static int
reseal(struct api *api, struct request *rq, const char *spec_text, const char *sealed, char **ret,
       struct errinfo *ei)
{
    char *place = job_secrets_place(rq->cred->domain, rq->job), *plain = NULL;
    struct buf text = BUF_INIT(65536);
    struct job_secrets secrets = {0};
    struct job_spec spec = {0};
    int rc;

    rc = job_spec_parse(spec_text, &spec, ei);
    if (rc < 0)
        goto out;
    if (strcmp(spec.destination, "s3") != 0 || spec.default_store) {
        rc = errinfo_set(ei, E_CONFLICT, "this job has no aws keys of its own to replace");
        goto out;
    }
    if (sealed == NULL && strcmp(spec.format, "zip") == 0) {
        /* a password may have been among them: better no file than one without it */
        rc =
            errinfo_set(ei, E_CONFLICT,
                        "the secrets of this job have expired and been wiped, send the query anew");
        goto out;
    }
    if (sealed != NULL) {
        rc = seal_parse(api->seal, sealed, place, &plain, ei);
        if (rc == E_OK)
            rc = job_secrets_parse(plain, &secrets, ei);
        if (rc < 0) {
            rc = errinfo_set(ei, E_TRANSIENT, "the job's secrets cannot be opened");
            goto out;
        }
    }
    merge(&secrets, rq->state);
    job_secrets_format(&secrets, &text);
    *ret = seal_text(api->seal, buf_str(&text), place);
out:
    buf_wipe(&text);
    mem_wipe_free(plain);
    job_secrets_done(&secrets);
    job_spec_done(&spec);
    free(place);
    return rc;
}

static void
on_spec(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    char *spec = NULL, *sealed = NULL, *fresh = NULL;
    int rc = reply != NULL ? store_reply_job_spec(reply, &spec, &sealed, ei) : E_TRANSIENT;

    if (rc == E_OK)
        rc = reseal(api, rq, spec, sealed, &fresh, ei);
    if (rc == E_OK)
        act(api, rq, JOB_ACTION_START, fresh);
    else if (rc == E_NOT_FOUND)
        response_task(rq, TASK_NOT_FOUND);
    else if (rc == E_CONFLICT)
        response_bad_parameter(rq, ei->msg);
    else
        response_unavailable(rq, ei);
    free(spec);
    free(sealed);
    free(fresh);
}

static void
free_params(void *state)
{
    s3_params_done(state);
    free(state);
}

/* The body of start: {"destination":{"params":{...}}}. *ret_any: it brings a key. */
static void
read_keys(const struct request *rq, struct s3_params *ret, bool *ret_any, struct faults *f)
{
    struct errinfo ei = ERRINFO_INIT;
    const struct json *params;
    struct json *root = NULL;

    if (json_parse(rq->body.data, rq->body.len, &root, &ei) < 0) {
        faults_add(f, 0, "the body is not JSON: %s", ei.msg);
        return;
    }
    params = json_get(json_get(root, "destination"), "params");
    if (json_type(root) != JSON_OBJECT)
        faults_add(f, 0, "the body should be a JSON object");
    else if (params != NULL && json_type(params) != JSON_OBJECT)
        faults_add(f, 0, "destination.params should be an object");
    else
        s3_params_parse_keys(params, ret, f);
    *ret_any = ret->access_key != NULL || ret->secret_key != NULL || ret->session_token != NULL;
    json_free(root);
}

void
job_action_start(struct api *api, struct request *rq)
{
    struct s3_params *params;
    struct store_cmd cmd = {0};
    struct faults f = {0};
    bool any = false;

    if (!take_id(rq))
        return;
    if (rq->head.method == HTTP_M_POST && rq->body.len > 0) {
        params = mem_zalloc(sizeof(*params));
        rq->state = params;
        rq->state_free = free_params;
        read_keys(rq, params, &any, &f);
    }
    if (f.count > 0) {
        response_bad_parameters(rq, (const char *const *)f.items, f.count);
    } else if (any) {
        store_cmd_job_spec(&cmd, rq->cred->domain, rq->job);
        api_store(api, rq, &cmd, on_spec);
    } else {
        act(api, rq, JOB_ACTION_START, NULL);
    }
    faults_done(&f);
}
