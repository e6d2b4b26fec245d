#ifndef API_STORE_ASYNC_H
#define API_STORE_ASYNC_H

/*
 * The job store from an event loop: sends the commands of common/store/store_cmd.h over one
 * connection and gives each reply to its caller. All commands of one turn of the loop leave in one
 * write.
 *
 * Every command ends within its limit: with the reply, or with E_TRANSIENT when there is no
 * connection or Redis does not answer in time. A Redis that does not answer loses the connection
 * with all that waits on it (replies come in order, the rest would be later still); it is opened
 * again with growing, random pauses of at most half a second. Not a queue: without a connection
 * commands fail at once, so that callers answer 503 instead of piling up.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/store/store_cmd.h"

#include <stdint.h>

struct event_base;
struct redisReply;
struct store_async;

/* Called exactly once for each command; within store_async_send when there is no connection.
 * reply NULL: ei says why (E_TRANSIENT). The reply is valid during the call only. */
typedef void (*store_reply_fn)(void *ctx, const struct redisReply *reply, struct errinfo *ei);

/* Reads section redis and starts to connect. */
int store_async_open(const struct config *cfg, struct event_base *base, struct store_async **ret,
                     struct errinfo *ei) MUST_CHECK;
/* Fails what waits, then frees. NULL is fine. */
void store_async_close(struct store_async *s);

/* Takes over the contents of *cmd. limit_ms: clock_mono_ms by which fn is called. */
void store_async_send(struct store_async *s, struct store_cmd *cmd, int64_t limit_ms,
                      store_reply_fn fn, void *ctx);

/* The longest that one command may take (redis.timeout_ms), ms. */
int64_t store_async_timeout_ms(const struct store_async *s);

#endif
