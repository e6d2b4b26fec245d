#include "api/redis_link.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/log.h"

#include <event2/event.h>
#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <hiredis/adapters/libevent.h>
#include <string.h>

#define BACKOFF_BASE_MS 20
#define BACKOFF_CAP_MS  500

struct redis_link {
    struct event_base *base;
    struct redis_link_owner owner;
    char *host, *user, *password; /* host: name, address, or path of a socket */
    int port;                     /* 0: host is a path */
    int database;
    int64_t timeout_ms;

    redisAsyncContext *ac; /* NULL: not connected, the timer waits for the next try */
    bool ready;            /* logged in */
    int setup_left;        /* answers to the log-in still to come */
    unsigned failures;
    struct event *timer; /* the next try, or the end of one that takes too long */
    bool closing;
};

static void
arm(struct redis_link *l, int64_t ms)
{
    struct timeval tv = {(time_t)(ms / 1000), (suseconds_t)(ms % 1000 * 1000)};

    event_add(l->timer, &tv);
}

static void
plan_retry(struct redis_link *l)
{
    if (!l->closing)
        arm(l, backoff_ms(l->failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS));
    l->failures++;
}

/* The connection is no longer ours: tells the owner and tries again later. */
static void
gone(struct redis_link *l, const char *why)
{
    bool was_ready = l->ready;

    log_event(LOG_WARN, "redis connection lost", LF("of", l->owner.name), LF("why", why));
    l->ac = NULL;
    l->ready = false;
    plan_retry(l);
    if (was_ready && l->owner.down != NULL)
        l->owner.down(l->owner.ctx);
}

/* hiredis calls the callback of each command that waits, with NULL. */
void
redis_link_lose(struct redis_link *l, const char *why)
{
    redisAsyncContext *ac = l->ac;

    if (ac == NULL)
        return;
    gone(l, why); /* first: callbacks that send again find no connection */
    ac->data = NULL;
    redisAsyncFree(ac);
}

static void
on_setup(redisAsyncContext *ac, void *arg_reply, void *arg)
{
    struct redis_link *l = arg;
    const redisReply *reply = arg_reply;

    if (l->ac != ac || reply == NULL)
        return;
    if (reply->type == REDIS_REPLY_ERROR) {
        redis_link_lose(l, reply->str);
        return;
    }
    if (--l->setup_left > 0)
        return;
    event_del(l->timer);
    l->ready = true;
    l->failures = 0;
    log_event(LOG_INFO, "redis connected", LF("for", l->owner.name));
    if (l->owner.up != NULL)
        l->owner.up(l->owner.ctx);
}

/* AUTH where there is a password, SELECT always: its answer says that Redis serves (a loading one
 * answers with an error, and we come back). */
static void
log_in(struct redis_link *l)
{
    redisAsyncContext *ac = l->ac;
    char number[16];

    l->setup_left = 1 + (l->password != NULL);
    if (l->password != NULL && l->user[0] != '\0')
        redisAsyncCommand(ac, on_setup, l, "AUTH %s %s", l->user, l->password);
    else if (l->password != NULL)
        redisAsyncCommand(ac, on_setup, l, "AUTH %s", l->password);
    snprintf(number, sizeof(number), "%d", l->database);
    redisAsyncCommand(ac, on_setup, l, "SELECT %s", number);
}

static void
failed(struct redis_link *l, const char *why)
{
    log_event(l->failures == 0 ? LOG_WARN : LOG_DEBUG, "cannot connect to redis", LF("error", why));
    l->ac = NULL;
    plan_retry(l);
}

static void
on_connect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;

    if (l == NULL || l->ac != ac)
        return;
    if (status == REDIS_OK)
        log_in(l);
    else
        failed(l, ac->errstr); /* hiredis frees the context itself */
}

static void
on_disconnect(const redisAsyncContext *ac, int status)
{
    struct redis_link *l = ac->data;

    (void)status;
    if (l == NULL || l->ac != ac)
        return;
    gone(l, ac->errstr != NULL && ac->errstr[0] != '\0' ? ac->errstr : "closed");
}

static void
start_connect(struct redis_link *l)
{
    redisAsyncContext *ac;

    ac = l->port != 0 ? redisAsyncConnect(l->host, l->port) : redisAsyncConnectUnix(l->host);
    if (ac == NULL || ac->err != 0) {
        failed(l, ac != NULL ? ac->errstr : "out of memory");
        if (ac != NULL)
            redisAsyncFree(ac);
        return;
    }
    ac->data = l;
    l->ac = ac;
    l->ready = false;
    arm(l, l->timeout_ms);
    if (l->port != 0)
        redisEnableKeepAlive(&ac->c);
    redisLibeventAttach(ac, l->base);
    redisAsyncSetConnectCallback(ac, on_connect);
    redisAsyncSetDisconnectCallback(ac, on_disconnect);
}

static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
    struct redis_link *l = arg;

    (void)fd;
    (void)what;
    if (l->ac == NULL)
        start_connect(l);
    else if (!l->ready)
        redis_link_lose(l, "connecting took too long");
}

static int
read_address(struct redis_link *l, const char *address, struct errinfo *ei)
{
    const char *colon = strrchr(address, ':');
    char *end;
    long port;

    if (address[0] == '/') {
        l->host = mem_strdup(address);
        return E_OK;
    }
    port = colon != NULL ? strtol(colon + 1, &end, 10) : 0;
    if (colon == NULL || colon == address || port < 1 || port > 65535 || *end != '\0')
        return errinfo_set(ei, E_INVALID, "redis.address: '%s' is neither host:port nor a path",
                           address);
    l->host = mem_strndup(address, (size_t)(colon - address));
    l->port = (int)port;
    return E_OK;
}

int
redis_link_open(const struct config *cfg, struct event_base *base,
                const struct redis_link_owner *owner, struct redis_link **ret, struct errinfo *ei)
{
    struct redis_link *l = mem_zalloc(sizeof(*l));
    int rc;

    l->base = base;
    l->owner = *owner;
    l->database = (int)config_int(cfg, "redis.database");
    l->timeout_ms = config_int(cfg, "redis.timeout_ms");
    l->user = mem_strdup(config_str(cfg, "redis.user"));
    l->timer = evtimer_new(base, on_timer, l);
    rc = read_address(l, config_str(cfg, "redis.address"), ei);
    if (rc == E_OK)
        rc = config_secret(cfg, "redis.password_file", &l->password, ei);
    if (rc < 0) {
        redis_link_close(l);
        return rc;
    }
    start_connect(l);
    *ret = l;
    return E_OK;
}

void
redis_link_close(struct redis_link *l)
{
    redisAsyncContext *ac;

    if (l == NULL)
        return;
    l->closing = true;
    l->ready = false;
    ac = l->ac;
    l->ac = NULL;
    if (ac != NULL) {
        ac->data = NULL;
        redisAsyncFree(ac);
    }
    event_free(l->timer);
    mem_wipe_free(l->password);
    free(l->host);
    free(l->user);
    free(l);
}

struct redisAsyncContext *
redis_link_context(const struct redis_link *l)
{
    return l->ready ? l->ac : NULL;
}

int64_t
redis_link_timeout_ms(const struct redis_link *l)
{
    return l->timeout_ms;
}
