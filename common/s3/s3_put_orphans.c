/* Uploads that an earlier try may have created without learning their ids. See s3_put.h. */

#include "common/s3/s3_put.h"

#include "common/base/clock.h"

#define CLOCKS_APART_MS 60000 /* of the machines that may have tried */

static void abort_last(struct put_op *p);

static void
aborted(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);

    (void)tag;
    (void)end; /* one that cannot be aborted must not keep the file from being sent */
    free(p->orphans.list[--p->orphans.count].id);
    if (p->orphans.count == 0)
        s3_parts_create(p);
    else
        abort_last(p);
}

static void
abort_last(struct put_op *p)
{
    struct s3_call_spec spec = s3_put_spec(p, "abort upload of object", "DELETE");

    s3_headers_add(&spec.req.query, "uploadId", p->orphans.list[p->orphans.count - 1].id);
    spec.done = aborted;
    s3_call_start(&p->op, &spec);
}

/* Others may use this key as well: theirs are older, by the age that the store's clock gives. */
static void
keep_ours(struct put_op *p, int64_t store_now_ms)
{
    int64_t age_max = clock_now_ms() - p->put.orphans_since_ms + CLOCKS_APART_MS;
    struct s3_xml_uploads *u = &p->orphans;
    size_t i, n = 0;

    for (i = 0; i < u->count; i++) {
        if (store_now_ms - u->list[i].initiated_ms <= age_max)
            u->list[n++] = u->list[i];
        else
            free(u->list[i].id);
    }
    u->count = n;
}

static void
listed(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);

    (void)tag;
    if (end->class == S3_CLASS_TRANSIENT || end->class == S3_CLASS_THROTTLE) {
        s3_put_end(p, end);
        return;
    }
    p->orphans_looked = true;
    if (end->class == S3_CLASS_OK &&
        s3_xml_uploads_parse(buf_str(&end->res->body), end->res->body.len, op->key, &p->orphans,
                             NULL) == E_OK)
        keep_ours(p, end->server_ms != 0 ? end->server_ms : clock_now_ms());
    if (p->orphans.count > 0)
        abort_last(p);
    else
        s3_parts_create(p);
}

void
s3_orphans_look(struct put_op *p)
{
    struct s3_call_spec spec;

    /* One page: the key itself sorts before all that it is the prefix of. */
    memset(&spec, 0, sizeof(spec));
    spec.what = "list uploads";
    spec.req.method = "GET";
    s3_headers_add(&spec.req.query, "uploads", "");
    s3_headers_add(&spec.req.query, "prefix", p->op.key);
    s3_headers_add(&spec.req.query, "max-uploads", "1000");
    spec.done = listed;
    s3_call_start(&p->op, &spec);
}
