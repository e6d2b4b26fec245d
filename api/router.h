#ifndef API_ROUTER_H
#define API_ROUTER_H

/*
 * From method and path to handler, by one table (router.c). A pattern is a list of parts;
 * "{}" takes any non-empty part, decoded, into rq->args. A slash at the end of the path is
 * ignored. HEAD goes where GET goes; the connection leaves the body out.
 */

#include "api/request.h"

struct api;

enum { ROUTE_AUTH = 1, ROUTE_WRITES = 2 };

struct route {
    unsigned methods; /* mask of enum http_verb */
    const char *pattern;
    void (*handler)(struct api *api, struct request *rq);
    unsigned flags;
};

enum router_verdict {
    ROUTER_FOUND,
    ROUTER_NO_PATH,   /* 404 */
    ROUTER_NO_METHOD, /* 405; *ret_allowed has the methods of the path */
    ROUTER_BAD_PATH,  /* 400: not decodable */
};

/* Sets rq->route and rq->args. */
enum router_verdict router_find(struct request *rq, unsigned *ret_allowed);

/* "GET, HEAD, POST" for a mask. */
void router_allow(unsigned methods, char *out, size_t size);

/* False: the body comes with a Content-Type that is clearly not JSON, or is encoded (415). Types
 * that clients send without thinking (curl -d says it is a form) pass. */
bool router_takes_body(const struct request *rq);

#endif
