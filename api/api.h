#ifndef API_API_H
#define API_API_H

/*
 * The application behind the HTTP server: what all handlers share, and the way of a request:
 *
 *     server -> api_handle -> router -> auth_check -> handler -> ... store_async ... -> response_*
 *
 * One thread, one loop. A handler answers exactly once, now or in a callback of the store. The
 * budget of a request for all its Redis commands is API_BUDGET_MS (less where redis.timeout_ms is
 * less), so that a silent Redis is a 503 within two seconds.
 */

#include "api/request.h"
#include "api/store_async.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/base/seal.h"

struct auth;
struct job_watch;
struct event_base;
struct server;

#define API_BUDGET_MS 1800

struct api {
    const struct config *cfg;
    struct event_base *base;
    struct seal *seal;
    struct store_async *store;
    struct auth *auth;
    struct job_watch *watch;
    struct server *server;
};

/* Opens everything; registered with the loop. E_INVALID and others say what to change. */
int api_open(const struct config *cfg, struct event_base *base, struct api **ret,
             struct errinfo *ei) MUST_CHECK;
void api_drain(struct api *api, void (*done)(void *ctx), void *ctx);
void api_close(struct api *api); /* NULL is fine */

/* A command for a request: fn gets the reply (or NULL and why) with the request. Takes *cmd. */
typedef void (*api_reply_fn)(struct api *api, struct request *rq, const struct redisReply *reply,
                             struct errinfo *ei);
void api_store(struct api *api, struct request *rq, struct store_cmd *cmd, api_reply_fn fn);
/* The request has waited on purpose: its budget for Redis begins again. */
void api_renew_limit(const struct api *api, struct request *rq);

/* --- handlers: HTTP.md tells what each does ----------------------------------------------------
 */

void query_post(struct api *api, struct request *rq);
void jobs_get(struct api *api, struct request *rq);
void jobs_files(struct api *api, struct request *rq);
void jobs_list(struct api *api, struct request *rq);
void job_action_stop(struct api *api, struct request *rq);
void job_action_start(struct api *api, struct request *rq);
void job_action_remove(struct api *api, struct request *rq);
void saved_put(struct api *api, struct request *rq);
void saved_get(struct api *api, struct request *rq);
void saved_delete(struct api *api, struct request *rq);
void saved_list(struct api *api, struct request *rq);
void health_live(struct api *api, struct request *rq);
void health_ready(struct api *api, struct request *rq);

#endif
