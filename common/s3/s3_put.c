/* s3_put_file: the operation, and the way of one PUT. See s3_put.h. */

#include "common/s3/s3_put.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>

/* --- shared ---------------------------------------------------------------------------------- */

struct put_op *
s3_put_of(struct s3_op *op)
{
    return (struct put_op *)(void *)op;
}

struct s3_call_spec
s3_put_spec(struct put_op *p, const char *what, const char *method)
{
    struct s3_call_spec spec;

    memset(&spec, 0, sizeof(spec));
    spec.what = what;
    spec.req.method = method;
    spec.req.key = p->op.key;
    if (p->upload_id != NULL) {
        s3_headers_add(&spec.req.query, "uploadId", p->upload_id);
        spec.multipart = true;
    }
    return spec;
}

void
s3_put_progress(struct put_op *p, int64_t bytes)
{
    if (p->put.progress != NULL && !p->op.ending)
        p->put.progress(p->put.ctx, bytes);
}

void
s3_put_end(struct put_op *p, const struct s3_call_end *end)
{
    s3_op_end(&p->op, s3_outcome_of_class(end->class));
}

void
s3_put_etag(struct put_op *p, const char *etag)
{
    snprintf(p->op.result.etag, sizeof(p->op.result.etag), "%s", etag != NULL ? etag : "");
}

void
s3_put_file_failed(struct put_op *p, int64_t offset, int errnum)
{
    s3_op_message(&p->op, "put object '%.160s': cannot read the local file at byte %lld: %s",
                  p->op.key, (long long)offset, errnum != 0 ? strerror(errnum) : "it ends there");
    s3_op_end(&p->op, S3_FILE_ERROR);
}

/* --- one PUT --------------------------------------------------------------------------------- */

static void
single_sent(struct s3_op *op, unsigned tag, int64_t body_bytes)
{
    (void)tag;
    s3_put_progress(s3_put_of(op), body_bytes);
}

static void
single_done(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    (void)tag;
    if (end->class == S3_CLASS_OK)
        s3_put_etag(s3_put_of(op), s3_headers_find(&end->res->headers, "etag"));
    s3_put_end(s3_put_of(op), end);
}

static void
send_single(struct put_op *p)
{
    struct s3_call_spec spec = s3_put_spec(p, "put object", "PUT");

    s3_headers_copy(&spec.req.headers, p->object_headers.list, p->object_headers.count);
    if (p->put.if_none_match)
        s3_headers_add(&spec.req.headers, "If-None-Match", "*");
    memcpy(spec.payload_hash, p->sha256, sizeof(spec.payload_hash));
    spec.from_file = true;
    spec.body_bytes = p->put.bytes;
    spec.makes_object = true;
    spec.sent = single_sent;
    spec.done = single_done;
    s3_call_start(&p->op, &spec);
}

/* --- the operation --------------------------------------------------------------------------- */

static void
put_begin(struct put_op *p)
{
    struct stat st;

    p->started = true;
    if (fstat(p->put.fd, &st) < 0) {
        s3_put_file_failed(p, 0, errno);
    } else if (st.st_size != p->put.bytes) {
        s3_op_message(&p->op, "put object '%.160s': the local file has %lld bytes, not %lld",
                      p->op.key, (long long)st.st_size, (long long)p->put.bytes);
        s3_op_end(&p->op, S3_FILE_ERROR);
    } else if (p->single) {
        send_single(p);
    } else if (p->upload_id != NULL) {
        s3_parts_list(p);
    } else {
        s3_parts_create(p);
    }
}

static void
put_step(struct s3_op *op)
{
    struct put_op *p = s3_put_of(op);

    if (!p->started)
        put_begin(p);
    else if (!p->single)
        s3_parts_step(p);
}

static void
put_deliver(struct s3_op *op)
{
    struct put_op *p = s3_put_of(op);

    op->result.upload_id = p->upload_id;
    p->put.done(p->put.ctx, &op->result);
}

static void
put_release(struct s3_op *op)
{
    struct put_op *p = s3_put_of(op);

    s3_headers_done(&p->object_headers);
    s3_multipart_done(&p->parts);
    s3_xml_parts_done(&p->listed);
    s3_xml_uploads_done(&p->orphans);
    digest_free(p->digest);
    free(p->slots);
    free(p->upload_id);
    free(p);
}

static bool
goes_single(const struct put_op *p, const struct s3_put *put, const struct s3_client *client)
{
    if (put->bytes == 0 || put->mode == S3_FORCE_SINGLE)
        return true;
    if (put->mode == S3_FORCE_MULTIPART || put->bytes > S3_SINGLE_MAX ||
        (put->upload_id != NULL && put->upload_id[0] != 0))
        return false;
    return put->bytes <= client->opt.multipart_threshold ||
           (put->if_none_match && !p->conditional_complete);
}

static int
collect_headers(struct put_op *p, const struct s3_put *put, struct errinfo *ei)
{
    struct s3_headers *h = &p->object_headers;
    size_t i;
    int rc;

    if (put->content_type != NULL)
        s3_headers_add(h, "Content-Type", put->content_type);
    if (put->content_encoding != NULL)
        s3_headers_add(h, "Content-Encoding", put->content_encoding);
    for (i = 0; i < put->metadata_count; i++) {
        char *name = mem_printf("x-amz-meta-%s", put->metadata[i].name);

        s3_headers_add(h, name, put->metadata[i].value != NULL ? put->metadata[i].value : "");
        free(name);
    }
    for (i = 0; i < put->extra_count; i++) {
        if (strncasecmp(put->extra[i].name, "x-amz-", 6) != 0)
            return errinfo_set(ei, E_INVALID, "header '%.60s' does not begin with x-amz-",
                               put->extra[i].name);
        s3_headers_add(h, put->extra[i].name, put->extra[i].value);
    }
    for (i = 0; i < h->count; i++) {
        rc = s3_check_header(&h->list[i], ei);
        if (rc < 0)
            return rc;
    }
    return E_OK;
}

static int
prepare(struct put_op *p, struct s3_client *client, const struct s3_put *put, struct errinfo *ei)
{
    const char *sha = put->sha256_hex != NULL ? put->sha256_hex : "";
    bool custom = put->target.endpoint != NULL && put->target.endpoint[0] != '\0';
    int rc;

    if (put->bytes < 0)
        return errinfo_set(ei, E_INVALID, "%lld bytes cannot be put", (long long)put->bytes);
    p->conditional_complete = !custom || put->target.conditional_complete;
    p->single = goes_single(p, put, client);
    if (p->single && put->bytes > S3_SINGLE_MAX)
        return errinfo_set(ei, E_INVALID, "%lld bytes are too many for one PUT (5 GiB at most)",
                           (long long)put->bytes);
    if (p->single &&
        (strlen(sha) != DIGEST_SHA256_HEX || strspn(sha, "0123456789abcdef") != DIGEST_SHA256_HEX))
        return errinfo_set(ei, E_INVALID, "a PUT needs the file's SHA-256 in lower-case hex");
    rc = collect_headers(p, put, ei);
    if (rc < 0)
        return rc;
    if (p->single) {
        memcpy(p->sha256, sha, sizeof(p->sha256));
        return E_OK;
    }
    rc = s3_multipart_init(&p->parts, put->bytes, client->opt.part_size, client->opt.part_window,
                           ei);
    if (rc < 0)
        return rc;
    p->slots = mem_zalloc(p->parts.window * sizeof(*p->slots));
    p->digest = digest_new();
    p->upload_id =
        put->upload_id != NULL && put->upload_id[0] != '\0' ? mem_strdup(put->upload_id) : NULL;
    return E_OK;
}

struct s3_op *
s3_put_file(struct s3_client *client, const struct s3_put *put, struct errinfo *ei)
{
    struct put_op *p = mem_zalloc(sizeof(*p));
    int rc;

    p->op.step = put_step;
    p->op.deliver = put_deliver;
    p->op.release = put_release;
    p->op.fd = put->fd;
    p->op.may_send = put->may_send;
    p->op.may_send_ctx = put->ctx;
    p->put = *put;
    rc = s3_check_key(put->key, ei);
    if (rc == E_OK)
        rc = prepare(p, client, put, ei);
    if (rc == E_OK)
        rc = s3_op_start(&p->op, client, &put->target, put->key, ei);
    if (rc < 0) {
        s3_op_discard(&p->op);
        return NULL;
    }
    return &p->op;
}
