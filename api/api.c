#include "api/api.h"

#include "api/auth.h"
#include "api/job_watch.h"
#include "api/response.h"
#include "api/router.h"
#include "api/server.h"
#include "common/base/clock.h"
#include "common/store/job_store.h"

struct wait {
    struct api *api;
    struct request *rq;
    api_reply_fn fn;
};

static void
on_reply(void *ctx, const struct redisReply *reply, struct errinfo *ei)
{
    struct wait w = *(struct wait *)ctx;

    free(ctx);
    w.fn(w.api, w.rq, reply, ei);
}

void
api_store(struct api *api, struct request *rq, struct store_cmd *cmd, api_reply_fn fn)
{
    struct wait *w = mem_alloc(sizeof(*w));

    *w = (struct wait){api, rq, fn};
    store_async_send(api->store, cmd, rq->limit_ms, on_reply, w);
}

void
api_renew_limit(const struct api *api, struct request *rq)
{
    int64_t budget = store_async_timeout_ms(api->store);

    rq->limit_ms = clock_mono_ms() + (budget < API_BUDGET_MS ? budget : API_BUDGET_MS);
}

static void
run_handler(struct request *rq)
{
    struct api *api = rq->app;

    if ((rq->route->flags & ROUTE_WRITES) && rq->cred->read_only) {
        response_error(rq, 403, "This credential may only read");
        return;
    }
    rq->route->handler(api, rq);
}

static void
refuse_route(struct request *rq, enum router_verdict verdict, unsigned allowed)
{
    char allow[80];

    switch (verdict) {
    case ROUTER_BAD_PATH:
        response_error(rq, 400, "the path has a '%' that is not followed by two hexadecimal digits, or a %00");
        break;
    case ROUTER_NO_METHOD:
        router_allow(allowed, allow, sizeof(allow));
        response_header(rq, "Allow", allow);
        response_error(rq, 405, "this call does not take that method");
        break;
    default:
        response_error(rq, 404, "there is no such call");
        break;
    }
}

static void
api_handle(void *ctx, struct request *rq)
{
    struct api *api = ctx;
    enum router_verdict verdict;
    unsigned allowed = 0;

    rq->app = api;
    api_renew_limit(api, rq);
    verdict = router_find(rq, &allowed);
    if (verdict != ROUTER_FOUND)
        refuse_route(rq, verdict, allowed);
    else if (!router_takes_body(rq))
        response_error(rq, 415, "the body must be JSON: Content-Type application/json");
    else if (rq->route->flags & ROUTE_AUTH)
        auth_check(api->auth, rq, run_handler);
    else
        rq->route->handler(api, rq);
}

/* A Redis that may evict or keeps no log is refused; one that is away is waited for. */
static int
check_redis(const struct config *cfg, struct errinfo *ei)
{
    struct job_store *store = NULL;
    int rc = job_store_open(cfg, &store, ei);

    if (rc == E_OK)
        rc = job_store_check(store, ei);
    job_store_close(store);
    return rc == E_TRANSIENT ? E_OK : rc;
}

int
api_open(const struct config *cfg, struct event_base *base, struct api **ret, struct errinfo *ei)
{
    struct api *api = mem_zalloc(sizeof(*api));
    struct server_app app = {api_handle, api};
    const char *key_file = config_str(cfg, "secrets.master_key_file");
    int rc;

    api->cfg = cfg;
    api->base = base;
    if (key_file[0] == '\0')
        rc = errinfo_set(ei, E_INVALID,
                         "secrets.master_key_file is not set: it names the file with the key that "
                         "seals secrets ('bucketline key master FILE' makes one)");
    else
        rc = seal_open(key_file, &api->seal, ei);
    if (rc == E_OK)
        rc = check_redis(cfg, ei);
    if (rc == E_OK)
        rc = store_async_open(cfg, base, &api->store, ei);
    if (rc == E_OK)
        rc = job_watch_open(cfg, base, &api->watch, ei);
    if (rc == E_OK)
        rc = auth_open(cfg, api->store, api->seal, &api->auth, ei);
    if (rc == E_OK)
        rc = server_open(cfg, base, &app, &api->server, ei);
    if (rc < 0) {
        api_close(api);
        return rc;
    }
    *ret = api;
    return E_OK;
}

void
api_drain(struct api *api, void (*done)(void *ctx), void *ctx)
{
    server_drain(api->server, done, ctx);
    job_watch_drain(api->watch);
}

void
api_close(struct api *api)
{
    if (api == NULL)
        return;
    store_async_close(api->store); /* first: answers what waits, while its connections are there */
    server_close(api->server);     /* ends the requests that wait */
    job_watch_close(api->watch);
    auth_close(api->auth);
    seal_close(api->seal);
    free(api);
}
