#include "api/api.h"

#include "common/base/service.h"

#include <event2/event.h>

struct state {
    struct api *api;
    struct event_base *base;
};

static int
start(const struct config *cfg, struct event_base *base, void **ret_state, struct errinfo *ei)
{
    struct state *s = mem_zalloc(sizeof(*s));
    int rc;

    s->base = base;
    rc = api_open(cfg, base, &s->api, ei);
    if (rc < 0) {
        free(s);
        return rc;
    }
    *ret_state = s;
    return E_OK;
}

static void
on_drained(void *ctx)
{
    service_exit(ctx);
}

static void
drain(void *state)
{
    struct state *s = state;

    api_drain(s->api, on_drained, s->base);
}

static void
stop(void *state)
{
    struct state *s = state;

    if (s == NULL)
        return;
    api_close(s->api);
    free(s);
}

static const struct service service = {
    .name = "bucketline-api",
    .short_name = "api",
    .summary = "takes queries over HTTP and tells how their jobs are doing",
    .start = start,
    .drain = drain,
    .stop = stop,
};

int
main(int argc, char **argv)
{
    return service_main(&service, argc, argv);
}
