#ifndef STORE_REDIS_CONN_H
#define STORE_REDIS_CONN_H

/*
 * One synchronous connection to Redis: opened by the first call, opened again after a loss, with
 * a backoff that grows with each failure. While it backs off, calls fail at once. Inside the shelf.
 *
 * One thread.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stddef.h>

struct redisContext;
struct redisReply;
struct redis_conn;

/* Reads section redis; does not connect. E_INVALID: the address; else the password's file. */
int redis_conn_open(const struct config *cfg, struct redis_conn **ret,
                    struct errinfo *ei) MUST_CHECK;
void redis_conn_close(struct redis_conn *c);

/* Sends a command and waits for its answer, redis.timeout_ms at most (twice that when a connection
 * turned out to be dead and was opened again, which is right for what may be repeated). Error
 * replies are replies. E_TRANSIENT: no connection, no answer. Free *ret with freeReplyObject. */
int redis_conn_call(struct redis_conn *c, int argc, char **argv, const size_t *len,
                    struct redisReply **ret, struct errinfo *ei) MUST_CHECK;

/* Connects where needed. E_TRANSIENT also while backing off. */
int redis_conn_ensure(struct redis_conn *c, struct errinfo *ei) MUST_CHECK;
/* The connection for direct use; NULL when there is none. Valid until the next call here. */
struct redisContext *redis_conn_context(struct redis_conn *c);
/* It failed: closes it and starts a backoff. Returns E_TRANSIENT with hiredis's words. */
int redis_conn_failed(struct redis_conn *c, struct errinfo *ei);

#endif
