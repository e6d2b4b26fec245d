/*
 * Fuzzer of the HTTP reader: the bytes of one connection through scan, head check, parser, router
 * and chunked decoder. Besides not crashing, it must not depend on how the bytes were cut: the same
 * input in one piece and in small ones has the same outcome, or two readers could be told apart.
 */

#include "api/http_chunk.h"
#include "api/http_head.h"
#include "api/request.h"
#include "api/router.h"

#include <stdlib.h>
#include <string.h>

#define MAX_HEAD 4096
#define MAX_BODY 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    long head;      /* length, 0 = not complete, -1 = refused */
    int status;     /* of the refusal */
    int body;       /* 1 = whole, 0 = more, -1 = refused */
    size_t used;    /* of the body's bytes */
    size_t decoded; /* bytes of the decoded body */
};

static void
require(bool ok)
{
    if (!ok)
        abort();
}

static void
read_chunks(const char *p, size_t n, size_t step, struct outcome *o)
{
    struct http_chunk c = {0};
    struct http_fault f = {0};
    struct buf body = BUF_INIT(MAX_BODY);
    size_t used, take;

    while (o->body == 0 && o->used < n) {
        take = n - o->used < step ? n - o->used : step;
        o->body = http_chunk_decode(&c, p + o->used, take, &body, &used, &f);
        if (o->body >= 0)
            o->used += used;
    }
    if (o->body < 0) {
        require(f.status == 400 || f.status == 413);
        o->status = f.status;
        o->used = 0; /* where exactly does not matter: the connection is closed */
    } else {
        o->decoded = body.len;
    }
    buf_done(&body);
}

static void
read_request(const char *p, size_t n, const struct http_head *h)
{
    struct request *rq = NULL;
    struct errinfo ei = ERRINFO_INIT;
    unsigned allowed;
    size_t i;
    char *limit;

    if (request_new(p, n, h, MAX_BODY, &rq, &ei) < 0) {
        require(ei.msg[0] != '\0');
        return;
    }
    require(rq->header_count == h->header_count);
    for (i = 0; i < rq->header_count; i++) {
        require(strpbrk(rq->headers[i].name, ": \t\r\n") == NULL && rq->headers[i].name[0] != '\0');
        require(strpbrk(rq->headers[i].value, "\r\n") == NULL);
    }
    limit = request_param(rq, "limit");
    free(limit);
    (void)router_takes_body(rq);
    if (router_find(rq, &allowed) == ROUTER_FOUND)
        require((allowed & (unsigned)h->method) != 0);
    request_free(rq);
}

static struct outcome
run(const char *p, size_t n, size_t step)
{
    struct outcome o = {0};
    struct http_scan scan = {0};
    struct http_fault f = {0};
    struct http_head h;
    size_t seen = 0;

    while (o.head == 0 && seen < n) {
        seen = n - seen < step ? n : seen + step;
        o.head = http_scan(&scan, p, seen, MAX_HEAD, &f);
    }
    if (o.head > 0 && http_head_check(p, (size_t)o.head, &h, &f) < 0)
        o.head = -1;
    if (o.head < 0) {
        require(f.status >= 400 && f.status < 600 && f.why[0] != '\0');
        o.status = f.status;
    } else if (o.head > 0) {
        require(!(h.chunked && h.has_length) && h.content_length >= 0);
        read_request(p, (size_t)o.head, &h);
        if (h.chunked)
            read_chunks(p + o.head, n - (size_t)o.head, step, &o);
    }
    return o;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    struct outcome whole = run(p, size, size + 1), cut;
    size_t step;

    for (step = 1; step <= 7; step += 3) {
        cut = run(p, size, step);
        require(whole.head == cut.head && whole.status == cut.status && whole.body == cut.body &&
                whole.used == cut.used && whole.decoded == cut.decoded);
    }
    /* the decoder alone, on anything */
    cut = (struct outcome){0};
    read_chunks(p, size, 3, &cut);
    return 0;
}
