/* s3_put_file in parts: create or continue, send, complete, begin again. See s3_put.h. */

#include "common/s3/s3_put.h"

#include <errno.h>
#include <strings.h>
#include <unistd.h>

#define READ_STEP        (64 * 1024)
#define HASH_PER_TURN    (1024 * 1024) /* so that sockets wait 2 ms at most */
#define RESTARTS_MAX     2
#define COMPLETE_STALL_S 120 /* the store may join thousands of parts before it says a word */

static void pump(struct put_op *p);
static void look_if_ours(struct put_op *p);

/* --- abort, then end or begin again ---------------------------------------------------------- */

/* Nothing of the parts is on its way, or waits for its hash, after this. */
static void
drop_parts(struct put_op *p)
{
    s3_call_drop_all(&p->op);
    memset(p->slots, 0, p->parts.window * sizeof(*p->slots));
    digest_reset(p->digest);
}

static void
forget_upload(struct put_op *p)
{
    free(p->upload_id);
    p->upload_id = NULL;
}

static void
aborted_then_end(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);

    if (end->class == S3_CLASS_OK || s3_upload_is_gone(end))
        forget_upload(p);
    p->kept.attempts = op->result.attempts;
    op->result = p->kept;
    s3_op_end(op, (enum s3_outcome)tag);
}

static void
abort_upload(struct put_op *p, unsigned tag,
             void (*done)(struct s3_op *op, unsigned tag, const struct s3_call_end *end))
{
    struct s3_call_spec spec = s3_put_spec(p, "abort upload", "DELETE");

    drop_parts(p);
    spec.multipart = false;
    spec.tag = tag;
    spec.done = done;
    s3_call_start(&p->op, &spec);
}

/* The result is that of now, whatever becomes of the abort. */
static void
end_without_upload(struct put_op *p, enum s3_outcome outcome)
{
    p->kept = p->op.result;
    abort_upload(p, (unsigned)outcome, aborted_then_end);
}

static void
aborted_then_create(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    (void)tag;
    (void)end;
    forget_upload(s3_put_of(op));
    s3_parts_create(s3_put_of(op));
}

static void
begin_again(struct put_op *p, bool upload_exists)
{
    drop_parts(p);
    s3_multipart_restart(&p->parts);
    p->looked = false;
    if (p->restarts++ == RESTARTS_MAX) {
        s3_op_end(&p->op, S3_RETRY_LATER);
    } else if (upload_exists) {
        abort_upload(p, 0, aborted_then_create);
    } else {
        forget_upload(p);
        s3_parts_create(p);
    }
}

/* A call of the multipart upload failed for good. */
static void
multipart_failed(struct put_op *p, const struct s3_call_end *end)
{
    if (end->class == S3_CLASS_PRECONDITION)
        end_without_upload(p, S3_EXISTS);
    else if (end->class != S3_CLASS_RESTART)
        s3_put_end(p, end);
    else if (end->res->status == 404)
        look_if_ours(p);
    else
        begin_again(p, true);
}

/* --- looking at the object ------------------------------------------------------------------- */

static bool
same_object(const struct put_op *p, const struct s3_http_response *res)
{
    const char *text = s3_headers_find(&res->headers, "content-length"), *there;
    size_t i, metadata = 0;

    if (text == NULL || strtoll(text, NULL, 10) != p->put.bytes)
        return false;
    for (i = 0; i < p->object_headers.count; i++) {
        const struct s3_header *h = &p->object_headers.list[i];

        if (strncasecmp(h->name, "x-amz-meta-", 11) != 0)
            continue;
        there = s3_headers_find(&res->headers, h->name);
        if (there == NULL || strcmp(there, h->value) != 0)
            return false;
        metadata++;
    }
    /* The size alone proves nothing. */
    return metadata > 0;
}

/* The upload is gone: it was completed and the answer lost, or somebody aborted it. */
static void
looked_if_ours(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);

    (void)tag;
    if (end->class == S3_CLASS_OK && same_object(p, end->res)) {
        s3_put_etag(p, s3_headers_find(&end->res->headers, "etag"));
        forget_upload(p);
        s3_op_end(op, S3_OK);
    } else if (end->class == S3_CLASS_TRANSIENT || end->class == S3_CLASS_THROTTLE) {
        s3_put_end(p, end);
    } else {
        begin_again(p, false);
    }
}

static void
look(struct put_op *p, void (*done)(struct s3_op *op, unsigned tag, const struct s3_call_end *end))
{
    struct s3_call_spec spec;

    memset(&spec, 0, sizeof(spec));
    spec.what = "head object";
    spec.req.method = "HEAD";
    spec.req.key = p->op.key;
    spec.done = done;
    s3_call_start(&p->op, &spec);
}

static void
look_if_ours(struct put_op *p)
{
    drop_parts(p);
    look(p, looked_if_ours);
}

/* Before a Complete that would replace silently. Not allowed to look is no reason to give up. */
static void
looked_if_free(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);

    (void)tag;
    p->looked = true;
    if (end->class == S3_CLASS_OK) {
        op->result.http_status = 412;
        snprintf(op->result.code, sizeof(op->result.code), "PreconditionFailed");
        s3_op_message(op, "put object '%.160s' in bucket '%s': the object exists", op->key,
                      op->target.bucket);
        end_without_upload(p, S3_EXISTS);
    } else if (end->class == S3_CLASS_TRANSIENT || end->class == S3_CLASS_THROTTLE) {
        s3_put_end(p, end);
    } else {
        pump(p);
    }
}

/* --- parts ----------------------------------------------------------------------------------- */

static void
multipart_progress(struct put_op *p)
{
    int64_t bytes = p->parts.done_bytes;
    unsigned i;

    for (i = 0; i < p->parts.window; i++) {
        if (p->slots[i].busy)
            bytes += p->slots[i].sent;
    }
    s3_put_progress(p, bytes);
}

static struct slot *
slot_of(struct put_op *p, unsigned number)
{
    unsigned i;

    for (i = 0; i < p->parts.window; i++) {
        if (p->slots[i].busy && p->slots[i].part.number == number)
            return &p->slots[i];
    }
    bug("no slot for part %u", number);
}

static void
part_sent(struct s3_op *op, unsigned number, int64_t body_bytes)
{
    slot_of(s3_put_of(op), number)->sent = body_bytes;
    multipart_progress(s3_put_of(op));
}

static void
part_done(struct s3_op *op, unsigned number, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);
    const char *etag = s3_headers_find(&end->res->headers, "etag");

    slot_of(p, number)->busy = false;
    if (end->class != S3_CLASS_OK) {
        s3_multipart_failed(&p->parts, number);
        multipart_failed(p, end);
    } else if (etag == NULL || etag[0] == '\0') {
        s3_multipart_failed(&p->parts, number);
        s3_op_message(op, "put part %u of '%.160s': the store gave no ETag for it", number,
                      op->key);
        s3_op_end(op, S3_RETRY_LATER);
    } else {
        s3_multipart_sent(&p->parts, number, etag);
        multipart_progress(p);
        if (!op->ending)
            pump(p);
    }
}

static void
send_part(struct put_op *p, struct slot *s)
{
    struct s3_call_spec spec = s3_put_spec(p, "put part of object", "PUT");

    s3_headers_addf(&spec.req.query, "partNumber", "%u", s->part.number);
    digest_final_hex(p->digest, spec.payload_hash);
    digest_reset(p->digest);
    spec.from_file = true;
    spec.offset = s->part.offset;
    spec.body_bytes = s->part.bytes;
    spec.tag = s->part.number;
    spec.sent = part_sent;
    spec.done = part_done;
    s3_call_start(&p->op, &spec);
}

static struct slot *
slot_to_hash(struct put_op *p)
{
    struct slot *best = NULL;
    unsigned i;

    for (i = 0; i < p->parts.window; i++) {
        struct slot *s = &p->slots[i];

        /* The one begun goes first: there is one digest. */
        if (s->busy && s->hashed < s->part.bytes && (best == NULL || s->hashed > best->hashed))
            best = s;
    }
    return best;
}

/* Some of the file for the part whose hash is due. */
static void
hash_some(struct put_op *p, struct slot *s)
{
    static unsigned char bytes[READ_STEP];
    int64_t budget = HASH_PER_TURN;

    while (budget > 0 && s->hashed < s->part.bytes) {
        int64_t left = s->part.bytes - s->hashed, offset = s->part.offset + s->hashed;
        ssize_t n = pread(p->put.fd, bytes, (size_t)(left < READ_STEP ? left : READ_STEP), offset);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            s3_put_file_failed(p, offset, n < 0 ? errno : 0);
            return;
        }
        digest_update(p->digest, bytes, (size_t)n);
        s->hashed += n;
        budget -= n;
    }
    if (s->hashed == s->part.bytes)
        send_part(p, s);
    if (!p->op.ending && slot_to_hash(p) != NULL)
        s3_op_wake(&p->op);
}

/* --- complete -------------------------------------------------------------------------------- */

static void
complete_done(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);
    struct s3_xml_complete answer;
    struct errinfo ei = ERRINFO_INIT;

    (void)tag;
    if (end->class != S3_CLASS_OK) {
        multipart_failed(p, end);
        return;
    }
    if (s3_xml_complete_parse(buf_str(&end->res->body), end->res->body.len, &answer, &ei) < 0) {
        op->result.unanswered_put = true;
        s3_op_message(op, "complete upload of '%.160s': %.200s", op->key, ei.msg);
        s3_op_end(op, S3_RETRY_LATER);
        return;
    }
    s3_put_etag(p, answer.etag);
    forget_upload(p);
    s3_op_end(op, S3_OK);
}

static void
complete(struct put_op *p)
{
    struct s3_call_spec spec = s3_put_spec(p, "complete upload of object", "POST");
    struct buf body;

    buf_init(&body, S3_ANSWER_BODY_MAX);
    s3_multipart_complete_body(&p->parts, &body);
    s3_headers_add(&spec.req.headers, "Content-Type", "application/xml");
    if (p->put.if_none_match && p->conditional_complete)
        s3_headers_add(&spec.req.headers, "If-None-Match", "*");
    if (p->op.endpoint.amazon)
        s3_headers_addf(&spec.req.headers, "x-amz-mp-object-size", "%lld", (long long)p->put.bytes);
    spec.body_bytes = (int64_t)body.len;
    spec.body = buf_take(&body);
    spec.makes_object = true;
    spec.error_in_200 = true;
    spec.stall_timeout_s = COMPLETE_STALL_S;
    spec.done = complete_done;
    s3_call_start(&p->op, &spec);
}

/* Fills the window; completes when all parts are there. */
static void
pump(struct put_op *p)
{
    enum s3_multipart_step step;
    struct s3_part part;
    unsigned i;

    while ((step = s3_multipart_next(&p->parts, &part)) == S3_MULTIPART_SEND) {
        for (i = 0; p->slots[i].busy; i++)
            ;
        p->slots[i] = (struct slot){.busy = true, .part = part};
        s3_op_wake(&p->op);
    }
    if (step != S3_MULTIPART_COMPLETE)
        return;
    if (p->put.if_none_match && !p->conditional_complete && !p->looked)
        look(p, looked_if_free);
    else
        complete(p);
}

/* --- create or continue ---------------------------------------------------------------------- */

static void
created(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    (void)tag;
    if (end->class != S3_CLASS_OK) {
        s3_put_end(p, end);
        return;
    }
    if (s3_xml_initiate_parse(buf_str(&end->res->body), end->res->body.len, &p->upload_id, &ei) <
        0) {
        s3_op_message(op, "create upload of '%.160s': %.200s", op->key, ei.msg);
        s3_op_end(op, S3_RETRY_LATER);
        return;
    }
    rc = p->put.upload_started != NULL ? p->put.upload_started(p->put.ctx, p->upload_id, &ei) : 0;
    if (op->ending)
        return;
    if (rc < 0) {
        s3_op_message(op, "%.300s", ei.msg);
        end_without_upload(p, S3_CANCELLED);
        return;
    }
    pump(p);
}

void
s3_parts_create(struct put_op *p)
{
    struct s3_call_spec spec;

    if (p->put.orphans_since_ms > 0 && !p->orphans_looked) {
        s3_orphans_look(p);
        return;
    }
    spec = s3_put_spec(p, "create upload of object", "POST");
    s3_headers_add(&spec.req.query, "uploads", "");
    s3_headers_copy(&spec.req.headers, p->object_headers.list, p->object_headers.count);
    spec.done = created;
    s3_call_start(&p->op, &spec);
}

static void
parts_listed(struct s3_op *op, unsigned tag, const struct s3_call_end *end)
{
    struct put_op *p = s3_put_of(op);
    struct errinfo ei = ERRINFO_INIT;
    size_t i;

    (void)tag;
    if (end->class != S3_CLASS_OK) {
        multipart_failed(p, end);
        return;
    }
    if (s3_xml_parts_parse(buf_str(&end->res->body), end->res->body.len, &p->listed, &ei) < 0) {
        s3_op_message(op, "list parts of '%.160s': %.200s", op->key, ei.msg);
        s3_op_end(op, S3_RETRY_LATER);
        return;
    }
    if (p->listed.truncated) {
        s3_parts_list(p);
        return;
    }
    for (i = 0; i < p->listed.count; i++)
        s3_multipart_have(&p->parts, p->listed.list[i].number, p->listed.list[i].bytes,
                          p->listed.list[i].etag);
    s3_xml_parts_done(&p->listed);
    multipart_progress(p);
    if (!op->ending)
        pump(p);
}

void
s3_parts_list(struct put_op *p)
{
    struct s3_call_spec spec = s3_put_spec(p, "list parts of object", "GET");

    if (p->listed.next_marker > 0)
        s3_headers_addf(&spec.req.query, "part-number-marker", "%u", p->listed.next_marker);
    spec.done = parts_listed;
    s3_call_start(&p->op, &spec);
}

void
s3_parts_step(struct put_op *p)
{
    struct slot *s = slot_to_hash(p);

    if (s != NULL)
        hash_some(p, s);
}
