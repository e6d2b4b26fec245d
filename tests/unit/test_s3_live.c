/*
 * The S3 client against a real store. Needs S3_ENDPOINT, S3_REGION, S3_BUCKET (which exists),
 * AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment; without them the tests skip.
 * S3_VHOST_ENDPOINT, S3_ENDPOINT_TLS and S3_CA_FILE, where set, are tried as well.
 */

#include "common/base/digest.h"
#include "common/s3/s3_client.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define MIB       (1024 * 1024)
#define LIMIT_S   60
#define BIG_BYTES (12 * MIB + 345)

struct file {
    int fd;
    int64_t bytes;
    char sha256[DIGEST_SHA256_HEX + 1];
};

/* What a finished operation left behind. */
struct seen {
    struct event_base *base;
    unsigned waiting;
    struct s3_result res;
    char upload_id[512]; /* from res, or from upload_started */
    bool left_upload;    /* res.upload_id was set */
    unsigned started;    /* calls of upload_started */
    int refuse;          /* upload_started answers so */
    int64_t progress, first_progress, cancel_at;
    struct s3_op *op;
    bool have_info;
    struct s3_object_info info;
    char meta_job[64];
};

static struct event_base *base;
static struct s3_client *client;

static struct file
make_file(int64_t bytes, unsigned seed)
{
    struct file f = {.fd = memfd_create("s3", MFD_CLOEXEC), .bytes = bytes};
    unsigned char *data = malloc((size_t)bytes + 1);
    uint64_t x = seed + 1;
    int64_t i;

    for (i = 0; i < bytes; i++) {
        x = x * 6364136223846793005ULL + 1442695040888963407ULL;
        data[i] = (unsigned char)(x >> 56);
    }
    assert_int_equal(pwrite(f.fd, data, (size_t)bytes, 0), bytes);
    digest_sha256_hex(data, (size_t)bytes, f.sha256);
    free(data);
    return f;
}

static struct s3_target
target(void)
{
    return (struct s3_target){
        .bucket = getenv("S3_BUCKET"),
        .region = getenv("S3_REGION") != NULL ? getenv("S3_REGION") : "us-east-1",
        .endpoint = getenv("S3_ENDPOINT"),
        .path_style = true,
        .access_key = getenv("AWS_ACCESS_KEY_ID"),
        .secret_key = getenv("AWS_SECRET_ACCESS_KEY"),
    };
}

static bool
have_store(void)
{
    return getenv("S3_ENDPOINT") != NULL && getenv("S3_BUCKET") != NULL &&
           getenv("AWS_ACCESS_KEY_ID") != NULL && getenv("AWS_SECRET_ACCESS_KEY") != NULL;
}

static char *
new_key(const char *name)
{
    static unsigned n;

    return mem_printf("live-%d/%u/%s", (int)getpid(), n++, name);
}

static void
wait_for(struct seen *s)
{
    struct timeval limit = {LIMIT_S, 0};

    event_base_loopexit(base, &limit);
    while (s->waiting > 0 && !event_base_got_exit(base))
        event_base_loop(base, EVLOOP_ONCE);
    if (s->waiting > 0)
        fail_msg("no answer within %d s", LIMIT_S);
}

static void
on_done(void *ctx, const struct s3_result *res)
{
    struct seen *s = ctx;

    s->res = *res;
    s->left_upload = res->upload_id != NULL;
    if (res->upload_id != NULL)
        snprintf(s->upload_id, sizeof(s->upload_id), "%s", res->upload_id);
    s->res.upload_id = NULL;
    s->waiting--;
}

static void
on_head(void *ctx, const struct s3_result *res, const struct s3_object_info *info)
{
    struct seen *s = ctx;
    const char *job;

    on_done(s, res);
    s->have_info = info != NULL;
    if (info == NULL)
        return;
    s->info = *info;
    job = s3_object_metadata(info, "bl-job");
    snprintf(s->meta_job, sizeof(s->meta_job), "%s", job != NULL ? job : "");
}

static int
on_started(void *ctx, const char *upload_id, struct errinfo *ei)
{
    struct seen *s = ctx;

    s->started++;
    snprintf(s->upload_id, sizeof(s->upload_id), "%s", upload_id);
    return s->refuse < 0 ? errinfo_set(ei, s->refuse, "the lease is lost") : 0;
}

static void
on_progress(void *ctx, int64_t bytes)
{
    struct seen *s = ctx;

    if (s->progress == 0)
        s->first_progress = bytes;
    s->progress = bytes;
    if (s->cancel_at > 0 && bytes >= s->cancel_at) {
        s->cancel_at = 0;
        s3_op_cancel(s->op);
    }
}

static const struct s3_header identity[] = {{"bl-job", "job 1"}, {"bl-index", "3"}};

static struct s3_put
put_of(const struct file *f, const char *key)
{
    return (struct s3_put){
        .target = target(),
        .key = key,
        .fd = f->fd,
        .bytes = f->bytes,
        .sha256_hex = f->sha256,
        .content_type = "text/csv",
        .content_encoding = "gzip",
        .metadata = identity,
        .metadata_count = ARRAY_LEN(identity),
        .upload_started = on_started,
        .progress = on_progress,
        .done = on_done,
    };
}

static void
run_put(struct s3_put *put, struct seen *s)
{
    struct errinfo ei = ERRINFO_INIT;

    s->waiting = 1;
    put->ctx = s;
    s->op = s3_put_file(client, put, &ei);
    if (s->op == NULL)
        fail_msg("s3_put_file: %s", ei.msg);
    wait_for(s);
}

static struct seen
head_of(const char *key)
{
    struct seen s = {.waiting = 1};
    struct s3_target t = target();
    struct errinfo ei = ERRINFO_INIT;

    if (s3_head(client, &t, key, on_head, &s, &ei) == NULL)
        fail_msg("s3_head: %s", ei.msg);
    wait_for(&s);
    return s;
}

static void
want_outcome(const struct seen *s, enum s3_outcome outcome, const char *code)
{
    if (s->res.outcome != outcome || strcmp(s->res.code, code) != 0)
        fail_msg("got %s '%s' (%s), want %s '%s'", s3_outcome_name(s->res.outcome), s->res.code,
                 s->res.message, s3_outcome_name(outcome), code);
}

static void
want_object(const char *key, int64_t bytes)
{
    struct seen h = head_of(key);

    want_outcome(&h, S3_OK, "");
    assert_int_equal(h.info.bytes, bytes);
    assert_string_equal(h.meta_job, "job 1");
    assert_string_equal(h.info.content_type, "text/csv");
}

static void
test_single_sizes(void **state)
{
    static const int64_t sizes[] = {0, 1, 65536, 3 * MIB + 1};
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(sizes); i++) {
        struct file f = make_file(sizes[i], 1);
        struct seen s = {0};
        char *key = new_key("single.csv.gz");
        struct s3_put put = put_of(&f, key);

        run_put(&put, &s);
        want_outcome(&s, S3_OK, "");
        assert_int_equal(s.res.attempts, 1);
        assert_int_equal(s.started, 0);
        assert_int_equal(s.progress, sizes[i]);
        assert_false(s.res.unanswered_put);
        want_object(key, sizes[i]);
        free(key);
        close(f.fd);
    }
}

static void
test_odd_keys(void **state)
{
    static const char *const names[] = {
        "a b+c", "\xc3\xa4\xe6\x97\xa5.csv", "100%/%41", "a//b", "q?x=1&y#z", "~'()*!;:@,$=",
        "a/./b"};
    struct file f = make_file(10, 2);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(names); i++) {
        struct seen s = {0};
        char *key = new_key(names[i]);
        struct s3_put put = put_of(&f, key);

        run_put(&put, &s);
        want_outcome(&s, S3_OK, "");
        want_object(key, 10);
        free(key);
    }
    close(f.fd);
}

static void
test_if_none_match(void **state)
{
    struct file f = make_file(1000, 3);
    struct seen first = {0}, second = {0}, third = {0};
    char *key = new_key("once");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.if_none_match = true;
    run_put(&put, &first);
    want_outcome(&first, S3_OK, "");
    run_put(&put, &second);
    want_outcome(&second, S3_EXISTS, "PreconditionFailed");
    assert_int_equal(second.res.http_status, 412);
    assert_false(second.res.unanswered_put);
    put.if_none_match = false;
    run_put(&put, &third);
    want_outcome(&third, S3_OK, "");
    free(key);
    close(f.fd);
}

static void
test_multipart(void **state)
{
    struct file f = make_file(BIG_BYTES, 4);
    struct seen s = {0}, h;
    char *key = new_key("big");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &s);
    want_outcome(&s, S3_OK, "");
    assert_int_equal(s.started, 1);
    assert_int_equal(s.progress, BIG_BYTES);
    assert_int_equal(s.res.attempts, 5); /* create, 3 parts, complete */
    assert_false(s.left_upload);
    want_object(key, BIG_BYTES);
    h = head_of(key);
    assert_non_null(strstr(h.info.etag, "-3"));
    free(key);
    close(f.fd);
}

static void
test_multipart_exists(void **state)
{
    struct file f = make_file(BIG_BYTES, 5);
    struct seen first = {0}, second = {0};
    char *key = new_key("big-once");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    put.if_none_match = true;
    run_put(&put, &first);
    want_outcome(&first, S3_OK, "");
    run_put(&put, &second);
    want_outcome(&second, S3_EXISTS, "PreconditionFailed");
    assert_false(second.left_upload);
    free(key);
    close(f.fd);
}

static void
test_cancel_and_continue(void **state)
{
    struct file f = make_file(BIG_BYTES, 6);
    struct seen cancelled = {.cancel_at = 11 * MIB}, rest = {0};
    char *key = new_key("continued");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &cancelled);
    want_outcome(&cancelled, S3_CANCELLED, "");
    assert_true(cancelled.left_upload);
    assert_int_equal(cancelled.started, 1);
    put.mode = S3_AUTO;
    put.upload_id = cancelled.upload_id;
    run_put(&put, &rest);
    want_outcome(&rest, S3_OK, "");
    assert_int_equal(rest.started, 0);
    assert_int_equal(rest.progress, BIG_BYTES);
    want_object(key, BIG_BYTES);
    free(key);
    close(f.fd);
}

static void
test_cancel_single(void **state)
{
    struct file f = make_file(4 * MIB, 7);
    struct seen s = {.cancel_at = 1 * MIB};
    char *key = new_key("cancelled");
    struct s3_put put = put_of(&f, key);

    (void)state;
    run_put(&put, &s);
    want_outcome(&s, S3_CANCELLED, "");
    assert_int_equal(s.progress < 4 * MIB, 1);
    s = head_of(key);
    want_outcome(&s, S3_NOT_FOUND, "");
    free(key);
    close(f.fd);
}

/* The upload of a finished object is gone: the object itself tells that all was done. */
static void
test_continue_finished(void **state)
{
    struct file f = make_file(BIG_BYTES, 8), other = make_file(BIG_BYTES + 1, 8);
    struct seen first = {0}, second = {0}, third = {0};
    char *key = new_key("finished");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &first);
    want_outcome(&first, S3_OK, "");
    put.upload_id = first.upload_id;
    run_put(&put, &second);
    want_outcome(&second, S3_OK, "");
    assert_int_equal(second.res.attempts, 2); /* list parts, head */
    /* Another file is there: a new upload, told about. */
    put.fd = other.fd;
    put.bytes = other.bytes;
    run_put(&put, &third);
    want_outcome(&third, S3_OK, "");
    assert_int_equal(third.started, 1);
    want_object(key, BIG_BYTES + 1);
    free(key);
    close(f.fd);
    close(other.fd);
}

static void
test_refused_start(void **state)
{
    struct file f = make_file(BIG_BYTES, 9);
    struct seen s = {.refuse = E_LOST};
    char *key = new_key("refused");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &s);
    want_outcome(&s, S3_CANCELLED, "");
    assert_string_equal(s.res.message, "the lease is lost");
    assert_false(s.left_upload);
    free(key);
    close(f.fd);
}

static void
test_abort(void **state)
{
    struct file f = make_file(BIG_BYTES, 10);
    struct seen s = {.cancel_at = 1}, gone = {0};
    char *key = new_key("aborted");
    struct s3_put put = put_of(&f, key);
    struct errinfo ei = ERRINFO_INIT;
    unsigned i;

    (void)state;
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &s);
    assert_true(s.left_upload);
    for (i = 0; i < 2; i++) { /* the second time it is not there any more */
        gone.waiting = 1;
        assert_non_null(
            s3_abort_upload(client, &put.target, key, s.upload_id, on_done, &gone, &ei));
        wait_for(&gone);
        want_outcome(&gone, S3_OK, "");
    }
    assert_null(s3_abort_upload(client, &put.target, key, "", on_done, &gone, &ei));
    free(key);
    close(f.fd);
}

static void
test_user_errors(void **state)
{
    static const struct {
        const char *name, *bucket, *access, *secret, *code;
    } cases[] = {
        {"wrong secret", NULL, NULL, "not-the-secret-of-anyone", "SignatureDoesNotMatch"},
        {"unknown key", NULL, "AKIAUNKNOWN000000000", NULL, "InvalidAccessKeyId"},
        {"no bucket", "no-such-bucket-here", NULL, NULL, "NoSuchBucket"},
    };
    struct file f = make_file(2 * MIB, 11);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen s = {0}, check = {.waiting = 1};
        char *key = new_key("never");
        struct s3_put put = put_of(&f, key);
        struct errinfo ei = ERRINFO_INIT;

        if (cases[i].bucket != NULL)
            put.target.bucket = cases[i].bucket;
        if (cases[i].access != NULL)
            put.target.access_key = cases[i].access;
        if (cases[i].secret != NULL)
            put.target.secret_key = cases[i].secret;
        run_put(&put, &s);
        want_outcome(&s, S3_USER_ERROR, cases[i].code);
        assert_int_equal(s.res.attempts, 1);
        assert_non_null(strstr(s.res.message, cases[i].code));
        assert_null(strstr(s.res.message, put.target.secret_key));
        assert_non_null(s3_check_bucket(client, &put.target, on_done, &check, &ei));
        wait_for(&check);
        want_outcome(&check, S3_USER_ERROR, cases[i].code);
        free(key);
    }
    close(f.fd);
}

static void
test_check_bucket_good(void **state)
{
    struct seen s = {.waiting = 1};
    struct s3_target t = target();
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    assert_non_null(s3_check_bucket(client, &t, on_done, &s, &ei));
    wait_for(&s);
    want_outcome(&s, S3_OK, "");
}

static void
test_bad_files(void **state)
{
    struct file f = make_file(2 * MIB, 12);
    struct seen wrong_hash = {0}, longer = {0};
    char *key = new_key("bad");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.sha256_hex = "00000000000000000000000000000000000000000000000000000000000000ff";
    run_put(&put, &wrong_hash);
    want_outcome(&wrong_hash, S3_FILE_ERROR, "XAmzContentSHA256Mismatch");
    assert_int_equal(wrong_hash.res.attempts, 2);
    put.bytes = f.bytes + 1;
    run_put(&put, &longer);
    want_outcome(&longer, S3_FILE_ERROR, "");
    assert_int_equal(longer.res.attempts, 0);
    free(key);
    close(f.fd);
}

static void
test_many_at_once(void **state)
{
    enum { COUNT = 24 };
    struct file f = make_file(300000, 13);
    struct seen s = {.waiting = COUNT};
    char *keys[COUNT];
    struct errinfo ei = ERRINFO_INIT;
    unsigned i;

    (void)state;
    for (i = 0; i < COUNT; i++) {
        struct s3_put put;

        keys[i] = new_key("many");
        put = put_of(&f, keys[i]);
        put.ctx = &s;
        put.progress = NULL;
        assert_non_null(s3_put_file(client, &put, &ei));
    }
    wait_for(&s);
    for (i = 0; i < COUNT; i++) {
        want_object(keys[i], f.bytes);
        free(keys[i]);
    }
    close(f.fd);
}

static void
virtual_host(void **state)
{
    struct file f = make_file(1000, 14);
    struct seen s = {0};
    char *key = new_key("vhost");
    struct s3_put put = put_of(&f, key);

    (void)state;
    put.target.endpoint = getenv("S3_VHOST_ENDPOINT");
    put.target.path_style = false;
    run_put(&put, &s);
    want_outcome(&s, S3_OK, "");
    want_object(key, 1000);
    free(key);
    close(f.fd);
}

static void
tls(void **state)
{
    struct file f = make_file(BIG_BYTES, 15);
    struct seen trusted = {0}, untrusted = {0};
    char *key = new_key("tls");
    struct s3_put put = put_of(&f, key);
    struct s3_client *plain = client;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    put.target.endpoint = getenv("S3_ENDPOINT_TLS");
    put.mode = S3_FORCE_MULTIPART;
    run_put(&put, &untrusted);
    want_outcome(&untrusted, S3_USER_ERROR, "");
    assert_non_null(strstr(untrusted.res.message, "certificate"));
    assert_int_equal(s3_client_new(&(struct s3_client_options){.base = base,
                                                               .ca_file = getenv("S3_CA_FILE"),
                                                               .part_size = 5 * MIB},
                                   &client, &ei),
                     E_OK);
    run_put(&put, &trusted);
    want_outcome(&trusted, S3_OK, "");
    s3_client_free(client);
    client = plain;
    want_object(key, BIG_BYTES);
    free(key);
    close(f.fd);
}

static void
test_free_while_running(void **state)
{
    struct file f = make_file(BIG_BYTES, 16);
    struct seen s = {.waiting = 1};
    char *key = new_key("freed");
    struct s3_put put = put_of(&f, key);
    struct s3_client *doomed;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    assert_int_equal(s3_client_new(&(struct s3_client_options){.base = base}, &doomed, &ei), E_OK);
    put.ctx = &s;
    put.sha256_hex = f.sha256;
    assert_non_null(s3_put_file(doomed, &put, &ei));
    while (s.progress == 0)
        event_base_loop(base, EVLOOP_ONCE);
    s3_client_free(doomed);
    assert_int_equal(s.waiting, 0);
    want_outcome(&s, S3_CANCELLED, "");
    free(key);
    close(f.fd);
}

static int
setup(void **state)
{
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    base = event_base_new();
    return s3_client_new(
        &(struct s3_client_options){.base = base, .part_size = 5 * MIB, .retry_base_ms = 10},
        &client, &ei);
}

static int
teardown(void **state)
{
    (void)state;
    s3_client_free(client);
    event_base_free(base);
    libevent_global_shutdown();
    return 0;
}

/* Without a store every test says that it was skipped. */
struct live {
    void (*run)(void **state);
};

static void
run_live(void **state)
{
    const struct live *l = *state;

    if (!have_store())
        skip();
    l->run(state);
}

#define LIVE(f)                                                                                    \
    {                                                                                              \
#f, run_live, NULL, NULL, &(struct live)                                                   \
        {                                                                                          \
            f                                                                                      \
        }                                                                                          \
    }

/* Skipped before anything is made: skip() does not come back. */
static void
test_virtual_host(void **state)
{
    if (getenv("S3_VHOST_ENDPOINT") == NULL)
        skip();
    virtual_host(state);
}

static void
test_tls(void **state)
{
    if (getenv("S3_ENDPOINT_TLS") == NULL || getenv("S3_CA_FILE") == NULL)
        skip();
    tls(state);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        LIVE(test_single_sizes),  LIVE(test_odd_keys),           LIVE(test_if_none_match),
        LIVE(test_multipart),     LIVE(test_multipart_exists),   LIVE(test_cancel_and_continue),
        LIVE(test_cancel_single), LIVE(test_continue_finished),  LIVE(test_refused_start),
        LIVE(test_abort),         LIVE(test_user_errors),        LIVE(test_check_bucket_good),
        LIVE(test_bad_files),     LIVE(test_many_at_once),       LIVE(test_virtual_host),
        LIVE(test_tls),           LIVE(test_free_while_running),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
