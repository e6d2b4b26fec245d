/* The operations of one call: look at an object, abort an upload, check a bucket. */

#include "common/s3/s3_op.h"

#include <ctype.h>
#include <strings.h>

struct plain_op {
    struct s3_op op;
    char *upload_id;
    s3_done_fn done;
    s3_head_fn head_done;
    void *ctx;
    struct s3_object_info info;
    struct s3_headers metadata;
};

static struct plain_op *
plain_of(struct s3_op *op)
{
    return (struct plain_op *)(void *)op;
}

static void
plain_deliver(struct s3_op *op)
{
    struct plain_op *p = plain_of(op);

    if (p->head_done != NULL)
        p->head_done(p->ctx, &op->result, op->result.outcome == S3_OK ? &p->info : NULL);
    else
        p->done(p->ctx, &op->result);
}

static void
plain_release(struct s3_op *op)
{
    struct plain_op *p = plain_of(op);

    s3_headers_done(&p->metadata);
    free(p->upload_id);
    free(p);
}

static struct s3_op *
start_plain(struct plain_op *p, struct s3_client *client, const struct s3_target *target,
            const char *key, void (*step)(struct s3_op *op), struct errinfo *ei)
{
    p->op.step = step;
    p->op.deliver = plain_deliver;
    p->op.release = plain_release;
    p->op.fd = -1;
    if (s3_op_start(&p->op, client, target, key, ei) < 0) {
        s3_op_discard(&p->op);
        return NULL;
    }
    return &p->op;
}

static struct s3_call_spec
plain_spec(const struct s3_op *op, const char *what, const char *method)
{
    struct s3_call_spec spec;

    memset(&spec, 0, sizeof(spec));
    spec.what = what;
    spec.req.method = method;
    spec.req.key = op->key;
    return spec;
}

/* --- head ------------------------------------------------------------------------------------ */

static void
take_metadata(struct plain_op *p, const struct s3_header *h)
{
    char *name, *c;

    if (strncasecmp(h->name, "x-amz-meta-", 11) != 0)
        return;
    name = mem_strdup(h->name + 11);
    for (c = name; *c != '\0'; c++)
        *c = (char)tolower((unsigned char)*c);
    s3_headers_add(&p->metadata, name, h->value);
    free(name);
}

static void
take_info(struct plain_op *p, const struct s3_headers *headers)
{
    const char *length = s3_headers_find(headers, "content-length");
    const char *etag = s3_headers_find(headers, "etag");
    const char *type = s3_headers_find(headers, "content-type");
    struct s3_object_info *info = &p->info;
    size_t i;

    info->bytes = -1;
    if (length != NULL && isdigit((unsigned char)length[0]) && strlen(length) <= 18)
        info->bytes = strtoll(length, NULL, 10);
    snprintf(info->etag, sizeof(info->etag), "%s", etag != NULL ? etag : "");
    snprintf(info->content_type, sizeof(info->content_type), "%s", type != NULL ? type : "");
    snprintf(p->op.result.etag, sizeof(p->op.result.etag), "%s", info->etag);
    for (i = 0; i < headers->count; i++)
        take_metadata(p, &headers->list[i]);
    info->metadata = p->metadata.list;
    info->metadata_count = p->metadata.count;
}

static void
head_done(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    (void)tag;
    if (end->class == S3_CLASS_OK) {
        take_info(plain_of(op), &end->res->headers);
        s3_op_end(op, S3_OK);
    } else if (end->class == S3_CLASS_USER && end->res->status == 404) {
        s3_op_end(op, S3_NOT_FOUND);
    } else {
        s3_op_end(op, s3_outcome_of_class(end->class));
    }
}

static void
head_step(struct s3_op *op)
{
    struct s3_call_spec spec = plain_spec(op, "head object", "HEAD");

    spec.done = head_done;
    s3_call_start(op, &spec);
}

struct s3_op *
s3_head(struct s3_client *client, const struct s3_target *target, const char *key, s3_head_fn done,
        void *ctx, struct errinfo *ei)
{
    struct plain_op *p;

    if (s3_check_key(key, ei) < 0)
        return NULL;
    p = mem_zalloc(sizeof(*p));
    p->head_done = done;
    p->ctx = ctx;
    return start_plain(p, client, target, key, head_step, ei);
}

const char *
s3_object_metadata(const struct s3_object_info *info, const char *name)
{
    size_t i;

    for (i = 0; i < info->metadata_count; i++) {
        if (strcasecmp(info->metadata[i].name, name) == 0)
            return info->metadata[i].value;
    }
    return NULL;
}

/* --- abort ----------------------------------------------------------------------------------- */

static void
abort_done(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    (void)tag;
    if (s3_upload_is_gone(end))
        s3_op_end(op, S3_OK);
    else
        s3_op_end(op, s3_outcome_of_class(end->class));
}

static void
abort_step(struct s3_op *op)
{
    struct s3_call_spec spec = plain_spec(op, "abort upload of object", "DELETE");

    s3_headers_add(&spec.req.query, "uploadId", plain_of(op)->upload_id);
    spec.done = abort_done;
    s3_call_start(op, &spec);
}

struct s3_op *
s3_abort_upload(struct s3_client *client, const struct s3_target *target, const char *key,
                const char *upload_id, s3_done_fn done, void *ctx, struct errinfo *ei)
{
    struct plain_op *p;

    if (s3_check_key(key, ei) < 0)
        return NULL;
    if (upload_id == NULL || upload_id[0] == '\0') {
        /* Without it the request would delete the object. */
        errinfo_set(ei, E_INVALID, "upload id is empty");
        return NULL;
    }
    p = mem_zalloc(sizeof(*p));
    p->upload_id = mem_strdup(upload_id);
    p->done = done;
    p->ctx = ctx;
    return start_plain(p, client, target, key, abort_step, ei);
}

/* --- check ----------------------------------------------------------------------------------- */

static void
check_done(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    (void)tag;
    s3_op_end(op, s3_outcome_of_class(end->class));
}

static void
check_step(struct s3_op *op)
{
    struct s3_call_spec spec = plain_spec(op, "list", "GET");

    s3_headers_add(&spec.req.query, "list-type", "2");
    s3_headers_add(&spec.req.query, "max-keys", "0");
    spec.done = check_done;
    s3_call_start(op, &spec);
}

struct s3_op *
s3_check_bucket(struct s3_client *client, const struct s3_target *target, s3_done_fn done,
                void *ctx, struct errinfo *ei)
{
    struct plain_op *p = mem_zalloc(sizeof(*p));

    p->done = done;
    p->ctx = ctx;
    return start_plain(p, client, target, NULL, check_step, ei);
}
