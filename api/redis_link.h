#ifndef API_REDIS_LINK_H
#define API_REDIS_LINK_H

/*
 * One asynchronous connection to Redis that is opened again by itself, with growing, random pauses
 * of at most half a second. What is sent over it, and what becomes of that when it is lost, is the
 * owner's: store_async (commands) and job_watch (a subscriber).
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

#include <stdint.h>

struct event_base;
struct redisAsyncContext;
struct redis_link;

struct redis_link_owner {
    const char *name;        /* for the log */
    void (*up)(void *ctx);   /* logged in: commands may be sent; may be NULL */
    void (*down)(void *ctx); /* was up, and is lost; may be NULL */
    void *ctx;
};

/* Reads section redis and starts to connect. */
int redis_link_open(const struct config *cfg, struct event_base *base,
                    const struct redis_link_owner *owner, struct redis_link **ret,
                    struct errinfo *ei) MUST_CHECK;
/* Callbacks of commands that wait come with NULL before this returns; down is not called. NULL is
 * fine. */
void redis_link_close(struct redis_link *l);

/* For sending; NULL while there is no connection that has logged in. */
struct redisAsyncContext *redis_link_context(const struct redis_link *l);

/* Drops the connection (a Redis that does not answer) and opens it anew. */
void redis_link_lose(struct redis_link *l, const char *why);

/* redis.timeout_ms */
int64_t redis_link_timeout_ms(const struct redis_link *l);

#endif
