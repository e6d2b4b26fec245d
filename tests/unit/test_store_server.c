/* The store against a Redis that is full, away, hanging, locked, damaged or set up wrongly; waiting
 * and events. */

#include "tests/unit/store_fixture.h"

#include <poll.h>

static void
test_out_of_memory(void **state)
{
    char id[37], more[37];
    struct job_claim c;
    struct redisReply *r;

    (void)state;
    running(id, &c);
    redis_do("CONFIG SET maxmemory 100000");
    redis_do("DEL {bl:0}:mem");
    assert_rc(create(more, (struct job_opts){0}), E_NOSPACE);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 10, 0, &fx.ei));
    assert_int_equal(send_all(), 1);
    assert_status(id, "COMPLETED");
    job_claim_done(&c);

    /* Not out of it, but above 80 %. */
    r = redis("INFO memory");
    long long used = strtoll(strstr(r->str, "used_memory:") + 12, NULL, 10);
    char words[64];
    freeReplyObject(r);
    snprintf(words, sizeof(words), "CONFIG SET maxmemory %lld", used + used / 10);
    redis_do(words);
    redis_do("DEL {bl:0}:mem");
    assert_rc(create(more, (struct job_opts){0}), E_NOSPACE);
    assert_non_null(strstr(fx.ei.msg, "80 %"));
    redis_do("CONFIG SET maxmemory 0");
    redis_do("DEL {bl:0}:mem");
    assert_ok(create(more, (struct job_opts){0}));
}

static void
test_redis_restarts(void **state)
{
    int64_t until, before;
    char id[37];
    struct job_claim c;
    struct job_renewal renewal;
    int rc;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    redis_kill();
    for (until = 0; until < 20; until++) {
        before = clock_mono_ms();
        assert_rc(add(&c, 2, 10, 20), E_TRANSIENT);
        assert_true(clock_mono_ms() - before < 1000);
    }
    redis_start();
    until = clock_mono_ms() + LIMIT_MS;
    do {
        rc = job_store_renew(fx.store, id, c.attempt, 10, 0, &renewal, &fx.ei);
    } while (rc == E_TRANSIENT && clock_mono_ms() < until);
    assert_rc(rc, E_OK);
    assert_int_equal(renewal.unsent, 1);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 20, 0, &fx.ei));
    assert_int_equal(send_all(), 2);
    assert_status(id, "COMPLETED");
    job_claim_done(&c);
}

/* A server that hangs costs one timeout, and nothing is lost by it. */
static void
test_redis_hangs(void **state)
{
    int64_t before, until;
    char id[37];
    struct job_claim c;
    int rc;

    (void)state;
    running(id, &c);
    kill(fx.pid, SIGSTOP);
    before = clock_mono_ms();
    rc = add(&c, 1, 0, 10);
    before = clock_mono_ms() - before;
    kill(fx.pid, SIGCONT);
    assert_rc(rc, E_TRANSIENT);
    assert_true(before >= 900 && before < 5000);
    until = clock_mono_ms() + LIMIT_MS;
    while ((rc = add(&c, 1, 0, 10)) == E_TRANSIENT && clock_mono_ms() < until)
        ;
    assert_rc(rc, E_OK);
    assert_int_equal(send_all(), 1);
    job_claim_done(&c);
}

static void
test_password_and_database(void **state)
{
    char *file = mem_printf("%s/password", fx.dir), *set;
    struct job_store *s = NULL;
    struct config *cfg = config_new();
    struct reap_counts n;

    (void)state;
    assert_ok(fs_replace_file(file, "hush\n", 5, 0600, &fx.ei));
    set = mem_printf("redis.address=%s", fx.socket);
    assert_ok(config_set(cfg, set, &fx.ei));
    assert_ok(config_set(cfg, "redis.database=3", &fx.ei));
    redis_do("CONFIG SET requirepass hush");
    assert_ok(job_store_open(cfg, &s, &fx.ei));
    assert_rc(job_store_check(s, &fx.ei), E_TRANSIENT); /* SELECT without AUTH */
    assert_non_null(strstr(fx.ei.msg, "Authentication"));
    job_store_close(s);

    free(set);
    set = mem_printf("redis.password_file=%s", file);
    assert_ok(config_set(cfg, set, &fx.ei));
    assert_ok(job_store_open(cfg, &s, &fx.ei));
    assert_ok(job_store_check(s, &fx.ei));
    assert_ok(job_store_reap(s, &n, &fx.ei));
    job_store_close(s);
    struct store_cmd cmd = {.argc = 4, .cap = 4, .script = -1};
    const char *const words[] = {"CONFIG", "SET", "requirepass", ""};
    struct redisReply *r = NULL;
    int i;

    cmd.argv = mem_zalloc(4 * sizeof(*cmd.argv));
    cmd.len = mem_zalloc(4 * sizeof(*cmd.len));
    for (i = 0; i < 4; i++) {
        cmd.argv[i] = mem_strdup(words[i]);
        cmd.len[i] = strlen(words[i]);
    }
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    freeReplyObject(r);
    store_cmd_done(&cmd);
    assert_int_equal(redis_int("EXISTS {bl:0}:tick"), 0); /* it went to database 3 */
    config_free(cfg);
    free(set);
    free(file);
}

static void
test_events(void **state)
{
    static const char *const want[] = {"CREATED", "RUNNING", "STOPPED"};
    redisContext *ctx = redisConnectUnix(fx.socket);
    char *channel = store_key(0, "ev:%s", "dom"), id[37], text[64];
    struct job_claim c;
    redisReply *r;
    void *reply = NULL;
    size_t i;

    (void)state;
    r = redisCommand(ctx, "SUBSCRIBE %s", channel);
    freeReplyObject(r);
    running(id, &c);
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
    for (i = 0; i < ARRAY_LEN(want); i++) {
        assert_int_equal(redisGetReply(ctx, &reply), REDIS_OK);
        r = reply;
        snprintf(text, sizeof(text), "%s %s", id, want[i]);
        assert_string_equal(r->element[2]->str, text);
        freeReplyObject(r);
    }
    job_claim_done(&c);
    redisFree(ctx);
    free(channel);
}

static int
wait_readable(struct store_wait *w)
{
    struct pollfd p = {.fd = store_wait_fd(w), .events = POLLIN};
    bool idle = false;
    int rc = 0;

    while (rc == 0 && !idle) {
        if (poll(&p, 1, LIMIT_MS) != 1)
            fail_msg("no wake within %d ms", LIMIT_MS);
        rc = store_wait_read(w, &idle, &fx.ei);
    }
    return rc;
}

static void
test_waiting(void **state)
{
    int64_t until = clock_mono_ms() + LIMIT_MS;
    struct store_wait *w = NULL, *u = NULL;
    char id[37], kind[64];
    struct job_claim c;
    bool idle;
    int rc;

    (void)state;
    snprintf(kind, sizeof(kind), "upload:%s", SPOOL_A);
    assert_ok(store_wait_open(fx.cfg, "job:duckdb:batch", &w, &fx.ei));
    assert_ok(store_wait_open(fx.cfg, kind, &u, &fx.ei));
    assert_int_equal(store_wait_fd(w), -1);
    assert_ok(store_wait_arm(w, &fx.ei));
    assert_ok(store_wait_arm(w, &fx.ei));
    assert_ok(store_wait_arm(u, &fx.ei));
    assert_rc(store_wait_read(w, &idle, &fx.ei), 0);
    assert_false(idle);
    assert_ok(create(id, (struct job_opts){0}));
    assert_int_equal(wait_readable(w), 1);
    assert_rc(claim(&c), 1);
    assert_ok(add(&c, 1, 0, 10));
    assert_int_equal(wait_readable(u), 1);
    job_claim_done(&c);

    /* A lost server closes it; arming connects again when it is back. */
    assert_ok(store_wait_arm(w, &fx.ei));
    redis_kill();
    assert_int_equal(wait_readable(w), E_TRANSIENT);
    assert_int_equal(store_wait_fd(w), -1);
    assert_rc(store_wait_arm(w, &fx.ei), E_TRANSIENT);
    redis_start();
    do {
        rc = store_wait_arm(w, &fx.ei);
    } while (rc == E_TRANSIENT && clock_mono_ms() < until);
    assert_rc(rc, E_OK);
    assert_ok(create(id, (struct job_opts){0}));
    assert_int_equal(wait_readable(w), 1);
    store_wait_close(w);
    store_wait_close(u);
}

/* Bytes that no script wrote: an error with words, nothing worse. */
static void
test_damaged(void **state)
{
    static const char *const damage[] = {
        "status NOSUCH", "generated -5", "sent x", "errors {", "errors 7", "id 17", "version 1e9",
    };
    char id[37], words[256];
    struct job_record r;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(damage); i++) {
        assert_ok(create(id, (struct job_opts){0}));
        snprintf(words, sizeof(words), "HSET {bl:0}:job:%s %s", id, damage[i]);
        redis_do(words);
        if (job_store_get(fx.store, "dom", id, &r, &fx.ei) != E_PERMANENT ||
            strstr(fx.ei.msg, "damaged") == NULL)
            fail_msg("%s: got '%s', want a permanent error", damage[i], fx.ei.msg);
    }
}

static void
test_check(void **state)
{
    (void)state;
    assert_ok(job_store_check(fx.store, &fx.ei));
    redis_do("CONFIG SET maxmemory-policy allkeys-lru");
    assert_rc(job_store_check(fx.store, &fx.ei), E_PERMANENT);
    assert_non_null(strstr(fx.ei.msg, "noeviction"));
    redis_do("CONFIG SET maxmemory-policy noeviction");
    redis_do("CONFIG SET appendonly no");
    assert_rc(job_store_check(fx.store, &fx.ei), E_PERMANENT);
    assert_non_null(strstr(fx.ei.msg, "appendonly yes"));
    redis_do("CONFIG SET appendonly yes");
    redis_do("SET {bl:0}:partitions 4");
    assert_rc(job_store_check(fx.store, &fx.ei), E_PERMANENT);
    assert_non_null(strstr(fx.ei.msg, "4 partitions"));
}

#define T(f) cmocka_unit_test_setup(f, fixture_reset)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_out_of_memory), T(test_redis_restarts),
        T(test_redis_hangs),   T(test_password_and_database),
        T(test_events),        T(test_waiting),
        T(test_damaged),       T(test_check),
    };

    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
