#include "api/store_async.h"

#include "api/redis_link.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/store/store_scripts.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define TICK_MS 50 /* how late a limit may be noticed */

struct call {
    struct store_async *s;
    struct call *prev, *next;
    struct store_cmd cmd;
    int64_t limit_ms;
    store_reply_fn fn;
    void *ctx;
};

struct store_async {
    struct redis_link *link;
    struct event *tick;
    struct call *calls; /* waiting for a reply */
};

/* --- calls ------------------------------------------------------------------------------------ */

static void
unlink_call(struct call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        call->s->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static void
link_call(struct call *call)
{
    call->prev = NULL;
    call->next = call->s->calls;
    if (call->next != NULL)
        call->next->prev = call;
    call->s->calls = call;
}

static void
end_call(struct call *call, const struct redisReply *reply, struct errinfo *ei)
{
    store_cmd_done(&call->cmd);
    call->fn(call->ctx, reply, ei);
    free(call);
}

static void
fail_call(struct call *call, const char *why)
{
    struct errinfo ei = ERRINFO_INIT;

    (void)!errinfo_set(&ei, E_TRANSIENT, "Redis: %s", why);
    end_call(call, NULL, &ei);
}

static void on_reply(redisAsyncContext *ac, void *reply, void *arg);

static void
submit(struct call *call)
{
    struct store_async *s = call->s;

    link_call(call);
    if (redisAsyncCommandArgv(redis_link_context(s->link), on_reply, call, call->cmd.argc,
                              (const char **)(void *)call->cmd.argv, call->cmd.len) != REDIS_OK) {
        unlink_call(call);
        fail_call(call, "the connection is closing");
    }
}

static void
on_reply(redisAsyncContext *ac, void *arg_reply, void *arg)
{
    const redisReply *reply = arg_reply;
    struct call *call = arg;
    struct errinfo ei = ERRINFO_INIT;

    unlink_call(call);
    if (reply == NULL) {
        fail_call(call, ac->errstr != NULL && ac->errstr[0] != '\0' ? ac->errstr
                                                                    : "the connection was lost");
        return;
    }
    if (reply->type == REDIS_REPLY_ERROR && call->cmd.script >= 0 &&
        strncmp(reply->str, "NOSCRIPT", 8) == 0 && strcmp(call->cmd.argv[0], "EVALSHA") == 0 &&
        redis_link_context(call->s->link) != NULL) {
        store_cmd_as_eval(&call->cmd); /* Redis keeps the script from then on */
        submit(call);
        return;
    }
    end_call(call, reply, &ei);
}

void
store_async_send(struct store_async *s, struct store_cmd *cmd, int64_t limit_ms, store_reply_fn fn,
                 void *ctx)
{
    struct call *call = mem_zalloc(sizeof(*call));

    call->s = s;
    call->cmd = *cmd;
    call->limit_ms = limit_ms;
    call->fn = fn;
    call->ctx = ctx;
    memset(cmd, 0, sizeof(*cmd));
    if (redis_link_context(s->link) == NULL)
        fail_call(call, "no connection");
    else if (limit_ms <= clock_mono_ms())
        fail_call(call, "no time left");
    else
        submit(call);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
    struct store_async *s = arg;
    int64_t now = clock_mono_ms();
    const struct call *c;

    (void)fd;
    (void)what;
    for (c = s->calls; c != NULL; c = c->next) {
        if (now >= c->limit_ms) {
            redis_link_lose(s->link, "no answer in time"); /* on_reply comes for all */
            return;
        }
    }
}

/* --- the connection --------------------------------------------------------------------------- */

/* What the API calls. Loaded beforehand, so that not every caller after a restart of Redis meets
 * NOSCRIPT at once. A script that could not be loaded is sent whole by its first caller. */
static const enum store_script scripts[] = {
    SCRIPT_JOB_CREATE, SCRIPT_JOB_GET,   SCRIPT_JOB_LIST,   SCRIPT_JOB_FILES, SCRIPT_JOB_SPEC,
    SCRIPT_JOB_STOP,   SCRIPT_JOB_START, SCRIPT_JOB_REMOVE, SCRIPT_CRED_GET,  SCRIPT_SAVED_GET,
};

static void
on_up(void *ctx)
{
    struct store_async *s = ctx;
    const struct script_text *text;
    size_t i;

    for (i = 0; i < ARRAY_LEN(scripts); i++) {
        text = store_script(scripts[i]);
        redisAsyncCommand(redis_link_context(s->link), NULL, NULL, "SCRIPT LOAD %b", text->text,
                          text->len);
    }
}

int
store_async_open(const struct config *cfg, struct event_base *base, struct store_async **ret,
                 struct errinfo *ei)
{
    struct store_async *s = mem_zalloc(sizeof(*s));
    const struct redis_link_owner owner = {.name = "commands", .up = on_up, .ctx = s};
    const struct timeval tv = {0, TICK_MS * 1000};
    int rc;

    rc = redis_link_open(cfg, base, &owner, &s->link, ei);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
    event_add(s->tick, &tv);
    *ret = s;
    return E_OK;
}

void
store_async_close(struct store_async *s)
{
    if (s == NULL)
        return;
    redis_link_close(s->link);
    event_free(s->tick);
    free(s);
}

int64_t
store_async_timeout_ms(const struct store_async *s)
{
    return redis_link_timeout_ms(s->link);
}
