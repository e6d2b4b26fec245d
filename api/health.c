#include "api/api.h"

#include "api/response.h"

/* The process runs. */
void
health_live(struct api *api, struct request *rq)
{
    struct answer a;

    (void)api;
    response_begin(&a, rq, "", TASK_OK);
    response_end(&a, 200);
}

static void
on_pong(struct api *api, struct request *rq, const struct redisReply *reply, struct errinfo *ei)
{
    if (reply == NULL || store_reply_error(reply, ei) < 0)
        response_unavailable(rq, ei);
    else
        health_live(api, rq);
}

/* The process can serve: Redis answers. */
void
health_ready(struct api *api, struct request *rq)
{
    struct store_cmd cmd = {0};

    store_cmd_ping(&cmd);
    api_store(api, rq, &cmd, on_pong);
}
