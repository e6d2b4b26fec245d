#include "common/store/job_store.h"

#include "common/base/buf.h"
#include "common/store/redis_conn.h"
#include "common/store/store_args.h"
#include "common/store/store_keys.h"

#include <fcntl.h>

#define WAIT_S "5" /* of one blocking read: claims are tried at least this often */

struct store_wait {
    struct redis_conn *conn;
    char *key;
    bool armed; /* a blocking read is on its way */
};

int
store_wait_open(const struct config *cfg, const char *kind, struct store_wait **ret,
                struct errinfo *ei)
{
    struct store_wait *w = mem_zalloc(sizeof(*w));
    int rc = redis_conn_open(cfg, &w->conn, ei);

    if (rc < 0) {
        free(w);
        return rc;
    }
    w->key = store_key(store_partition(NULL), "wake:%s", kind);
    *ret = w;
    return E_OK;
}

void
store_wait_close(struct store_wait *w)
{
    if (w == NULL)
        return;
    redis_conn_close(w->conn);
    free(w->key);
    free(w);
}

int
store_wait_fd(const struct store_wait *w)
{
    const redisContext *ctx = redis_conn_context(w->conn);

    return ctx != NULL ? ctx->fd : -1;
}

static int
lost(struct store_wait *w, struct errinfo *ei)
{
    w->armed = false;
    return redis_conn_failed(w->conn, ei);
}

/* Connecting blocks (redis.timeout_ms at most), everything behind it does not. */
static int
connect_nonblock(struct store_wait *w, struct errinfo *ei)
{
    char *ping[] = {"PING"};
    redisContext *ctx = redis_conn_context(w->conn);
    struct redisReply *reply = NULL;
    int rc, flags;

    if (ctx != NULL)
        return E_OK;
    rc = redis_conn_call(w->conn, 1, ping, NULL, &reply, ei);
    if (rc < 0)
        return rc;
    rc = store_reply_error(reply, ei);
    freeReplyObject(reply);
    if (rc < 0) {
        (void)lost(w, NULL);
        return rc;
    }
    ctx = redis_conn_context(w->conn);
    flags = fcntl(ctx->fd, F_GETFL);
    if (flags < 0 || fcntl(ctx->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return lost(w, ei);
    ctx->flags &= ~REDIS_BLOCK;
    return E_OK;
}

int
store_wait_arm(struct store_wait *w, struct errinfo *ei)
{
    const char *argv[] = {"BLPOP", w->key, WAIT_S};
    redisContext *ctx;
    int done = 0, rc;

    if (w->armed)
        return E_OK;
    rc = connect_nonblock(w, ei);
    if (rc < 0)
        return rc;
    ctx = redis_conn_context(w->conn);
    /* A hundred bytes into an empty socket buffer: they go or the connection is no good. */
    if (redisAppendCommandArgv(ctx, 3, argv, NULL) != REDIS_OK ||
        redisBufferWrite(ctx, &done) != REDIS_OK || !done)
        return lost(w, ei);
    w->armed = true;
    return E_OK;
}

int
store_wait_read(struct store_wait *w, bool *ret_idle, struct errinfo *ei)
{
    redisContext *ctx = redis_conn_context(w->conn);
    void *reply = NULL;
    int rc;

    *ret_idle = true;
    if (ctx == NULL)
        return lost(w, ei);
    if (redisBufferRead(ctx) != REDIS_OK || redisGetReplyFromReader(ctx, &reply) != REDIS_OK)
        return lost(w, ei);
    if (reply == NULL) {
        *ret_idle = !w->armed;
        return 0;
    }
    w->armed = false;
    rc = store_reply_error(reply, ei);
    if (rc < 0)
        (void)lost(w, NULL);
    else
        rc = ((redisReply *)reply)->type == REDIS_REPLY_ARRAY;
    freeReplyObject(reply);
    return rc;
}
