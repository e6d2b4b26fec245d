#include "api/server.h"

#include "api/http_conn.h"
#include "common/base/clock.h"
#include "common/base/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/listener.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define LISTENERS_MAX 16
#define BACKLOG       1024
#define BODIES_MAX    64  /* bodies of api.max_body bytes in memory at once */
#define PAUSE_MS      100 /* no accept for this long when descriptors have run out */
#define PATH_LOG_MAX  200

struct server {
    struct http_env env;
    struct server_app app;
    struct evconnlistener *listeners[LISTENERS_MAX];
    size_t listener_count;
    struct event *resume;
};

static void
handle(void *arg, struct request *rq)
{
    struct server *s = arg;

    s->app.handle(s->app.ctx, rq);
}

/* One line per request; the path alone, since a query string may hold anything. */
static void
answered(void *arg, const struct request *rq, int status)
{
    char path[PATH_LOG_MAX + 1];
    struct log_field f[] = {
        LF("method", http_method_name(rq->head.method)),
        LF("path", path),
        LFN("status", status),
        LFN("ms", clock_mono_ms() - rq->begun_ms),
        LF("cid", rq->cid),
        LF(rq->job[0] != '\0' ? "job" : NULL, rq->job),
        {NULL, NULL, 0},
    };

    (void)arg;
    snprintf(path, sizeof(path), "%s", rq->path);
    log_write(LOG_INFO, "request", f);
}

static void
on_accept(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *sa, int len, void *arg)
{
    struct server *s = arg;

    (void)l;
    (void)sa;
    (void)len;
    http_conn_open(&s->env, fd);
}

static void
on_resume(evutil_socket_t fd, short what, void *arg)
{
    struct server *s = arg;
    size_t i;

    (void)fd;
    (void)what;
    for (i = 0; i < s->listener_count; i++)
        evconnlistener_enable(s->listeners[i]);
}

static void
on_accept_error(struct evconnlistener *l, void *arg)
{
    static const struct timeval tv = {0, PAUSE_MS * 1000};
    struct server *s = arg;

    log_event(LOG_WARN, "cannot accept a connection", LF("error", strerror(errno)));
    evconnlistener_disable(l); /* it would be called again at once, for ever */
    event_add(s->resume, &tv);
}

static bool
is_loopback(const struct sockaddr *sa)
{
    const struct sockaddr_in *v4 = (const void *)sa;
    const struct sockaddr_in6 *v6 = (const void *)sa;

    if (sa->sa_family == AF_INET)
        return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
    return sa->sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* "host:port" or "[v6]:port" in place. */
static int
split_address(char *text, char **ret_host, char **ret_port, struct errinfo *ei)
{
    char *colon = strrchr(text, ':');

    if (colon == NULL || colon == text || colon[1] == '\0')
        return errinfo_set(ei, E_INVALID, "api.listen: '%s' is not host:port", text);
    *colon = '\0';
    *ret_port = colon + 1;
    *ret_host = text;
    if (text[0] == '[' && colon[-1] == ']') {
        colon[-1] = '\0';
        *ret_host = text + 1;
    }
    return E_OK;
}

static int
listen_on(struct server *s, const char *item, bool allow_plain, struct errinfo *ei)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *res = NULL;
    struct evconnlistener *l;
    char text[256], *host = NULL, *port = NULL;
    int rc;

    snprintf(text, sizeof(text), "%s", item);
    rc = split_address(text, &host, &port, ei);
    if (rc < 0)
        return rc;
    rc = getaddrinfo(host, port, &hints, &res);
    if (rc != 0)
        return errinfo_set(ei, E_INVALID, "api.listen: '%s': %s", item, gai_strerror(rc));
    if (!allow_plain && !is_loopback(res->ai_addr)) {
        rc = errinfo_set(ei, E_INVALID,
                         "api.listen: '%s' is not a loopback address, and plain HTTP would carry "
                         "keys over the network: put a TLS proxy in front and listen on "
                         "127.0.0.1, or set api.allow_plain_http = true",
                         item);
        goto out;
    }
    l = evconnlistener_new_bind(s->env.base, on_accept, s,
                                LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC | LEV_OPT_REUSEABLE |
                                    LEV_OPT_REUSEABLE_PORT,
                                BACKLOG, res->ai_addr, (int)res->ai_addrlen);
    if (l == NULL) {
        rc = errinfo_errno(ei, errno, "cannot listen on '%s'", item);
        goto out;
    }
    evconnlistener_set_error_cb(l, on_accept_error);
    s->listeners[s->listener_count++] = l;
    log_event(LOG_INFO, "listening", LF("address", item));
    rc = E_OK;
out:
    freeaddrinfo(res);
    return rc;
}

int
server_open(const struct config *cfg, struct event_base *base, const struct server_app *app,
            struct server **ret, struct errinfo *ei)
{
    struct server *s = mem_zalloc(sizeof(*s));
    char item[256];
    size_t i;
    int rc = E_OK;

    s->app = *app;
    s->env = (struct http_env){
        .base = base,
        .max_head = (size_t)config_int(cfg, "api.max_head"),
        .max_body = (size_t)config_int(cfg, "api.max_body"),
        .max_connections = (size_t)config_int(cfg, "api.max_connections"),
        .head_timeout_ms = config_int(cfg, "api.head_timeout_ms"),
        .body_timeout_ms = config_int(cfg, "api.body_timeout_ms"),
        .idle_timeout_ms = config_int(cfg, "api.idle_timeout_ms"),
        .handle = handle,
        .answered = answered,
        .app = s,
    };
    s->env.max_bodies = s->env.max_body * BODIES_MAX;
    s->resume = evtimer_new(base, on_resume, s);
    for (i = 0; rc == E_OK && config_item(cfg, "api.listen", i, item, sizeof(item)); i++) {
        if (i == LISTENERS_MAX)
            rc = errinfo_set(ei, E_INVALID, "api.listen has more than %d addresses", LISTENERS_MAX);
        else
            rc = listen_on(s, item, config_bool(cfg, "api.allow_plain_http"), ei);
    }
    if (rc == E_OK && s->listener_count == 0)
        rc = errinfo_set(ei, E_INVALID, "api.listen is empty");
    if (rc < 0) {
        server_close(s);
        return rc;
    }
    *ret = s;
    return E_OK;
}

static void
stop_listening(struct server *s)
{
    while (s->listener_count > 0)
        evconnlistener_free(s->listeners[--s->listener_count]);
    if (s->resume != NULL)
        event_free(s->resume);
    s->resume = NULL;
}

void
server_drain(struct server *s, void (*done)(void *ctx), void *ctx)
{
    stop_listening(s);
    s->env.empty = done;
    s->env.empty_ctx = ctx;
    http_conn_drain(&s->env);
}

void
server_close(struct server *s)
{
    if (s == NULL)
        return;
    stop_listening(s);
    http_conn_close_all(&s->env);
    free(s);
}
