/* The way of jobs and chunks through the store, on a real Redis. */

#include "tests/unit/store_fixture.h"

#include "common/store/store_args.h"

static void
test_whole_way(void **state)
{
    char id[37];
    struct job_claim c;
    struct chunk_claim k;
    struct job_renewal renewal;
    struct job_record r;

    (void)state;
    assert_ok(job_store_check(fx.store, &fx.ei));
    assert_ok(create(id, (struct job_opts){.name = "mine"}));
    assert_status(id, "CREATED");
    assert_rc(claim(&c), 1);
    assert_string_equal(c.spec, "{\"v\":1}");
    assert_string_equal(c.secrets, "v1.sealed");
    assert_int_equal(c.next_index, 1);
    assert_null(c.snapshot);
    assert_ok(job_store_set_snapshot(fx.store, id, c.attempt, "snap", "v1", true, &fx.ei));
    assert_ok(job_store_renew(fx.store, id, c.attempt, 70, 1546300800000, &renewal, &fx.ei));
    assert_false(renewal.stop);
    assert_ok(add(&c, 1, 0, 50));
    assert_ok(add(&c, 2, 50, 80));
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 80, 1546300800080, &fx.ei));
    assert_status(id, "RUNNING");

    assert_rc(chunk_claim(&k), 1);
    assert_int_equal(k.chunk.index, 1);
    assert_int_equal(k.chunk.end, 50);
    assert_string_equal(k.chunk.content_sha256, HASH_B);
    assert_int_equal(k.tries, 0);
    assert_ok(job_store_chunk_renew(fx.store, &k, &fx.ei));
    assert_ok(job_store_chunk_upload_id(fx.store, &k, "up-1", &fx.ei));
    assert_ok(job_store_chunk_done(fx.store, &k, "https://b/1", true, &fx.ei));
    assert_ok(job_store_chunk_done(fx.store, &k, "https://b/1", true, &fx.ei));
    chunk_claim_done(&k);
    assert_status(id, "RUNNING");
    assert_int_equal(send_all(), 1);

    r = get(id);
    assert_int_equal(r.status, JOB_COMPLETED);
    assert_int_equal(r.generated, 80);
    assert_int_equal(r.sent, 80);
    assert_int_equal(r.bytes_sent, 200);
    assert_int_equal(r.chunks_sent, 2);
    assert_int_equal(r.path_count, 2);
    assert_string_equal(r.paths[0], "https://b/1");
    assert_int_equal(r.last_event_ms, 1546300800080);
    assert_true(r.ended_ms >= r.started_ms && r.started_ms >= r.created_ms && r.created_ms > 0);
    assert_string_equal(r.friendly_name, "mine");
    job_record_done(&r);
    job_claim_done(&c);

    char words[128];
    snprintf(words, sizeof(words), "HEXISTS {bl:0}:job:%s secrets", id);
    assert_int_equal(redis_int(words), 0);
    assert_int_equal(redis_int("EXISTS {bl:0}:name:dom:mine"), 0);
    assert_int_equal(redis_int("ZCARD {bl:0}:lease"), 0);
    assert_int_equal(redis_int("SCARD {bl:0}:running:dom"), 0);
}

static void
test_nothing_to_send(void **state)
{
    char id[37];
    struct job_claim c;
    struct job_record r;

    (void)state;
    assert_ok(create(id, (struct job_opts){.type = "donothing"}));
    assert_rc(claim(&c), 1);
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 1234, 5, &fx.ei));
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 1234, 5, &fx.ei));
    r = get(id);
    assert_int_equal(r.status, JOB_COMPLETED);
    assert_int_equal(r.sent, 1234);
    job_record_done(&r);
    job_claim_done(&c);
    assert_rc(claim(&c), 0);

    /* A query without rows: one file that holds the header alone. */
    running(id, &c);
    assert_ok(add(&c, 1, 0, 0));
    assert_rc(add(&c, 2, 0, 0), E_CONFLICT);
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 0, 0, &fx.ei));
    assert_int_equal(send_all(), 1);
    assert_status(id, "COMPLETED");
    job_claim_done(&c);
}

static void
test_chunk_add_refuses(void **state)
{
    static const struct {
        const char *name;
        unsigned index;
        int64_t start, end;
        int want;
    } cases[] = {
        {"the same again", 1, 0, 10, E_OK},
        {"same index, other end", 1, 0, 11, E_CONFLICT},
        {"index skipped", 3, 10, 20, E_CONFLICT},
        {"gap in rows", 2, 11, 20, E_CONFLICT},
        {"overlap", 2, 9, 20, E_CONFLICT},
        {"ends before it starts", 2, 10, 9, E_CONFLICT},
        {"empty, but not the first", 2, 10, 10, E_CONFLICT},
        {"the next", 2, 10, 20, E_OK},
    };
    char id[37];
    struct job_claim c;
    size_t i;
    int got;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        got = add(&c, cases[i].index, cases[i].start, cases[i].end);
        if (got != cases[i].want)
            fail_msg("%s: got %d (%s), want %d", cases[i].name, got, fx.ei.msg, cases[i].want);
    }
    assert_rc(job_store_query_done(fx.store, id, c.attempt, 21, 0, &fx.ei), E_CONFLICT);
    assert_status(id, "RUNNING");
    job_claim_done(&c);
}

static void
test_strangers_are_lost(void **state)
{
    char id[37];
    struct job_claim c, other;
    struct job_renewal renewal;
    struct chunk_claim k, fake;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    other = c;
    memcpy(other.attempt, STRANGER, sizeof(STRANGER));
    assert_rc(job_store_renew(fx.store, id, STRANGER, 0, 0, &renewal, &fx.ei), E_LOST);
    assert_rc(job_store_renew(fx.store, id, "", 0, 0, &renewal, &fx.ei), E_LOST);
    assert_rc(job_store_set_snapshot(fx.store, id, STRANGER, "s", "v", true, &fx.ei), E_LOST);
    assert_rc(job_store_set_result(fx.store, id, STRANGER, SPOOL_A, "r", &fx.ei), E_LOST);
    assert_rc(add(&other, 2, 10, 20), E_LOST);
    assert_rc(job_store_query_done(fx.store, id, STRANGER, 10, 0, &fx.ei), E_LOST);
    assert_rc(job_store_release(fx.store, id, STRANGER, JOB_RELEASE_FAILED, "x", &fx.ei), E_LOST);
    assert_rc(job_store_abandon(fx.store, id, STRANGER, &fx.ei), E_LOST);
    assert_rc(job_store_file_unused(fx.store, id, 2, STRANGER, &fx.ei), 1);
    assert_rc(job_store_file_unused(fx.store, id, 2, c.attempt, &fx.ei), 0);
    assert_rc(job_store_file_unused(fx.store, id, 1, c.attempt, &fx.ei), 0);

    assert_rc(chunk_claim(&k), 1);
    fake = k;
    memcpy(fake.token, STRANGER, sizeof(STRANGER));
    assert_rc(job_store_chunk_renew(fx.store, &fake, &fx.ei), E_LOST);
    assert_rc(job_store_chunk_upload_id(fx.store, &fake, "u", &fx.ei), E_LOST);
    assert_rc(job_store_chunk_done(fx.store, &fake, "p", true, &fx.ei), E_LOST);
    assert_rc(job_store_chunk_retry(fx.store, &fake, 0, false, "x", &fx.ei), E_LOST);
    assert_rc(job_store_chunk_fail(fx.store, &fake, "x", &fx.ei), E_LOST);
    assert_rc(job_store_chunk_adopt(fx.store, &fake, 5, HASH_A, HASH_A, "p", &fx.ei), E_LOST);
    assert_ok(job_store_chunk_done(fx.store, &k, "p", true, &fx.ei));
    assert_rc(job_store_chunk_done(fx.store, &fake, "p", true, &fx.ei), E_LOST);
    assert_rc(job_store_file_unused(fx.store, id, 1, c.attempt, &fx.ei), 1);

    /* Once the job is given back, its holder is a stranger too. */
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_DRAINED, "", &fx.ei));
    assert_rc(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_DRAINED, "", &fx.ei), E_LOST);
    assert_rc(add(&c, 2, 10, 20), E_LOST);
    assert_ok(add(&c, 1, 0, 10)); /* what was accepted stays accepted */
    assert_status(id, "PAUSED");
    chunk_claim_done(&k);
    job_claim_done(&c);
}

static void
test_resume(void **state)
{
    char id[37];
    struct job_claim c;

    (void)state;
    running(id, &c);
    assert_ok(job_store_set_snapshot(fx.store, id, c.attempt, "snap", "v1", false, &fx.ei));
    assert_ok(job_store_set_result(fx.store, id, c.attempt, SPOOL_A, "result-1", &fx.ei));
    assert_ok(add(&c, 1, 0, 10));
    assert_rc(job_store_set_snapshot(fx.store, id, c.attempt, "other", "v1", false, &fx.ei),
              E_CONFLICT);
    assert_rc(job_store_result_unused(fx.store, id, &fx.ei), 0);
    assert_int_equal(send_all(), 1);
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_DRAINED, NULL, &fx.ei));
    job_claim_done(&c);

    assert_rc(claim(&c), 1);
    assert_string_equal(c.snapshot, "snap");
    assert_string_equal(c.engine_version, "v1");
    assert_string_equal(c.result, "result-1");
    assert_string_equal(c.result_spool, SPOOL_A);
    assert_string_equal(c.resume_hash, HASH_C);
    assert_int_equal(c.resume_rows, 10);
    assert_int_equal(c.next_index, 2);
    assert_true(c.any_sent);

    /* The order is not fixed, so files are named only when the query has ended. */
    struct job_record r = get(id);
    assert_int_equal(r.sent, 10);
    assert_int_equal(r.paths_total, 0);
    job_record_done(&r);
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 10, 0, &fx.ei));
    r = get(id);
    assert_int_equal(r.paths_total, 1);
    job_record_done(&r);
    assert_rc(job_store_result_unused(fx.store, id, &fx.ei), 1);
    job_claim_done(&c);
}

static void
test_retries_end(void **state)
{
    char id[37];
    struct job_claim c;
    struct job_record r;
    struct reap_counts n;
    int i;

    (void)state;
    running(id, &c);
    for (i = 1; i <= 3; i++) {
        assert_ok(
            job_store_release(fx.store, id, c.attempt, JOB_RELEASE_RETRY, "no \xff luck", &fx.ei));
        job_claim_done(&c);
        if (i == 3)
            break;
        assert_status(id, "RECONNECTING");
        assert_int_equal(redis_int("ZCARD {bl:0}:delayed"), 1);
        /* The backoff is random; make it due. */
        char words[128];
        snprintf(words, sizeof(words), "ZADD {bl:0}:delayed 1 j:%s", id);
        redis_do(words);
        assert_ok(job_store_reap(fx.store, &n, &fx.ei));
        assert_int_equal(n.due, 1);
        assert_rc(claim(&c), 1);
    }
    r = get(id);
    assert_int_equal(r.status, JOB_STOPPED);
    assert_int_equal(r.error_count, 4);
    assert_string_equal(r.errors[0], "given up after 3 attempts that finished no file");
    assert_string_equal(r.errors[3], "attempt on worker-1: no \xef\xbf\xbd luck");
    job_record_done(&r);

    /* start forgets the attempts; an attempt that seals something does not count. */
    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    for (i = 0; i < 4; i++) {
        assert_rc(claim(&c), 1);
        assert_ok(add(&c, (unsigned)i + 1, i, i + 1));
        assert_ok(job_store_abandon(fx.store, id, c.attempt, &fx.ei));
        job_claim_done(&c);
        assert_status(id, "RECONNECTING");
    }
    /* Two more that seal nothing: the one before them does not count as a third. */
    for (i = 0; i < 2; i++) {
        assert_rc(claim(&c), 1);
        assert_ok(job_store_abandon(fx.store, id, c.attempt, &fx.ei));
        job_claim_done(&c);
        assert_status(id, "RECONNECTING");
    }
    assert_rc(claim(&c), 1);
    assert_ok(
        job_store_release(fx.store, id, c.attempt, JOB_RELEASE_FAILED, "Unknown column", &fx.ei));
    r = get(id);
    assert_int_equal(r.status, JOB_STOPPED);
    assert_int_equal(r.error_count, 1);
    assert_string_equal(r.errors[0], "Unknown column");
    job_record_done(&r);
    job_claim_done(&c);
    assert_int_equal(send_all(), 4);
}

static void
test_lost_worker(void **state)
{
    int64_t until = clock_mono_ms() + LIMIT_MS;
    char id[37], late[37];
    struct job_claim c, d;
    struct chunk_claim k;
    struct reap_counts n = {0};
    struct job_renewal renewal;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_rc(chunk_claim(&k), 1);
    chunk_claim_done(&k);
    assert_ok(create(late, (struct job_opts){0}));
    while (n.jobs_lost == 0 && clock_mono_ms() < until)
        assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.jobs_lost, 1);
    assert_status(id, "RECONNECTING");
    assert_rc(job_store_renew(fx.store, id, c.attempt, 0, 0, &renewal, &fx.ei), E_LOST);
    assert_rc(add(&c, 2, 10, 20), E_LOST);
    assert_rc(claim(&d), 1);
    assert_string_equal(d.id, id); /* in front of the one that waited longer */
    assert_int_equal(d.resume_rows, 10);

    while (chunk_claim(&k) == 0 && clock_mono_ms() < until)
        assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(k.tries, 1);
    assert_true(k.first_try_ms > 0);
    assert_true(k.put_unanswered);
    chunk_claim_done(&k);
    job_claim_done(&c);
    job_claim_done(&d);
}

/* Redis was away: everybody gets the time back that was lost. */
static void
test_gap_extends_leases(void **state)
{
    char id[37];
    struct job_claim c;
    struct job_renewal renewal;
    struct reap_counts n;

    (void)state;
    running(id, &c);
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    expire_leases();
    redis_do("SET {bl:0}:tick 1");
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.jobs_lost, 0);
    assert_ok(job_store_renew(fx.store, id, c.attempt, 0, 0, &renewal, &fx.ei));
    expire_leases();
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.jobs_lost, 1);
    job_claim_done(&c);
}

static void
test_chunk_retry_and_fail(void **state)
{
    char id[37];
    struct job_claim c;
    struct chunk_claim k, l;
    struct job_renewal renewal;
    struct reap_counts n;
    struct job_record r;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    assert_ok(add(&c, 3, 20, 30));
    assert_rc(chunk_claim(&k), 1);
    assert_ok(job_store_chunk_upload_id(fx.store, &k, "up-7", &fx.ei));
    assert_ok(job_store_chunk_retry(fx.store, &k, 0, true, "503", &fx.ei));
    chunk_claim_done(&k);
    assert_rc(chunk_claim(&k), 1);
    assert_int_equal(k.chunk.index, 2);
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.due, 1);
    assert_rc(chunk_claim(&l), 1);
    assert_int_equal(l.chunk.index, 1);
    assert_string_equal(l.upload_id, "up-7");
    assert_true(l.put_unanswered);

    /* The destination refuses chunk 1: the job stops, 2 is in other hands, 3 is held. */
    assert_ok(job_store_chunk_fail(fx.store, &l, "AccessDenied", &fx.ei));
    chunk_claim_done(&l);
    r = get(id);
    assert_int_equal(r.status, JOB_STOPPED);
    assert_string_equal(r.errors[0], "AccessDenied");
    job_record_done(&r);
    assert_rc(chunk_claim(&l), 0);
    assert_ok(job_store_renew(fx.store, id, c.attempt, 30, 0, &renewal, &fx.ei));
    assert_true(renewal.stop);
    assert_int_equal(renewal.unsent, 3);
    assert_ok(add(&c, 4, 30, 40)); /* what the runner has open is sealed, and held */
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_STOPPED, NULL, &fx.ei));
    assert_ok(job_store_chunk_retry(fx.store, &k, 0, false, "503", &fx.ei));
    assert_rc(chunk_claim(&l), 0);
    assert_rc(claim(&c), 0);

    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    r = get(id);
    assert_int_equal(r.error_count, 0);
    job_record_done(&r);
    assert_int_equal(send_all(), 4);
    chunk_claim_done(&k);
    job_claim_done(&c);
    assert_rc(claim(&c), 1);
    assert_int_equal(c.resume_rows, 40);
    job_claim_done(&c);
}

/* The destination refuses while the job waits for a worker: it leaves the queue. */
static void
test_chunk_fail_of_waiting_job(void **state)
{
    char id[37];
    struct job_claim c;
    struct chunk_claim k;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_DRAINED, NULL, &fx.ei));
    job_claim_done(&c);
    assert_rc(chunk_claim(&k), 1);
    assert_ok(job_store_chunk_fail(fx.store, &k, "NoSuchBucket", &fx.ei));
    assert_rc(job_store_chunk_fail(fx.store, &k, "NoSuchBucket", &fx.ei), E_LOST);
    chunk_claim_done(&k);
    assert_status(id, "STOPPED");
    assert_int_equal(redis_int("EXISTS {bl:0}:queue:duckdb:batch:dom"), 0);
    assert_rc(claim(&c), 0);
    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    assert_int_equal(send_all(), 1);
    assert_rc(claim(&c), 1);
    job_claim_done(&c);
}

static void
test_adopt(void **state)
{
    char id[37], name[96], want[96];
    struct job_claim c, d;
    struct chunk_claim k;
    struct job_record r;
    int i, seen = 0;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    assert_ok(add(&c, 3, 20, 30));
    assert_rc(chunk_claim(&k), 1);
    assert_rc(job_store_chunk_adopt(fx.store, &k, 8, "nonsense", HASH_A, "p", &fx.ei), E_CONFLICT);
    assert_ok(job_store_chunk_adopt(fx.store, &k, 8, HASH_A, HASH_B, "https://b/1", &fx.ei));
    assert_ok(job_store_chunk_adopt(fx.store, &k, 8, HASH_A, HASH_B, "https://b/1", &fx.ei));
    chunk_claim_done(&k);
    assert_rc(chunk_claim(&k), 0); /* 2 and 3 are gone, their files may go */
    for (i = 0; i < 2; i++) {
        assert_rc(job_store_trash_pop(fx.store, SPOOL_A, name, &fx.ei), 1);
        snprintf(want, sizeof(want), "%s.%c.%s", id, name[IDS_UUID_LEN + 1], c.attempt);
        assert_string_equal(name, want);
        seen += name[IDS_UUID_LEN + 1] - '0';
    }
    assert_int_equal(seen, 2 + 3);
    assert_rc(job_store_trash_pop(fx.store, SPOOL_A, name, &fx.ei), 0);
    assert_rc(job_store_file_unused(fx.store, id, 3, c.attempt, &fx.ei), 1);
    assert_rc(add(&c, 4, 30, 40), E_LOST);
    assert_rc(claim(&d), 1);
    assert_int_equal(d.resume_rows, 8);
    assert_int_equal(d.next_index, 2);
    assert_string_equal(d.resume_hash, HASH_B);
    r = get(id);
    assert_int_equal(r.sent, 8);
    assert_int_equal(r.generated, 30); /* never decreases */
    job_record_done(&r);

    /* Behind a chunk that is confirmed nothing can be rolled back. */
    assert_ok(add(&d, 2, 8, 20));
    assert_ok(add(&d, 3, 20, 30));
    assert_ok(job_store_query_done(fx.store, id, d.attempt, 30, 0, &fx.ei));
    assert_rc(chunk_claim(&k), 1);
    assert_int_equal(send_all(), 1);
    assert_rc(job_store_chunk_adopt(fx.store, &k, 9, HASH_A, HASH_B, "p", &fx.ei), E_CONFLICT);
    assert_ok(job_store_chunk_done(fx.store, &k, "https://b/2", false, &fx.ei));
    assert_status(id, "COMPLETED");
    chunk_claim_done(&k);
    job_claim_done(&c);
    job_claim_done(&d);
}

/* One claim with a given id, as after a lost answer; what it got as "id" or "id:index". */
static void
claim_again(enum store_script script, const char *const args[3], char got[64])
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int i;

    store_cmd_script(&cmd, script);
    for (i = 0; i < 3; i++)
        store_cmd_str(&cmd, args[i]);
    if (script == SCRIPT_JOB_CLAIM)
        store_cmd_str(&cmd, STRANGER);
    store_cmd_int(&cmd, 2000);
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_string_equal(r->element[0]->str, "OK");
    snprintf(got, 64, "%s:%s", r->element[1]->str,
             script == SCRIPT_JOB_CLAIM ? "" : r->element[2]->str);
    store_cmd_done(&cmd);
    freeReplyObject(r);
}

/* A claim whose answer was lost is made again and gets what it got. */
static void
test_claim_repeats(void **state)
{
    const char *const job[3] = {"duckdb", "batch", "w"};
    const char *const piece[3] = {SPOOL_A, "u", "fedcba9876543210fedcba9876543210"};
    char id[37], first[64], second[64];
    struct job_claim c = {0};

    (void)state;
    assert_ok(create(id, (struct job_opts){0}));
    assert_ok(create(id, (struct job_opts){0}));
    claim_again(SCRIPT_JOB_CLAIM, job, first);
    claim_again(SCRIPT_JOB_CLAIM, job, second);
    assert_string_equal(first, second);
    assert_int_equal(redis_int("ZCARD {bl:0}:queue:duckdb:batch:dom"), 1);

    memcpy(c.id, first, IDS_UUID_LEN);
    memcpy(c.attempt, STRANGER, sizeof(STRANGER));
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    claim_again(SCRIPT_CHUNK_CLAIM, piece, first);
    claim_again(SCRIPT_CHUNK_CLAIM, piece, second);
    assert_string_equal(first, second);
    assert_int_equal(send_all(), 1);
}

#define T(f) cmocka_unit_test_setup(f, fixture_reset)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_whole_way),
        T(test_nothing_to_send),
        T(test_chunk_add_refuses),
        T(test_strangers_are_lost),
        T(test_resume),
        T(test_retries_end),
        T(test_lost_worker),
        T(test_gap_extends_leases),
        T(test_chunk_retry_and_fail),
        T(test_chunk_fail_of_waiting_job),
        T(test_adopt),
        T(test_claim_repeats),
    };

    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
