/* One S3 request with its retries: sign, send, judge the answer, wait, again. See s3_op.h. */

#include "common/s3/s3_op.h"

#include "common/base/clock.h"

#define EXPECT_ABOVE (1024 * 1024) /* smaller bodies are sent before a refusal would come */

struct s3_call {
    struct s3_op *op;
    struct s3_call *prev, *next;
    struct s3_call *behind; /* in the line */
    bool in_line, in_window;
    struct s3_call_spec spec;
    struct s3_wire wire;
    struct s3_exchange *exchange; /* NULL while waiting */
    struct s3_timer *timer;
    char region[S3_REGION_MAX + 1]; /* this try is signed for */
    int64_t signed_ms;              /* ... and at */
    unsigned attempt;               /* counted tries, the running one included */
    unsigned regions_tried, skews_tried;
};

static void transmit(struct s3_call *call);

/* --- the window ------------------------------------------------------------------------------ */

static void
join_line(struct s3_call *call)
{
    struct s3_client *client = call->op->client;

    call->in_line = true;
    call->behind = NULL;
    *client->line_end = call;
    client->line_end = &call->behind;
}

/* As soon as there is a place, behind those that came before. */
static void
send_try(struct s3_call *call)
{
    struct s3_client *client = call->op->client;

    if (client->line != NULL || client->window.in_flight >= client->window.limit)
        join_line(call);
    else
        transmit(call);
}

static void
leave_line(struct s3_call *call)
{
    struct s3_client *client = call->op->client;
    struct s3_call **at = &client->line;

    while (*at != call)
        at = &(*at)->behind;
    *at = call->behind;
    if (client->line_end == &call->behind)
        client->line_end = at;
    call->in_line = false;
}

/* The next in the line goes from the loop, since callers may be about to drop it. */
static void
leave_window(struct s3_call *call, enum s3_window_end end)
{
    struct s3_client *client = call->op->client;

    if (!call->in_window)
        return;
    call->in_window = false;
    s3_window_give(&client->window, end, clock_mono_ms());
    if (client->line != NULL)
        client->transport_ops->timer_set(client->line_timer, 0);
}

void
s3_call_serve_line(void *arg)
{
    struct s3_client *client = arg;
    struct s3_call *call;

    /* A call that may not be sent ends its op, which takes others out of the line. */
    while ((call = client->line) != NULL && client->window.in_flight < client->window.limit) {
        leave_line(call);
        transmit(call);
    }
}

/* --- life ------------------------------------------------------------------------------------ */

static void
unlink_call(struct s3_call *call)
{
    if (call->prev != NULL)
        call->prev->next = call->next;
    else
        call->op->calls = call->next;
    if (call->next != NULL)
        call->next->prev = call->prev;
}

static void
free_call(struct s3_call *call)
{
    if (call->exchange != NULL)
        call->op->client->transport_ops->cancel(call->exchange);
    if (call->in_line)
        leave_line(call);
    leave_window(call, S3_WINDOW_NO_WORD);
    call->op->client->transport_ops->timer_free(call->timer);
    s3_wire_done(&call->wire);
    s3_headers_done(&call->spec.req.query);
    s3_headers_done(&call->spec.req.headers);
    free(call->spec.body);
    free(call);
}

void
s3_call_drop(struct s3_call *call)
{
    /* What is on its way may still arrive. */
    if (call->spec.makes_object && call->exchange != NULL)
        call->op->result.unanswered_put = true;
    unlink_call(call);
    free_call(call);
}

void
s3_call_drop_all(struct s3_op *op)
{
    while (op->calls != NULL)
        s3_call_drop(op->calls);
}

enum s3_outcome s3_outcome_of_class(enum s3_class class)
{
    static const enum s3_outcome outcomes[] = {
        [S3_CLASS_OK] = S3_OK,
        [S3_CLASS_TRANSIENT] = S3_RETRY_LATER,
        [S3_CLASS_THROTTLE] = S3_RETRY_LATER,
        [S3_CLASS_SKEW] = S3_RETRY_LATER,
        [S3_CLASS_REGION] = S3_USER_ERROR,
        [S3_CLASS_RESTART] = S3_RETRY_LATER,
        [S3_CLASS_PRECONDITION] = S3_EXISTS,
        [S3_CLASS_FILE] = S3_FILE_ERROR,
        [S3_CLASS_USER] = S3_USER_ERROR,
    };

    return outcomes[class];
}

bool
s3_upload_is_gone(const struct s3_call_end *end)
{
    return strcmp(end->error->code, "NoSuchUpload") == 0 ||
           strcmp(end->error->code, "NoSuchKey") == 0;
}

/* "Sun, 22 Nov 2026 21:04:10 GMT" (RFC 9110 section 5.6.7) -> ms, or 0. */
static int64_t
parse_date(const char *text)
{
    struct tm tm;
    const char *end;

    memset(&tm, 0, sizeof(tm));
    end = text != NULL ? strptime(text, "%a, %d %b %Y %H:%M:%S GMT", &tm) : NULL;
    return end != NULL && *end == '\0' ? (int64_t)timegm(&tm) * 1000 : 0;
}

/* The region of the bucket according to the answer, or NULL. */
static const char *
named_region(const struct s3_http_response *res, const struct s3_xml_error *error)
{
    const char *region = s3_headers_find(&res->headers, "x-amz-bucket-region");

    if (region == NULL || region[0] == '\0')
        region = error->region;
    return region[0] != '\0' ? region : NULL;
}

static void
remember_skew(struct s3_call *call, int64_t server_ms)
{
    struct s3_memory *row = s3_client_recall(call->op->client, call->op->endpoint.host, true);

    row->skew_ms = server_ms - clock_now_ms();
}

/* "put object 'key' in bucket 'b': 403 AccessDenied: words (after 5 attempts)" */
static void
describe_failure(struct s3_call *call, const struct s3_http_response *res,
                 const struct s3_xml_error *error, const char *hint)
{
    struct s3_op *op = call->op;
    struct buf text;
    bool on_key = call->spec.req.key != NULL;

    buf_init(&text, 4096);
    buf_puts(&text, call->spec.what);
    if (on_key)
        buf_printf(&text, " '%.160s'", call->spec.req.key);
    buf_printf(&text, "%s bucket '%s': ", on_key ? " in" : " of", op->target.bucket);
    if (res->net != S3_NET_OK) {
        buf_puts(&text, s3_net_words(res->net));
        if (res->net_message[0] != '\0')
            buf_printf(&text, " (%.150s)", res->net_message);
    } else {
        buf_printf(&text, "%d%s%s", res->status, error->code[0] != '\0' ? " " : "", error->code);
        if (error->message[0] != '\0')
            buf_printf(&text, ": %.200s", error->message);
        else if (hint[0] != '\0')
            buf_printf(&text, ": %s", hint);
    }
    if (call->attempt > 1)
        buf_printf(&text, " (after %u attempts)", call->attempt);
    s3_op_message(op, "%s", buf_str(&text));
    buf_done(&text);
}

static void
end_call(struct s3_call *call, const struct s3_call_end *end)
{
    unlink_call(call);
    call->spec.done(call->op, call->spec.tag, end);
    free_call(call);
}

static void
on_retry_timer(void *arg)
{
    send_try(arg);
}

static void
try_again(struct s3_call *call, const struct s3_verdict *v)
{
    if (!v->free)
        call->attempt++;
    call->op->client->transport_ops->timer_set(call->timer, v->delay_ms);
}

/* Reads the body for an <Error>; true if the answer means failure whatever its status. */
static bool
read_error(const struct s3_call *call, const struct s3_http_response *res,
           struct s3_xml_error *error)
{
    memset(error, 0, sizeof(*error));
    if (res->net != S3_NET_OK || res->body.len == 0)
        return false;
    if (res->status < 300 && !call->spec.error_in_200)
        return false;
    return s3_xml_error_parse(buf_str(&res->body), res->body.len, error, NULL) == E_OK &&
           res->status < 300;
}

static void
judge(struct s3_call *call, const struct s3_http_response *res)
{
    struct s3_op *op = call->op;
    struct s3_xml_error error;
    bool failed_200 = read_error(call, res, &error);
    const char *region = named_region(res, &error);
    int64_t server_ms = parse_date(s3_headers_find(&res->headers, "date"));
    struct s3_answer a = {
        .net = res->net,
        /* An <Error> in a 200 is what a 500 would have been, had the answer not begun already. */
        .status = failed_200 ? 500 : res->status,
        .code = error.code,
        .other_region = region != NULL && strcmp(region, call->region) != 0,
        .skew_ms = server_ms != 0 ? server_ms - call->signed_ms : 0,
        .multipart = call->spec.multipart,
        .attempt = call->attempt,
        .attempts_max = op->client->opt.attempts,
        .regions_tried = call->regions_tried,
        .skews_tried = call->skews_tried,
        .base_ms = op->client->opt.retry_base_ms,
        .cap_ms = op->client->opt.retry_cap_ms,
    };
    struct s3_verdict v;

    if (a.other_region)
        a.other_region = s3_op_set_region(op, region);
    v = s3_retry_decide(&a);
    if (call->spec.makes_object &&
        (res->sent_twice || s3_retry_unanswered(res->net, a.status, a.code, res->body_sent)))
        op->result.unanswered_put = true;
    leave_window(call, v.class == S3_CLASS_THROTTLE ? S3_WINDOW_THROTTLED
                       : res->net == S3_NET_OK      ? S3_WINDOW_FINE
                                                    : S3_WINDOW_NO_WORD);
    op->result.http_status = res->status;
    if (v.class != S3_CLASS_OK) {
        snprintf(op->result.code, sizeof(op->result.code), "%s", error.code);
        describe_failure(call, res, &error, v.hint);
    }
    if (v.class == S3_CLASS_SKEW && v.again) {
        remember_skew(call, server_ms);
        call->skews_tried++;
    }
    if (v.class == S3_CLASS_REGION && v.again)
        call->regions_tried++;
    if (v.again)
        try_again(call, &v);
    else
        end_call(call, &(struct s3_call_end){v.class, res, &error, server_ms});
}

static void
on_exchange_done(void *ctx, const struct s3_http_response *res)
{
    struct s3_call *call = ctx;

    call->exchange = NULL; /* the transport frees it */
    judge(call, res);
}

static void
on_exchange_sent(void *ctx, int64_t body_bytes)
{
    struct s3_call *call = ctx;

    if (call->spec.sent != NULL)
        call->spec.sent(call->op, call->spec.tag, body_bytes);
}

static void
transmit(struct s3_call *call)
{
    struct s3_op *op = call->op;
    const struct s3_memory *known = s3_client_recall(op->client, op->endpoint.host, false);
    struct s3_credentials cred = {op->target.access_key, op->target.secret_key,
                                  op->target.session_token};
    struct s3_exchange_events events = {on_exchange_sent, on_exchange_done, call};
    struct s3_http_request req;
    struct errinfo ei = ERRINFO_INIT;

    call->in_window = s3_window_take(&op->client->window);
    if (op->may_send != NULL && !op->may_send(op->may_send_ctx)) {
        s3_op_message(op, "%s: the caller lets no further request be sent", call->spec.what);
        s3_op_end(op, S3_CANCELLED);
        return;
    }
    call->signed_ms = clock_now_ms() + (known != NULL ? known->skew_ms : 0);
    snprintf(call->region, sizeof(call->region), "%s", op->region);
    call->spec.req.payload_hash = call->spec.payload_hash;
    if (s3_request_build(&call->spec.req, &op->endpoint, call->region, &cred, call->signed_ms,
                         &call->wire, &ei) < 0) {
        s3_op_message(op, "%s: %s", call->spec.what, ei.msg);
        s3_op_end(op, S3_USER_ERROR);
        return;
    }
    req = (struct s3_http_request){
        .method = call->spec.req.method,
        .url = buf_str(&call->wire.url),
        .headers = call->wire.headers.list,
        .header_count = call->wire.headers.count,
        .body = call->spec.from_file ? NULL : call->spec.body,
        .fd = op->fd,
        .offset = call->spec.offset,
        .body_bytes = call->spec.body_bytes,
        .expect_continue = call->spec.body_bytes > EXPECT_ABOVE,
        .stall_timeout_s = call->spec.stall_timeout_s,
    };
    op->result.attempts++;
    call->exchange = op->client->transport_ops->start(op->client->transport, &req, &events);
}

void
s3_call_start(struct s3_op *op, const struct s3_call_spec *spec)
{
    struct s3_call *call = mem_zalloc(sizeof(*call));

    call->op = op;
    call->spec = *spec;
    call->attempt = 1;
    if (call->spec.payload_hash[0] == '\0')
        digest_sha256_hex(call->spec.body != NULL ? call->spec.body : "",
                          (size_t)(call->spec.body != NULL ? call->spec.body_bytes : 0),
                          call->spec.payload_hash);
    if (op->target.bucket_owner != NULL && op->target.bucket_owner[0] != '\0')
        s3_headers_add(&call->spec.req.headers, "x-amz-expected-bucket-owner",
                       op->target.bucket_owner);
    s3_wire_init(&call->wire);
    call->timer = op->client->transport_ops->timer_new(op->client->transport, on_retry_timer, call);
    call->next = op->calls;
    if (op->calls != NULL)
        op->calls->prev = call;
    op->calls = call;
    send_try(call);
}
