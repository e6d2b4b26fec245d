#include "common/store/redis_conn.h"

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <inttypes.h>

#define BACKOFF_BASE_MS 50
#define BACKOFF_CAP_MS  2000
#define BACKOFF_MAX     10 /* failures after which the backoff grows no more */

struct redis_conn {
    redisContext *ctx; /* NULL: not connected */
    char *path;        /* Unix socket; NULL: TCP */
    char *host;
    int port;
    char *user, *password; /* NULL: none */
    int64_t database;
    struct timeval timeout;
    unsigned failures; /* in a row */
    int64_t retry_at;  /* monotonic ms; no connection is tried before */
    char why[160];     /* the last failure */
};

/* "host:port", "[v6]:port" or "/path". */
static int
parse_address(struct redis_conn *c, const char *address, struct errinfo *ei)
{
    const char *colon = strrchr(address, ':');
    char *end = NULL;
    size_t n;
    long port;

    if (address[0] == '/') {
        c->path = mem_strdup(address);
        return E_OK;
    }
    n = colon != NULL ? (size_t)(colon - address) : 0;
    errno = 0;
    port = n > 0 ? strtol(colon + 1, &end, 10) : 0;
    if (n == 0 || errno != 0 || end == colon + 1 || *end != '\0' || port < 1 || port > 65535)
        return errinfo_set(ei, E_INVALID, "redis.address '%s' is neither host:port nor a path",
                           address);
    c->port = (int)port;
    if (address[0] == '[' && n > 2 && address[n - 1] == ']')
        c->host = mem_strndup(address + 1, n - 2);
    else
        c->host = mem_strndup(address, n);
    return E_OK;
}

int
redis_conn_open(const struct config *cfg, struct redis_conn **ret, struct errinfo *ei)
{
    struct redis_conn *c = mem_zalloc(sizeof(*c));
    int64_t ms = config_int(cfg, "redis.timeout_ms");
    const char *user = config_str(cfg, "redis.user");
    int rc;

    c->timeout.tv_sec = (time_t)(ms / 1000);
    c->timeout.tv_usec = (suseconds_t)(ms % 1000 * 1000);
    c->database = config_int(cfg, "redis.database");
    c->user = user[0] != '\0' ? mem_strdup(user) : NULL;
    rc = parse_address(c, config_str(cfg, "redis.address"), ei);
    if (rc == E_OK)
        rc = config_secret(cfg, "redis.password_file", &c->password, ei);
    if (rc < 0) {
        redis_conn_close(c);
        return rc;
    }
    *ret = c;
    return E_OK;
}

void
redis_conn_close(struct redis_conn *c)
{
    if (c == NULL)
        return;
    if (c->ctx != NULL)
        redisFree(c->ctx);
    free(c->path);
    free(c->host);
    free(c->user);
    mem_wipe_free(c->password);
    free(c);
}

struct redisContext *
redis_conn_context(struct redis_conn *c)
{
    return c->ctx;
}

static int
failed_with(struct redis_conn *c, const char *why, struct errinfo *ei)
{
    snprintf(c->why, sizeof(c->why), "%s", why);
    if (c->ctx != NULL)
        redisFree(c->ctx);
    c->ctx = NULL;
    c->retry_at = clock_mono_ms() + backoff_ms(c->failures, BACKOFF_BASE_MS, BACKOFF_CAP_MS);
    if (c->failures < BACKOFF_MAX)
        c->failures++;
    return errinfo_set(ei, E_TRANSIENT, "Redis at %s: %s", c->path != NULL ? c->path : c->host,
                       c->why);
}

int
redis_conn_failed(struct redis_conn *c, struct errinfo *ei)
{
    char why[160];
    bool late =
        c->ctx != NULL && c->ctx->err == REDIS_ERR_IO && (errno == EAGAIN || errno == EWOULDBLOCK);

    snprintf(why, sizeof(why), "%s",
             late                                          ? "no answer in time"
             : c->ctx != NULL && c->ctx->errstr[0] != '\0' ? c->ctx->errstr
                                                           : "connection lost");
    return failed_with(c, why, ei);
}

/* AUTH or SELECT. */
static int
greet(struct redis_conn *c, int argc, const char **argv, struct errinfo *ei)
{
    redisReply *r = redisCommandArgv(c->ctx, argc, argv, NULL);
    char why[160];

    if (r == NULL)
        return redis_conn_failed(c, ei);
    if (r->type != REDIS_REPLY_ERROR) {
        freeReplyObject(r);
        return E_OK;
    }
    snprintf(why, sizeof(why), "%s: %.120s", argv[0], r->str);
    freeReplyObject(r);
    return failed_with(c, why, ei);
}

int
redis_conn_ensure(struct redis_conn *c, struct errinfo *ei)
{
    const char *auth[3] = {"AUTH"};
    const char *select[2] = {"SELECT"};
    char database[24];
    int rc = E_OK, n = 1;

    if (c->ctx != NULL)
        return E_OK;
    if (clock_mono_ms() < c->retry_at)
        return errinfo_set(ei, E_TRANSIENT, "Redis at %s: %s (waiting before the next try)",
                           c->path != NULL ? c->path : c->host, c->why);
    c->ctx = c->path != NULL ? redisConnectUnixWithTimeout(c->path, c->timeout)
                             : redisConnectWithTimeout(c->host, c->port, c->timeout);
    if (c->ctx == NULL || c->ctx->err != 0 || redisSetTimeout(c->ctx, c->timeout) != REDIS_OK)
        return redis_conn_failed(c, ei);
    redisEnableKeepAlive(c->ctx); /* no harm where it is not to be had */
    c->ctx->err = 0;
    if (c->password != NULL) {
        if (c->user != NULL)
            auth[n++] = c->user;
        auth[n++] = c->password;
        rc = greet(c, n, auth, ei);
    }
    if (rc == E_OK && c->database != 0) {
        snprintf(database, sizeof(database), "%" PRId64, c->database);
        select[1] = database;
        rc = greet(c, 2, select, ei);
    }
    return rc;
}

int
redis_conn_call(struct redis_conn *c, int argc, char **argv, const size_t *len,
                struct redisReply **ret, struct errinfo *ei)
{
    bool old = c->ctx != NULL;
    bool late;
    redisReply *r;
    int rc;

    rc = redis_conn_ensure(c, ei);
    if (rc < 0)
        return rc;
    errno = 0;
    r = redisCommandArgv(c->ctx, argc, (const char **)argv, len);
    late = errno == EAGAIN || errno == EWOULDBLOCK;
    if (r == NULL && old && !late) {
        /* A connection that died while it was idle says nothing about the server of now. */
        redisFree(c->ctx);
        c->ctx = NULL;
        rc = redis_conn_ensure(c, ei);
        if (rc < 0)
            return rc;
        errno = 0;
        r = redisCommandArgv(c->ctx, argc, (const char **)argv, len);
    }
    if (r == NULL)
        return redis_conn_failed(c, ei);
    c->failures = 0;
    *ret = r;
    return E_OK;
}
