/* Saved queries: commands and their answers. */

#include "common/base/buf.h"
#include "common/store/store_args.h"
#include "common/store/store_cmd.h"

void
saved_query_done(struct saved_query *q)
{
    free(q->id);
    free(q->query);
    free(q->owner);
    *q = (struct saved_query){0};
}

void
saved_queries_free(struct saved_query *list, size_t count)
{
    size_t i;

    for (i = 0; i < count; i++)
        saved_query_done(&list[i]);
    free(list);
}

void
store_cmd_saved_put(struct store_cmd *c, const char *domain, const char *id, const char *query,
                    const char *owner)
{
    store_cmd_script(c, SCRIPT_SAVED_PUT);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
    store_cmd_str(c, query);
    store_cmd_str(c, owner);
    store_cmd_int(c, SAVED_COUNT_MAX);
}

int
store_reply_saved_put(const struct redisReply *r, bool *ret_limited, struct errinfo *ei)
{
    int rc = store_reply_word(r, ei);

    *ret_limited = rc == E_NOSPACE && r->type == REDIS_REPLY_ARRAY;
    return rc;
}

void
store_cmd_saved_get(struct store_cmd *c, const char *domain, const char *id)
{
    store_cmd_script(c, SCRIPT_SAVED_GET);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
}

static int
read_saved(const struct redisReply *r, size_t first, bool with_query, struct saved_query *ret,
           struct errinfo *ei)
{
    struct reply_reader rd = reply_reader_at(r, first, ei);
    struct saved_query q = {0};

    q.id = reply_copy(&rd, "saved query");
    if (with_query)
        q.query = reply_copy(&rd, "saved query");
    q.owner = reply_copy(&rd, "saved query");
    q.created_ms = reply_int(&rd, "saved query", STORE_NUMBER_MAX);
    q.updated_ms = reply_int(&rd, "saved query", STORE_NUMBER_MAX);
    if (rd.rc < 0) {
        saved_query_done(&q);
        return rd.rc;
    }
    *ret = q;
    return E_OK;
}

int
store_reply_saved_get(const struct redisReply *r, struct saved_query *ret, struct errinfo *ei)
{
    int rc = store_reply_word(r, ei);

    return rc < 0 ? rc : read_saved(r, 1, true, ret, ei);
}

void
store_cmd_saved_del(struct store_cmd *c, const char *domain, const char *id)
{
    store_cmd_script(c, SCRIPT_SAVED_DEL);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
}

int
store_reply_done(const struct redisReply *r, struct errinfo *ei)
{
    return store_reply_word(r, ei);
}

void
store_cmd_saved_list(struct store_cmd *c, const char *domain)
{
    store_cmd_script(c, SCRIPT_SAVED_LIST);
    store_cmd_str(c, domain);
}

int
store_reply_saved_list(const struct redisReply *r, struct saved_query **ret, size_t *ret_count,
                       struct errinfo *ei)
{
    struct saved_query *list;
    size_t i, n = 0;
    int rc = store_reply_word(r, ei);

    if (rc < 0)
        return rc;
    list = mem_zalloc(r->elements * sizeof(*list));
    for (i = 1; rc == E_OK && i < r->elements; i++) {
        rc = read_saved(r->element[i], 0, false, &list[n], ei);
        n += rc == E_OK;
    }
    if (rc < 0) {
        saved_queries_free(list, n);
        return rc;
    }
    *ret = list;
    *ret_count = n;
    return E_OK;
}
