#include "common/s3/s3_client.h"

#include "common/s3/s3_multipart.h"
#include "common/s3/s3_op.h"

#include <stdarg.h>

#define MIB (1024LL * 1024)

/* --- options --------------------------------------------------------------------------------- */

struct bound {
    const char *name;
    int64_t value, fallback, min, max;
};

static int
settle(struct bound *b, struct errinfo *ei)
{
    if (b->value == 0)
        b->value = b->fallback;
    if (b->value < b->min || b->value > b->max)
        return errinfo_set(ei, E_INVALID, "S3 option %s is %lld, must be %lld to %lld", b->name,
                           (long long)b->value, (long long)b->min, (long long)b->max);
    return E_OK;
}

static int
settle_options(struct s3_client_options *o, struct errinfo *ei)
{
    struct bound b[] = {
        {"connect_timeout_ms", o->connect_timeout_ms, 5000, 1, 600000},
        {"stall_timeout_s", o->stall_timeout_s, 30, 1, 3600},
        {"attempts", o->attempts, 5, 1, 100},
        {"retry_base_ms", o->retry_base_ms, 200, 1, 60000},
        {"retry_cap_ms", o->retry_cap_ms, 20000, 1, 3600000},
        {"multipart_threshold", o->multipart_threshold, 64 * MIB, 1, S3_SINGLE_MAX},
        {"part_size", o->part_size, 16 * MIB, S3_PART_MIN, S3_PART_MAX},
        {"part_window", o->part_window, 4, 1, 64},
        {"in_flight", o->in_flight, 256, 1, 4096},
    };
    size_t i;

    for (i = 0; i < ARRAY_LEN(b); i++) {
        int rc = settle(&b[i], ei);

        if (rc < 0)
            return rc;
    }
    o->connect_timeout_ms = (int)b[0].value;
    o->stall_timeout_s = (int)b[1].value;
    o->attempts = (unsigned)b[2].value;
    o->retry_base_ms = b[3].value;
    o->retry_cap_ms = b[4].value;
    o->multipart_threshold = b[5].value;
    o->part_size = b[6].value;
    o->part_window = (unsigned)b[7].value;
    o->in_flight = (unsigned)b[8].value;
    return E_OK;
}

/* --- client ---------------------------------------------------------------------------------- */

int
s3_client_new(const struct s3_client_options *opt, struct s3_client **ret, struct errinfo *ei)
{
    struct s3_client *c = mem_zalloc(sizeof(*c));
    struct s3_transport_options topt;
    int rc;

    c->opt = *opt;
    rc = settle_options(&c->opt, ei);
    if (rc < 0)
        goto fail;
    topt = (struct s3_transport_options){
        .base = opt->base,
        .ca_file = opt->ca_file != NULL && opt->ca_file[0] != '\0' ? opt->ca_file : NULL,
        .connect_timeout_ms = c->opt.connect_timeout_ms,
        .stall_timeout_s = c->opt.stall_timeout_s,
    };
    c->opt.ca_file = NULL;
    c->transport_ops = opt->transport != NULL ? opt->transport : &s3_transport_curl;
    rc = c->transport_ops->open(&topt, &c->transport, ei);
    if (rc < 0)
        goto fail;
    s3_window_init(&c->window, c->opt.in_flight, c->opt.in_flight);
    c->line_end = &c->line;
    c->line_timer = c->transport_ops->timer_new(c->transport, s3_call_serve_line, c);
    *ret = c;
    return E_OK;
fail:
    free(c);
    return rc;
}

static void finish_op(struct s3_op *op);

void
s3_client_free(struct s3_client *client)
{
    size_t i;

    if (client == NULL)
        return;
    while (client->ops != NULL) {
        s3_op_cancel(client->ops);
        finish_op(client->ops);
    }
    client->transport_ops->timer_free(client->line_timer);
    client->transport_ops->close(client->transport);
    for (i = 0; i < S3_MEMORY_ROWS; i++)
        free(client->memory[i].name);
    free(client);
}

struct s3_memory *
s3_client_recall(struct s3_client *client, const char *name, bool make)
{
    struct s3_memory *row;
    size_t i;

    for (i = 0; i < S3_MEMORY_ROWS; i++) {
        if (client->memory[i].name != NULL && strcmp(client->memory[i].name, name) == 0)
            return &client->memory[i];
    }
    if (!make)
        return NULL;
    row = &client->memory[client->memory_next++ % S3_MEMORY_ROWS];
    free(row->name);
    *row = (struct s3_memory){.name = mem_strdup(name)};
    return row;
}

/* --- targets --------------------------------------------------------------------------------- */

static int
resolve(const struct s3_target *target, const char *region, struct s3_endpoint *ret,
        struct errinfo *ei)
{
    return s3_endpoint_resolve(
        &(struct s3_endpoint_spec){
            .bucket = target->bucket,
            .region = region,
            .endpoint = target->endpoint,
            .path_style = target->path_style,
            .dualstack = target->dualstack,
            .fips = target->fips,
        },
        ret, ei);
}

int
s3_target_check(const struct s3_target *target, const char *key, struct errinfo *ei)
{
    struct s3_endpoint ep;
    int rc = resolve(target, target->region, &ep, ei);

    if (rc == E_OK && key != NULL)
        rc = s3_check_key(key, ei);
    if (rc == E_OK)
        rc = s3_check_credentials(
            &(struct s3_credentials){target->access_key, target->secret_key, target->session_token},
            ei);
    if (rc == E_OK && target->bucket_owner != NULL && target->bucket_owner[0] != '\0' &&
        (strlen(target->bucket_owner) != 12 ||
         target->bucket_owner[strspn(target->bucket_owner, "0123456789")] != '\0'))
        rc = errinfo_set(ei, E_INVALID, "the expected bucket owner is no account of 12 digits");
    return rc;
}

int
s3_target_url(const struct s3_target *target, const char *key, struct buf *out, struct errinfo *ei)
{
    struct s3_endpoint ep;
    int rc = resolve(target, target->region, &ep, ei);

    if (rc == E_OK && key != NULL)
        rc = s3_check_key(key, ei);
    if (rc < 0)
        return rc;
    s3_endpoint_origin(&ep, out);
    s3_endpoint_path(&ep, key, out);
    return E_OK;
}

/* --- operations ------------------------------------------------------------------------------ */

static void
on_step(void *arg)
{
    struct s3_op *op = arg;

    if (op->ending)
        finish_op(op);
    else
        op->step(op);
}

static void
copy_target(struct s3_target *to, const struct s3_target *from)
{
    *to = *from;
    to->bucket = mem_strdup(from->bucket);
    to->region = mem_strdup(from->region);
    to->endpoint = mem_strdup(from->endpoint);
    to->access_key = mem_strdup(from->access_key);
    to->secret_key = mem_strdup(from->secret_key);
    to->session_token = mem_strdup(from->session_token);
    to->bucket_owner = mem_strdup(from->bucket_owner);
}

static void
free_target(struct s3_target *t)
{
    free((char *)t->bucket);
    free((char *)t->region);
    free((char *)t->endpoint);
    free((char *)t->access_key);
    free((char *)t->bucket_owner);
    mem_wipe_free((char *)t->secret_key);
    mem_wipe_free((char *)t->session_token);
}

/* Regions are remembered by the endpoint asked for and the bucket. */
static char *
region_name(const struct s3_target *t)
{
    return mem_printf("%s/%s", t->endpoint != NULL ? t->endpoint : "", t->bucket);
}

static void
start_in_known_region(struct s3_op *op)
{
    char *name = region_name(&op->target);
    const struct s3_memory *row = s3_client_recall(op->client, name, false);
    char region[S3_REGION_MAX + 1];

    if (row != NULL && strcmp(row->region, op->region) != 0) {
        memcpy(region, row->region, sizeof(region));
        s3_op_set_region(op, region);
    }
    free(name);
}

int
s3_op_start(struct s3_op *op, struct s3_client *client, const struct s3_target *target,
            const char *key, struct errinfo *ei)
{
    int rc = s3_target_check(target, key, ei);

    if (rc == E_OK)
        rc = resolve(target, target->region, &op->endpoint, ei);
    if (rc < 0)
        return rc;
    op->client = client;
    copy_target(&op->target, target);
    op->key = mem_strdup(key);
    snprintf(op->region, sizeof(op->region), "%s", target->region);
    op->step_timer = client->transport_ops->timer_new(client->transport, on_step, op);
    start_in_known_region(op);
    op->next = client->ops;
    if (client->ops != NULL)
        client->ops->prev = op;
    client->ops = op;
    s3_op_wake(op);
    return E_OK;
}

void
s3_op_discard(struct s3_op *op)
{
    if (op->client != NULL)
        op->client->transport_ops->timer_free(op->step_timer);
    free_target(&op->target);
    free(op->key);
    op->release(op);
}

void
s3_op_wake(struct s3_op *op)
{
    op->client->transport_ops->timer_set(op->step_timer, 0);
}

void
s3_op_message(struct s3_op *op, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(op->result.message, sizeof(op->result.message), fmt, ap);
    va_end(ap);
}

void
s3_op_end(struct s3_op *op, enum s3_outcome outcome)
{
    if (op->ending)
        return;
    op->ending = true;
    op->result.outcome = outcome;
    s3_call_drop_all(op);
    if (outcome == S3_OK) {
        op->result.message[0] = '\0';
        op->result.code[0] = '\0';
    }
    if (strcmp(op->region, op->target.region) != 0)
        snprintf(op->result.region, sizeof(op->result.region), "%s", op->region);
    s3_op_wake(op);
}

static void
finish_op(struct s3_op *op)
{
    if (op->prev != NULL)
        op->prev->next = op->next;
    else
        op->client->ops = op->next;
    if (op->next != NULL)
        op->next->prev = op->prev;
    op->deliver(op);
    s3_op_discard(op);
}

void
s3_op_cancel(struct s3_op *op)
{
    if (op->ending)
        return;
    s3_op_message(op, "cancelled");
    s3_op_end(op, S3_CANCELLED);
}

bool
s3_op_set_region(struct s3_op *op, const char *region)
{
    struct s3_endpoint ep;
    char *name;

    /* Never off the partition: an answer must not send signed requests elsewhere. */
    if (op->endpoint.amazon && !s3_same_partition(op->target.region, region))
        return false;
    if (resolve(&op->target, region, &ep, NULL) < 0)
        return false;
    op->endpoint = ep;
    snprintf(op->region, sizeof(op->region), "%s", region);
    name = region_name(&op->target);
    snprintf(s3_client_recall(op->client, name, true)->region, S3_REGION_MAX + 1, "%s", region);
    free(name);
    return true;
}

const char *
s3_outcome_name(enum s3_outcome outcome)
{
    static const char *const names[] = {
        [S3_OK] = "ok",
        [S3_EXISTS] = "exists",
        [S3_RETRY_LATER] = "retry later",
        [S3_USER_ERROR] = "user error",
        [S3_FILE_ERROR] = "file error",
        [S3_NOT_FOUND] = "not found",
        [S3_CANCELLED] = "cancelled",
    };

    return names[outcome];
}
