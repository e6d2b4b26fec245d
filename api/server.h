#ifndef API_SERVER_H
#define API_SERVER_H

/*
 * The HTTP server: listening sockets and the connections made from them. Several processes may
 * listen on the same address (SO_REUSEPORT): the kernel spreads connections among them.
 *
 * Plain HTTP carries keys in the clear, so addresses that are not loopback are refused unless
 * api.allow_plain_http says otherwise.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

struct event_base;
struct request;
struct server;

struct server_app {
    /* A whole request: one response_* call must follow, now or later. */
    void (*handle)(void *ctx, struct request *rq);
    void *ctx;
};

/* Reads section api and listens. E_INVALID: an address is wrong or not allowed; E_CONFLICT and
 * others from bind, with the address in the words. */
int server_open(const struct config *cfg, struct event_base *base, const struct server_app *app,
                struct server **ret, struct errinfo *ei) MUST_CHECK;

/* No new connections; what runs is finished; then done(ctx). */
void server_drain(struct server *s, void (*done)(void *ctx), void *ctx);

void server_close(struct server *s); /* closes everything; NULL is fine */

#endif
