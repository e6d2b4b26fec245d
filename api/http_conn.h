#ifndef API_HTTP_CONN_H
#define API_HTTP_CONN_H

/*
 * One client connection: bytes in, requests to the application, answers out. Requests of a
 * connection are answered one after the other, so pipelined ones keep their order.
 *
 * Every state but WORK has a deadline. WORK has none here: the application answers every request
 * within its own (Redis budget), whether the client is still there or not.
 *
 *   state    waits for                       deadline           when it passes
 *   IDLE     first byte of a request         idle_timeout       closed silently
 *   HEAD     end of the head                 head_timeout       408, closed
 *   BODY     end of the body                 body_timeout       408, closed
 *   WORK     http_conn_answer                -                  -
 *   FLUSH    the last answer to be written   idle_timeout       closed
 *   LINGER   the client to close             2 s                closed
 *
 * LINGER is what lets a client read a refusal: closing a socket with unread bytes in it sends a
 * reset, which destroys the answer on its way (RFC 9112 section 9.6).
 */

#include "api/request.h"

#include <event2/event.h>
#include <stdint.h>

struct sockaddr;
struct http_conn;

/* What all connections of a server share. Owned by the server. */
struct http_env {
    struct event_base *base;
    size_t max_head, max_body;
    size_t max_connections;
    int64_t head_timeout_ms, body_timeout_ms, idle_timeout_ms;
    size_t max_bodies; /* bytes of all bodies in memory; beyond: 503 */

    /* The application: takes a whole request; http_conn_answer must follow, now or later. */
    void (*handle)(void *app, struct request *rq);
    /* Told of every answer, before the request is freed. */
    void (*answered)(void *app, const struct request *rq, int status);
    void *app;

    /* state */
    struct http_conn *conns;
    size_t count;
    size_t bodies;
    bool draining;            /* each answer closes its connection */
    void (*empty)(void *ctx); /* draining, and the last connection has gone */
    void *empty_ctx;
};

/* Takes over the socket. Beyond max_connections it is answered 503 and closed; far beyond, only
 * closed. */
void http_conn_open(struct http_env *env, evutil_socket_t fd);

/* Sends the answer and frees the request: rq must not be used afterwards. headers: lines with
 * CRLF; body: whole, its bytes are copied. close: end the connection afterwards. */
void http_conn_answer(struct request *rq, int status, const char *headers, const struct buf *body,
                      bool close);

/* Connections without a request end within a second, each other one with its answer. */
void http_conn_drain(struct http_env *env);

/* Closes all at once. Requests in WORK are freed: the application must not answer them any more. */
void http_conn_close_all(struct http_env *env);

#endif
