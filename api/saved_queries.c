/* Saved queries of a domain: PUT, GET, DELETE, list. POST /search/query names one as queryId. */

#include "api/api.h"
#include "api/auth.h"
#include "api/faults.h"
#include "api/response.h"
#include "common/linq/linq.h"

#include <string.h>

#define ID_MAX 128

/* False: answered. */
static bool
check_id(struct request *rq)
{
    const char *id = rq->args[0];
    size_t n = strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

    if (n > 0 && n <= ID_MAX && id[n] == '\0')
        return true;
    response_bad_parameter(rq, "the id of a saved query should be 1 to 128 of A-Z a-z 0-9 _ . -");
    return false;
}

static void
write_saved(struct json_writer *w, const struct saved_query *q)
{
    json_w_object(w);
    json_w_kv_string(w, "id", q->id);
    json_w_kv_string(w, "query", q->query);
    json_w_kv_string(w, "owner", q->owner);
    json_w_kv_int(w, "created", q->created_ms);
    json_w_kv_int(w, "updated", q->updated_ms);
    json_w_object_end(w);
}

static void
answer_id(struct request *rq)
{
    struct answer a;

    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    json_w_object(&a.w);
    json_w_kv_string(&a.w, "id", rq->args[0]);
    json_w_object_end(&a.w);
    response_end(&a, 200);
}

/* --- PUT ---------------------------------------------------------------------------------------
 */

static void
on_put(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    bool limited = false;
    int rc = reply != NULL ? store_reply_saved_put(reply, &limited, ei) : E_TRANSIENT;

    (void)api;
    if (rc == E_NOSPACE && limited)
        response_limit(rq, "saved queries", ei->msg);
    else if (rc < 0)
        response_unavailable(rq, ei);
    else
        answer_id(rq);
}

/* The text of {"query": "..."}; NULL and a fault where there is none, or none that parses. */
static const char *
take_query(const struct json *root, struct faults *f)
{
    const struct json *node = json_get(root, "query");
    const char *text = json_string(node, NULL);
    struct linq_query *linq = NULL;
    struct linq_error err = {0};

    if (text == NULL || text[0] == '\0') {
        faults_add(f, 0, "query is required: the text of a query");
    } else if (strlen(text) > LINQ_TEXT_MAX) {
        faults_add(f, 0, "query is longer than %d bytes", LINQ_TEXT_MAX);
    } else if (linq_parse(text, strlen(text), &linq, &err) < 0) {
        faults_add(f, 0, "query: %s", err.msg);
    }
    linq_free(linq);
    return text;
}

void
saved_put(struct api *api, struct request *rq)
{
    struct errinfo ei = ERRINFO_INIT;
    struct store_cmd cmd = {0};
    struct faults f = {0};
    struct json *root = NULL;
    const char *query = NULL;

    if (!check_id(rq))
        return;
    if (json_parse(rq->body.data, rq->body.len, &root, &ei) < 0)
        faults_add(&f, 0, "the body is not JSON: %s", ei.msg);
    else if (json_type(root) != JSON_OBJECT)
        faults_add(&f, 0, "the body should be a JSON object");
    else
        query = take_query(root, &f);
    if (f.count > 0) {
        response_bad_parameters(rq, (const char *const *)f.items, f.count);
    } else {
        store_cmd_saved_put(&cmd, rq->cred->domain, rq->args[0], query, rq->cred->api_key);
        api_store(api, rq, &cmd, on_put);
    }
    faults_done(&f);
    json_free(root);
}

/* --- GET, DELETE -------------------------------------------------------------------------------
 */

static void
on_get(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    struct saved_query q = {0};
    struct answer a;
    int rc = reply != NULL ? store_reply_saved_get(reply, &q, ei) : E_TRANSIENT;

    (void)api;
    if (rc == E_NOT_FOUND) {
        response_no_saved(rq, rq->args[0]);
        return;
    }
    if (rc < 0) {
        response_unavailable(rq, ei);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    write_saved(&a.w, &q);
    saved_query_done(&q);
    response_end(&a, 200);
}

void
saved_get(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    if (!check_id(rq))
        return;
    store_cmd_saved_get(&cmd, rq->cred->domain, rq->args[0]);
    api_store(api, rq, &cmd, on_get);
}

static void
on_delete(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    int rc = reply != NULL ? store_reply_done(reply, ei) : E_TRANSIENT;

    (void)api;
    if (rc == E_NOT_FOUND)
        response_no_saved(rq, rq->args[0]);
    else if (rc < 0)
        response_unavailable(rq, ei);
    else
        answer_id(rq);
}

void
saved_delete(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    if (!check_id(rq))
        return;
    store_cmd_saved_del(&cmd, rq->cred->domain, rq->args[0]);
    api_store(api, rq, &cmd, on_delete);
}

/* --- list --------------------------------------------------------------------------------------
 */

static void
on_saved_list(struct api *api, struct request *rq, const struct redisReply *reply,
              struct errinfo *ei)
{
    struct saved_query *list = NULL;
    struct answer a;
    size_t count = 0, i;

    (void)api;
    if (reply == NULL || store_reply_saved_list(reply, &list, &count, ei) < 0) {
        response_unavailable(rq, ei);
        return;
    }
    response_begin(&a, rq, "", TASK_OK);
    json_w_key(&a.w, "object");
    json_w_array(&a.w);
    for (i = 0; i < count; i++)
        write_saved(&a.w, &list[i]);
    json_w_array_end(&a.w);
    saved_queries_free(list, count);
    response_end(&a, 200);
}

void
saved_list(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    store_cmd_saved_list(&cmd, rq->cred->domain);
    api_store(api, rq, &cmd, on_saved_list);
}
