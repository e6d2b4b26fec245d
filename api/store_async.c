#include "api/store_async.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/store/store_scripts.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/adapters/libevent.h>
#include <string.h>

#define TICK_MS         50 /* how late a limit may be noticed */
#define BACKOFF_BASE_MS 20
#define BACKOFF_CAP_MS  500

struct call {
    struct store_async *s;
    struct call *prev, *next;
    struct store_cmd cmd;
    int64_t limit_ms;
    store_reply_fn fn;
    void *ctx;
};

struct store_async {
    struct event_base *base;
    char *host, *user, *password; /* host: name, address, or path of a socket */
    int port;                     /* 0: host is a path */
    int database;
    int64_t timeout_ms;

    redisAsyncContext *ac; /* NULL: not connected, retry is armed */
    bool ready;            /* the commands of set_up have been answered */
    int setup_left;        /* their answers still to come */
    int64_t connect_limit_ms;
    unsigned failures;
    struct event *retry, *tick;
    struct call *calls; /* waiting for a reply */
    bool closing;
};

static void start_connect(struct store_async *s);
static void lose(struct store_async *s, const char *why);

static void
arm(struct event *ev, int64_t ms)
{
    struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    event_add(ev, &tv);
}

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
    if (redisAsyncCommandArgv(s->ac, on_reply, call, call->cmd.argc,
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
        strncmp(reply->str, "NOSCRIPT", 8) == 0 && strcmp(call->cmd.argv[0], "EVALSHA") == 0) {
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
    if (s->ac == NULL || !s->ready)
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
    if (s->ac != NULL && !s->ready && now >= s->connect_limit_ms) {
        lose(s, "connecting took too long");
        return;
    }
    for (c = s->calls; c != NULL; c = c->next) {
        if (now >= c->limit_ms) {
            lose(s, "no answer in time");
            return;
        }
    }
}

/* --- the connection --------------------------------------------------------------------------- */

static void
plan_retry(struct store_async *s)
{
    if (!s->closing)
        arm(s->retry, backoff_ms(s->failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS));
    s->failures++;
}

/* Drops the connection; hiredis calls on_reply with NULL for each call that waits. */
static void
lose(struct store_async *s, const char *why)
{
    redisAsyncContext *ac = s->ac;

    if (ac == NULL)
        return;
    log_event(LOG_WARN, "redis connection lost", LF("why", why));
    s->ac = NULL; /* callbacks that send again fail at once, on_disconnect does nothing */
    s->ready = false;
    ac->data = NULL;
    redisAsyncFree(ac);
    plan_retry(s);
}

static void
on_setup(redisAsyncContext *ac, void *arg_reply, void *arg)
{
    struct store_async *s = arg;
    const redisReply *reply = arg_reply;

    if (s->ac != ac || reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        lose(s, reply->str);
        return;
    }
    if (--s->setup_left > 0)
        return;
    s->ready = true;
    s->failures = 0;
    log_event(LOG_INFO, "redis connected");
}

/* What the API calls. Loaded beforehand, so that not every caller after a restart of Redis meets
 * NOSCRIPT at once. */
static const enum store_script scripts[] = {
    SCRIPT_JOB_CREATE, SCRIPT_JOB_GET,   SCRIPT_JOB_LIST,   SCRIPT_JOB_SPEC,
    SCRIPT_JOB_STOP,   SCRIPT_JOB_START, SCRIPT_JOB_REMOVE, SCRIPT_CRED_GET,
};

/* AUTH where there is a password, SELECT always: its answer says that Redis serves (a loading one
 * answers with an error, and we come back). */
static void
set_up(struct store_async *s)
{
    redisAsyncContext *ac = s->ac;
    const struct script_text *text;
    char number[16];
    size_t i;

    s->setup_left = 1 + (s->password != NULL) + (int)ARRAY_LEN(scripts);
    if (s->password != NULL && s->user[0] != '\0')
        redisAsyncCommand(ac, on_setup, s, "AUTH %s %s", s->user, s->password);
    else if (s->password != NULL)
        redisAsyncCommand(ac, on_setup, s, "AUTH %s", s->password);
    snprintf(number, sizeof(number), "%d", s->database);
    redisAsyncCommand(ac, on_setup, s, "SELECT %s", number);
    for (i = 0; i < ARRAY_LEN(scripts); i++) {
        text = store_script(scripts[i]);
        redisAsyncCommand(ac, on_setup, s, "SCRIPT LOAD %b", text->text, text->len);
    }
}

static void
on_connect(const redisAsyncContext *ac, int status)
{
    struct store_async *s = ac->data;

    if (s == NULL || s->ac != ac)
        return;
    if (status == REDIS_OK) {
        set_up(s);
        return;
    }
    /* hiredis frees the context itself after a failed connect */
    log_event(s->failures == 0 ? LOG_WARN : LOG_DEBUG, "cannot connect to redis",
              LF("error", ac->errstr));
    s->ac = NULL;
    plan_retry(s);
}

static void
on_disconnect(const redisAsyncContext *ac, int status)
{
    struct store_async *s = ac->data;

    (void)status;
    if (s == NULL || s->ac != ac)
        return;
    log_event(LOG_WARN, "redis connection lost",
              LF("why", ac->errstr != NULL && ac->errstr[0] != '\0' ? ac->errstr : "closed"));
    s->ac = NULL;
    s->ready = false;
    plan_retry(s);
}

static void
start_connect(struct store_async *s)
{
    redisAsyncContext *ac;

    ac = s->port != 0 ? redisAsyncConnect(s->host, s->port) : redisAsyncConnectUnix(s->host);
    if (ac == NULL || ac->err != 0) {
        log_event(s->failures == 0 ? LOG_WARN : LOG_DEBUG, "cannot connect to redis",
                  LF("error", ac != NULL ? ac->errstr : "out of memory"));
        if (ac != NULL)
            redisAsyncFree(ac);
        plan_retry(s);
        return;
    }
    ac->data = s;
    s->ac = ac;
    s->ready = false;
    s->connect_limit_ms = clock_mono_ms() + s->timeout_ms;
    redisLibeventAttach(ac, s->base);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void
on_retry(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    start_connect(arg);
}

static int
read_address(struct store_async *s, const char *address, struct errinfo *ei)
{
    const char *colon = strrchr(address, ':');
    char *end;
    long port;

    if (address[0] == '/') {
        s->host = mem_strdup(address);
        return E_OK;
    }
    port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == address || port < 1 || port > 65535 || *end != '\0')
        return errinfo_set(ei, E_INVALID, "redis.address: '%s' is neither host:port nor a path",
                           address);
    s->host = mem_strndup(address, (size_t)(colon - address));
    s->port = (int)port;
    return E_OK;
}

int
store_async_open(const struct config *cfg, struct event_base *base, struct store_async **ret,
                 struct errinfo *ei)
{
    struct store_async *s = mem_zalloc(sizeof(*s));
    const struct timeval tv = {0, TICK_MS * 1000};
    int rc;

    s->base = base;
    s->database = (int)config_int(cfg, "redis.database");
    s->timeout_ms = config_int(cfg, "redis.timeout_ms");
    s->user = mem_strdup(config_str(cfg, "redis.user"));
    s->retry = evtimer_new(base, on_retry, s);
    s->tick = event_new(base, -1, EV_PERSIST, on_tick, s);
    rc = read_address(s, config_str(cfg, "redis.address"), ei);
    if (rc == E_OK)
        rc = config_secret(cfg, "redis.password_file", &s->password, ei);
    if (rc < 0) {
        store_async_close(s);
        return rc;
    }
    event_add(s->tick, &tv);
    start_connect(s);
    *ret = s;
    return E_OK;
}

void
store_async_close(struct store_async *s)
{
    redisAsyncContext *ac;

    if (s == NULL)
        return;
    s->closing = true;
    ac = s->ac;
    s->ac = NULL;
    if (ac != NULL) {
        ac->data = NULL;
        redisAsyncFree(ac);
    }
    event_free(s->retry);
    event_free(s->tick);
    mem_wipe_free(s->password);
    free(s->host);
    free(s->user);
    free(s);
}

int64_t
store_async_timeout_ms(const struct store_async *s)
{
    return s->timeout_ms;
}
