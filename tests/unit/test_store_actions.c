/* What people do with jobs (stop, start, remove, list), fairness, expiry, credentials: on a real
 * Redis. */

#include "tests/unit/store_fixture.h"

#include "common/store/cred_store.h"

/* --- the action matrix of the wire ------------------------------------------------------------ */

static void
make_created(char id[37])
{
    assert_ok(create(id, (struct job_opts){0}));
}

static void
make_running(char id[37])
{
    struct job_claim c;

    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    job_claim_done(&c);
}

static void
make_draining(char id[37])
{
    struct job_claim c;

    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(job_store_query_done(fx.store, id, c.attempt, 10, 0, &fx.ei));
    job_claim_done(&c);
}

static void
make_reconnecting(char id[37])
{
    struct job_claim c;

    running(id, &c);
    assert_ok(job_store_abandon(fx.store, id, c.attempt, &fx.ei));
    job_claim_done(&c);
    assert_status(id, "RECONNECTING");
}

static void
make_paused(char id[37])
{
    struct job_claim c;

    running(id, &c);
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_DRAINED, NULL, &fx.ei));
    job_claim_done(&c);
    assert_status(id, "PAUSED");
}

static void
make_stopped(char id[37])
{
    make_created(id);
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
}

static void
make_stopping(char id[37])
{
    make_running(id);
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
}

static void
make_failed(char id[37])
{
    struct job_claim c;

    running(id, &c);
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_FAILED, "no", &fx.ei));
    job_claim_done(&c);
}

static void
make_completed(char id[37])
{
    make_draining(id);
    assert_int_equal(send_all(), 1);
    assert_status(id, "COMPLETED");
}

static void
make_removed(char id[37])
{
    make_created(id);
    expect_action(JOB_ACTION_REMOVE, id, 0, "REMOVED");
}

static void
make_unknown(char id[37])
{
    ids_uuid(id);
}

static void
test_action_matrix(void **state)
{
    static const struct {
        const char *name;
        void (*make)(char id[37]);
        struct {
            int code;
            const char *status;
        } want[3]; /* stop, start, remove */
    } rows[] = {
        {"CREATED", make_created, {{0, "STOPPED"}, {101, "CREATED"}, {0, "REMOVED"}}},
        {"RUNNING", make_running, {{0, "STOPPED"}, {101, "RUNNING"}, {0, "REMOVED"}}},
        {"draining", make_draining, {{0, "STOPPED"}, {101, "RUNNING"}, {0, "REMOVED"}}},
        {"RECONNECTING",
         make_reconnecting,
         {{0, "STOPPED"}, {101, "RECONNECTING"}, {0, "REMOVED"}}},
        {"PAUSED", make_paused, {{0, "STOPPED"}, {101, "PAUSED"}, {0, "REMOVED"}}},
        {"STOPPED", make_stopped, {{108, "STOPPED"}, {0, "RUNNING"}, {0, "REMOVED"}}},
        {"still sealing", make_stopping, {{108, "STOPPED"}, {0, "RUNNING"}, {0, "REMOVED"}}},
        {"failed", make_failed, {{108, "STOPPED"}, {0, "RUNNING"}, {0, "REMOVED"}}},
        {"COMPLETED", make_completed, {{101, "COMPLETED"}, {101, "COMPLETED"}, {0, "REMOVED"}}},
        {"removed", make_removed, {{100, ""}, {100, ""}, {100, ""}}},
        {"unknown", make_unknown, {{100, ""}, {100, ""}, {100, ""}}},
    };
    char id[37], status[16];
    size_t i, a;
    int code;

    for (i = 0; i < ARRAY_LEN(rows); i++) {
        for (a = 0; a < 3; a++) {
            fixture_reset(state);
            rows[i].make(id);
            /* Another domain sees nothing, whatever there is, and changes nothing. */
            assert_int_equal(act((enum job_action)a, "other", id, status), 100);
            code = act((enum job_action)a, "dom", id, status);
            if (code != rows[i].want[a].code || strcmp(status, rows[i].want[a].status) != 0)
                fail_msg("%s, action %zu: got %d %s, want %d %s", rows[i].name, a, code, status,
                         rows[i].want[a].code, rows[i].want[a].status);
        }
    }
}

static void
test_stop_and_start(void **state)
{
    char id[37];
    struct job_claim c, d;
    struct job_renewal renewal;

    (void)state;
    /* Stop of a waiting job takes it out of the queue. */
    make_stopped(id);
    assert_rc(claim(&c), 0);
    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    assert_rc(claim(&c), 1);

    /* Stop of a running one: told by the renewal; what is sealed goes up while it is STOPPED. */
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
    assert_ok(job_store_renew(fx.store, id, c.attempt, 5, 0, &renewal, &fx.ei));
    assert_true(renewal.stop);
    assert_false(renewal.removed);
    assert_ok(add(&c, 1, 0, 5));
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_STOPPED, NULL, &fx.ei));
    job_claim_done(&c);
    assert_int_equal(send_all(), 1);
    assert_status(id, "STOPPED");
    assert_rc(claim(&c), 0);

    /* Start while the runner is still sealing: it goes on at once. */
    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    assert_rc(claim(&c), 1);
    assert_int_equal(c.resume_rows, 5);
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
    expect_action(JOB_ACTION_START, id, 0, "RUNNING");
    assert_rc(claim(&d), 0);
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_STOPPED, NULL, &fx.ei));
    assert_status(id, "RUNNING");
    assert_rc(claim(&d), 1);
    job_claim_done(&c);

    /* A stop that comes too late to stop anything. */
    assert_ok(add(&d, 2, 5, 9));
    assert_ok(job_store_query_done(fx.store, id, d.attempt, 9, 0, &fx.ei));
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
    assert_int_equal(send_all(), 1);
    assert_status(id, "COMPLETED");
    job_claim_done(&d);
}

static void
test_start_with_new_secrets(void **state)
{
    char id[37], *spec = NULL, *secrets = NULL;
    struct job_record rec = {0};
    struct job_claim c;
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reap_counts n;
    int code;

    make_stopped(id);
    /* Stopped for longer than the secrets are kept. */
    char words[128];
    snprintf(words, sizeof(words), "ZADD {bl:0}:wipe 1 %s", id);
    redis_do(words);
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    store_cmd_job_spec(&cmd, "dom", id);
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_ok(store_reply_job_spec(r, &spec, &secrets, &fx.ei));
    assert_string_equal(spec, "{\"v\":1}");
    assert_null(secrets);
    free(spec);
    store_cmd_done(&cmd);
    freeReplyObject(r);
    store_cmd_job_spec(&cmd, "other", id);
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_rc(store_reply_job_spec(r, &spec, &secrets, &fx.ei), E_NOT_FOUND);
    store_cmd_done(&cmd);
    freeReplyObject(r);

    store_cmd_job_action(&cmd, JOB_ACTION_START, "dom", id, "v1.new");
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_ok(store_reply_job_action(r, &code, &rec, &fx.ei));
    assert_int_equal(code, 0);
    job_record_done(&rec);
    store_cmd_done(&cmd);
    freeReplyObject(r);
    assert_rc(claim(&c), 1);
    assert_string_equal(c.secrets, "v1.new");
    job_claim_done(&c);
    (void)state;
}

static void
test_remove_running(void **state)
{
    char id[37], name[96], words[128];
    struct job_claim c;
    struct chunk_claim k;
    struct job_renewal renewal;
    struct job_record r;

    (void)state;
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    assert_rc(chunk_claim(&k), 1);
    expect_action(JOB_ACTION_REMOVE, id, 0, "REMOVED");
    assert_rc(job_store_get(fx.store, "dom", id, &r, &fx.ei), E_NOT_FOUND);
    assert_ok(job_store_renew(fx.store, id, c.attempt, 20, 0, &renewal, &fx.ei));
    assert_true(renewal.stop && renewal.removed);
    assert_rc(add(&c, 3, 20, 30), E_LOST);
    assert_rc(job_store_query_done(fx.store, id, c.attempt, 20, 0, &fx.ei), E_LOST);
    assert_rc(job_store_chunk_renew(fx.store, &k, &fx.ei), E_LOST);
    assert_rc(job_store_chunk_done(fx.store, &k, "p", true, &fx.ei), E_LOST);
    assert_ok(job_store_release(fx.store, id, c.attempt, JOB_RELEASE_STOPPED, NULL, &fx.ei));
    assert_rc(job_store_trash_pop(fx.store, SPOOL_A, name, &fx.ei), 1);
    assert_rc(job_store_trash_pop(fx.store, SPOOL_A, name, &fx.ei), 1);
    assert_rc(job_store_trash_pop(fx.store, SPOOL_A, name, &fx.ei), 0);
    assert_rc(job_store_file_unused(fx.store, id, 1, c.attempt, &fx.ei), 1);
    assert_rc(job_store_result_unused(fx.store, id, &fx.ei), 1);
    chunk_claim_done(&k);
    assert_rc(chunk_claim(&k), 0);
    job_claim_done(&c);

    /* The tombstone is all that is left, for a while. */
    snprintf(words, sizeof(words), "PTTL {bl:0}:job:%s", id);
    assert_true(redis_int(words) > 0);
    assert_int_equal(redis_int("ZCARD {bl:0}:lease"), 0);
    assert_int_equal(redis_int("EXISTS {bl:0}:jobs:dom"), 0);
    snprintf(words, sizeof(words), "HLEN {bl:0}:job:%s", id);
    assert_int_equal(redis_int(words), 6);
}

/* --- uploads of removed chunks --------------------------------------------------------------- */

static void
begin_upload(unsigned index, const char *upload_id, struct chunk_claim *k)
{
    assert_rc(chunk_claim(k), 1);
    assert_int_equal(k->chunk.index, index);
    assert_ok(job_store_chunk_upload_id(fx.store, k, upload_id, &fx.ei));
}

/* Waiting, delayed, claimed and held chunks leave their uploads to be aborted; the one without an
 * upload does not. */
static void
test_remove_leaves_uploads_to_abort(void **state)
{
    static const char *const ids[] = {"up/1", "up\"2", "up3"};
    struct upload_abort a = {0};
    struct job_claim c;
    struct chunk_claim k[3];
    char id[37];
    unsigned i, round, seen = 0;

    (void)state;
    running(id, &c);
    for (i = 0; i < 4; i++)
        assert_ok(add(&c, i + 1, i * 10, i * 10 + 10));
    for (i = 0; i < 3; i++)
        begin_upload(i + 1, ids[i], &k[i]);
    assert_ok(job_store_chunk_retry(fx.store, &k[0], 100000, false, "later", &fx.ei));
    assert_ok(job_store_chunk_fail(fx.store, &k[1], "refused", &fx.ei)); /* holds 4 as well */
    assert_rc(job_store_abort_next(fx.store, SPOOL_A, &a, &fx.ei), 0);
    expect_action(JOB_ACTION_REMOVE, id, 0, "REMOVED");
    assert_rc(job_store_abort_next(fx.store, SPOOL_B, &a, &fx.ei), 0);
    /* Each comes round again until it is done. */
    for (round = 0; round < 2; round++) {
        for (i = 0; i < 3; i++) {
            assert_rc(job_store_abort_next(fx.store, SPOOL_A, &a, &fx.ei), 1);
            assert_string_equal(a.job, id);
            assert_string_equal(a.domain, "dom");
            assert_string_equal(a.spec, "{\"v\":1}");
            assert_string_equal(a.secrets, "v1.sealed");
            assert_in_range(a.index, 1, 3);
            assert_string_equal(a.upload_id, ids[a.index - 1]);
            seen += a.index;
            if (round == 1)
                assert_ok(job_store_abort_done(fx.store, SPOOL_A, &a, &fx.ei));
            upload_abort_done(&a);
        }
    }
    assert_int_equal(seen, 2 * (1 + 2 + 3));
    assert_rc(job_store_abort_next(fx.store, SPOOL_A, &a, &fx.ei), 0);
    for (i = 0; i < 3; i++)
        chunk_claim_done(&k[i]);
    job_claim_done(&c);
}

static void
test_uploads_to_abort_end(void **state)
{
    struct upload_abort a = {0};
    struct job_claim c;
    struct chunk_claim k;
    char id[37];

    (void)state;
    /* Damaged and old ones are forgotten. */
    redis_do("RPUSH {bl:0}:abort:" SPOOL_A " nonsense {\"at\":1} {\"at\":90000000000000}");
    assert_rc(job_store_abort_next(fx.store, SPOOL_A, &a, &fx.ei), E_PERMANENT);
    assert_rc(job_store_abort_next(fx.store, SPOOL_A, &a, &fx.ei), 0);
    assert_int_equal(redis_int("LLEN {bl:0}:abort:" SPOOL_A), 0);
    /* The list ends by itself. */
    running(id, &c);
    assert_ok(add(&c, 1, 0, 10));
    begin_upload(1, "u", &k);
    expect_action(JOB_ACTION_REMOVE, id, 0, "REMOVED");
    assert_in_range(redis_int("PTTL {bl:0}:abort:" SPOOL_A), 86000000, 86400000);
    chunk_claim_done(&k);
    job_claim_done(&c);
}

/* --- submission ------------------------------------------------------------------------------ */

static void
test_create(void **state)
{
    char id[37], other[37];

    (void)state;
    assert_ok(create(id, (struct job_opts){.name = "mine"}));
    assert_ok(create(id, (struct job_opts){.name = "mine", .id = id})); /* the call repeated */
    assert_int_equal(redis_int("ZCARD {bl:0}:queue:duckdb:batch:dom"), 1);
    assert_rc(create(other, (struct job_opts){.name = "mine"}), E_CONFLICT);
    assert_non_null(strstr(fx.ei.msg, "'mine'"));
    assert_ok(create(other, (struct job_opts){.name = "mine", .domain = "elsewhere"}));

    /* STOPPED keeps its name, removed and COMPLETED give it back. */
    expect_action(JOB_ACTION_STOP, id, 0, "STOPPED");
    assert_rc(create(other, (struct job_opts){.name = "mine"}), E_CONFLICT);
    expect_action(JOB_ACTION_REMOVE, id, 0, "REMOVED");
    assert_ok(create(other, (struct job_opts){.name = "mine"}));

    assert_rc(create(id, (struct job_opts){.queued_limit = 1}), E_NOSPACE);
    assert_non_null(strstr(fx.ei.msg, "limit"));
    assert_rc(job_store_get(fx.store, "dom", id, &(struct job_record){0}, &fx.ei), E_NOT_FOUND);
}

/* The same key and body give the first job, also when it is gone; another body is refused. */
static void
test_repeated_create(void **state)
{
    static const struct {
        const char *name, *domain, *idem, *replay, *hash;
        int want;
        bool same; /* the first job's id */
    } rows[] = {
        {"first", "dom", "k:1", "s:1", HASH_A, E_OK, false},
        {"again", "dom", "k:1", "s:2", HASH_A, E_OK, true},
        {"replayed without the key", "dom", NULL, "s:1", HASH_A, E_OK, true},
        {"other body", "dom", "k:1", "s:3", HASH_B, E_INVALID, false},
        {"other key", "dom", "k:2", NULL, HASH_B, E_OK, false},
        {"other domain", "other", "k:1", "s:1", HASH_B, E_OK, false},
        {"no key", "dom", NULL, NULL, HASH_A, E_OK, false},
    };
    char first[37] = "", id[37];
    size_t i;
    int rc;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        rc = create(id, (struct job_opts){.domain = rows[i].domain,
                                          .idem = rows[i].idem,
                                          .replay = rows[i].replay,
                                          .hash = rows[i].hash});
        if (rc != rows[i].want || (strcmp(id, first) == 0) != rows[i].same)
            fail_msg("%s: got %d %s, want %d %s%s", rows[i].name, rc, id, rows[i].want,
                     rows[i].same ? "" : "not ", first);
        if (i == 0)
            memcpy(first, id, sizeof(first));
    }
    expect_action(JOB_ACTION_REMOVE, first, 0, "REMOVED");
    assert_ok(create(id, (struct job_opts){.idem = "k:1"}));
    assert_string_equal(id, first);
    assert_in_range(redis_int("PTTL {bl:0}:idem:dom:k:1"), 1, 60000);
}

static void
test_priority_and_age(void **state)
{
    static const int priorities[] = {2, 1, 1, 0};
    static const size_t want[] = {3, 1, 2, 0};
    char ids[4][37];
    struct job_claim c;
    size_t i;

    (void)state;
    for (i = 0; i < 4; i++)
        assert_ok(create(ids[i], (struct job_opts){.priority = priorities[i]}));
    for (i = 0; i < 4; i++) {
        assert_rc(claim(&c), 1);
        assert_string_equal(c.id, ids[want[i]]);
        job_claim_done(&c);
    }
}

/* Two domains: one with a hundred jobs does not delay the other's two. */
static void
test_fair_domains(void **state)
{
    char id[37];
    struct job_claim c;
    int i, small = 0;

    (void)state;
    for (i = 0; i < 100; i++)
        assert_ok(create(id, (struct job_opts){.domain = "big"}));
    for (i = 0; i < 2; i++)
        assert_ok(create(id, (struct job_opts){.domain = "small"}));
    for (i = 0; i < 4; i++) {
        assert_rc(claim(&c), 1);
        small += strcmp(c.domain, "small") == 0;
        job_claim_done(&c);
    }
    assert_int_equal(small, 2);
    for (i = 0; i < 98; i++) {
        assert_rc(claim(&c), 1);
        job_claim_done(&c);
    }
    assert_rc(claim(&c), 0);
}

/* Uploads take turns between jobs, lowest index first. */
static void
test_fair_uploads(void **state)
{
    static const unsigned want_index[] = {1, 1, 2, 2, 3};
    char a[37], b[37];
    struct job_claim c, d;
    struct chunk_claim k;
    char last[37] = "";
    size_t i;

    (void)state;
    running(a, &c);
    running(b, &d);
    assert_ok(add(&c, 1, 0, 10));
    assert_ok(add(&c, 2, 10, 20));
    assert_ok(add(&c, 3, 20, 30));
    assert_ok(add(&d, 1, 0, 10));
    assert_ok(add(&d, 2, 10, 20));
    assert_rc(job_store_chunk_claim(fx.store, SPOOL_B, "u", &k, &fx.ei), 0);
    for (i = 0; i < ARRAY_LEN(want_index); i++) {
        assert_rc(chunk_claim(&k), 1);
        assert_int_equal(k.chunk.index, want_index[i]);
        assert_string_not_equal(k.chunk.job, last);
        memcpy(last, k.chunk.job, sizeof(last));
        chunk_claim_done(&k);
    }
    job_claim_done(&c);
    job_claim_done(&d);
}

static void
test_running_limit(void **state)
{
    struct job_opts limited = {.domain = "lim", .running_limit = 1};
    char id[37];
    struct job_claim c, d;

    (void)state;
    assert_ok(create(id, limited));
    assert_ok(create(id, limited));
    assert_ok(create(id, limited));
    assert_rc(claim(&c), 1);
    assert_rc(claim(&d), 0);
    assert_ok(create(id, (struct job_opts){0})); /* others are not held up */
    assert_rc(claim(&d), 1);
    assert_string_equal(d.id, id);
    job_claim_done(&d);
    assert_ok(job_store_release(fx.store, c.id, c.attempt, JOB_RELEASE_FAILED, "x", &fx.ei));
    job_claim_done(&c);
    assert_rc(claim(&c), 1);
    assert_string_equal(c.domain, "lim");
    assert_rc(claim(&d), 0);
    job_claim_done(&c);
}

/* --- lists, expiry --------------------------------------------------------------------------- */

static size_t
list(const char *domain, const char *type, const char *prefix, int64_t limit,
     struct job_record **ret)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    char *cursor = NULL;
    size_t n = 0;

    assert_ok(
        store_cmd_job_list(&cmd, domain, &(struct job_filter){type, prefix, NULL, NULL, limit}));
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_ok(store_reply_job_list(r, ret, &n, &cursor, &fx.ei));
    store_cmd_done(&cmd);
    freeReplyObject(r);
    free(cursor);
    return n;
}

static void
test_list(void **state)
{
    static const struct {
        const char *name, *domain, *type, *prefix;
        int64_t limit;
        size_t want;
        const char *first;
    } cases[] = {
        {"all, newest first", "dom", NULL, NULL, 1000, 5, "beta2"},
        {"cut at the limit", "dom", "", "", 2, 2, "beta2"},
        {"by type", "dom", "donothing", NULL, 1000, 1, "alpha3"},
        {"by prefix", "dom", NULL, "alpha", 1000, 3, "alpha3"},
        {"both", "dom", "s3", "alpha", 1000, 2, "alpha2"},
        {"a prefix is no pattern", "dom", NULL, "alph.", 1000, 0, ""},
        {"another domain", "other", NULL, NULL, 1000, 0, ""},
    };
    static const struct job_opts jobs[] = {
        {.name = "alpha1"}, {.name = "alpha2"}, {.name = "alpha3", .type = "donothing"},
        {.name = "beta1"},  {.name = "beta2"},
    };
    struct job_record *r = NULL;
    char id[37];
    size_t i, n;

    (void)state;
    for (i = 0; i < ARRAY_LEN(jobs); i++)
        assert_ok(create(id, jobs[i]));
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        n = list(cases[i].domain, cases[i].type, cases[i].prefix, cases[i].limit, &r);
        if (n != cases[i].want || (n > 0 && strcmp(r[0].friendly_name, cases[i].first) != 0))
            fail_msg("%s: got %zu %s, want %zu %s", cases[i].name, n,
                     n > 0 ? r[0].friendly_name : "", cases[i].want, cases[i].first);
        job_records_free(r, n);
    }
}

/* Pages of two, in the middle of which jobs are removed and made: each other job comes once. */
static void
test_list_pages(void **state)
{
    static const struct {
        const char *name, *status;
        size_t want[4];
    } rows[] = {{"all", NULL, {2, 2, 1, 0}}, {"one status", "STOPPED", {1, 0, 0, 0}}};
    struct job_record *list_of = NULL;
    struct store_cmd cmd;
    struct redisReply *r;
    char id[6][37], status[16], *cursor = NULL, *next = NULL;
    size_t i, page, n;

    (void)state;
    for (i = 0; i < 5; i++)
        assert_ok(create(id[i], (struct job_opts){0}));
    act(JOB_ACTION_STOP, "dom", id[0], status);
    assert_rc(store_cmd_job_list(&cmd, "dom", &(struct job_filter){.cursor = "12-x", .limit = 2}),
              E_INVALID);
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        for (page = 0; page == 0 || cursor != NULL; page++) {
            assert_ok(store_cmd_job_list(
                &cmd, "dom",
                &(struct job_filter){.status = rows[i].status, .cursor = cursor, .limit = 2}));
            assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
            assert_ok(store_reply_job_list(r, &list_of, &n, &next, &fx.ei));
            store_cmd_done(&cmd);
            freeReplyObject(r);
            if (n != rows[i].want[page])
                fail_msg("%s, page %zu: got %zu jobs, want %zu", rows[i].name, page, n,
                         rows[i].want[page]);
            if (i == 0 && page == 0) { /* the one that the cursor names goes, a newer comes */
                act(JOB_ACTION_REMOVE, "dom", list_of[1].id, status);
                assert_ok(create(id[5], (struct job_opts){0}));
            }
            job_records_free(list_of, n);
            free(cursor);
            cursor = next;
        }
    }
}

static void
test_list_shows_ten_paths(void **state)
{
    struct job_record *list_of = NULL, r;
    struct job_claim c;
    char id[37];
    unsigned i;

    (void)state;
    running(id, &c);
    for (i = 0; i < 12; i++)
        assert_ok(add(&c, i + 1, i, i + 1));
    assert_int_equal(send_all(), 12);
    assert_int_equal(list("dom", NULL, NULL, 10, &list_of), 1);
    assert_int_equal(list_of[0].path_count, 10);
    assert_int_equal(list_of[0].paths_total, 12);
    assert_non_null(strstr(list_of[0].paths[9], "_012"));
    job_records_free(list_of, 1);
    r = get(id);
    assert_int_equal(r.path_count, 12);
    assert_non_null(strstr(r.paths[0], "_001"));
    job_record_done(&r);
    job_claim_done(&c);
}

static void
test_expiry(void **state)
{
    char old[37], young[37], words[256];
    struct job_store *few = NULL;
    struct job_record r;
    struct reap_counts n;

    (void)state;
    make_completed(old);
    make_stopped(young);
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.expired, 0);
    snprintf(words, sizeof(words), "ZADD {bl:0}:expire 1 %s", old);
    redis_do(words);
    assert_ok(job_store_reap(fx.store, &n, &fx.ei));
    assert_int_equal(n.expired, 1);
    assert_rc(job_store_get(fx.store, "dom", old, &r, &fx.ei), E_NOT_FOUND);
    snprintf(words, sizeof(words), "EXISTS {bl:0}:job:%s {bl:0}:files:%s {bl:0}:paths:%s", old, old,
             old);
    assert_int_equal(redis_int(words), 0);
    assert_status(young, "STOPPED");

    /* The newest keep_count of a domain stay. */
    assert_ok(config_set(fx.cfg, "job.keep_count=2", &fx.ei));
    assert_ok(job_store_open(fx.cfg, &few, &fx.ei));
    make_completed(old);
    make_completed(old);
    assert_ok(job_store_reap(few, &n, &fx.ei));
    assert_int_equal(n.expired, 1);
    assert_rc(job_store_get(fx.store, "dom", young, &r, &fx.ei), E_NOT_FOUND);
    assert_status(old, "COMPLETED");
    job_store_close(few);
}

/* --- credentials ----------------------------------------------------------------------------- */

static int
cred_by(void (*build)(struct store_cmd *c, const char *v), const char *value,
        struct cred_record *ret)
{
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    build(&cmd, value);
    rc = job_store_call(fx.store, &cmd, &r, &fx.ei);
    if (rc == E_OK)
        rc = store_reply_cred(r, ret, &fx.ei);
    store_cmd_done(&cmd);
    freeReplyObject(r);
    return rc;
}

static void
test_credentials(void **state)
{
    char *file = mem_printf("%s/master", fx.dir), *place, *secret = NULL, hash[65];
    struct cred_new n = {0}, m = {0};
    struct cred_record r, *all = NULL;
    struct seal *seal = NULL;
    size_t count = 0;

    (void)state;
    assert_ok(seal_make_key(file, &fx.ei));
    assert_ok(seal_open(file, &seal, &fx.ei));
    assert_rc(cred_store_add(fx.store, seal, "a:b", "**", false, 0, &n, &fx.ei), E_INVALID);
    assert_ok(cred_store_add(fx.store, seal, "demo", "demo.**,x.y", true, 99, &n, &fx.ei));
    assert_ok(cred_store_add(fx.store, seal, "demo2", "**", false, 0, &m, &fx.ei));
    assert_int_equal(strlen(n.api_key), 24);
    assert_int_equal(strncmp(n.token, "bl_", 3), 0);

    assert_ok(cred_by(store_cmd_cred_get, n.api_key, &r));
    assert_string_equal(r.domain, "demo");
    assert_string_equal(r.tables, "demo.**,x.y");
    assert_true(r.read_only);
    assert_int_equal(r.expires_ms, 99);
    place = mem_printf("cred|%s", n.api_key);
    assert_ok(seal_parse(seal, r.secret, place, &secret, &fx.ei));
    assert_string_equal(secret, n.api_secret);
    mem_wipe_free(secret);
    cred_record_done(&r);
    digest_sha256_hex(n.token, strlen(n.token), hash);
    assert_ok(cred_by(store_cmd_cred_by_token, hash, &r));
    assert_string_equal(r.api_key, n.api_key);
    cred_record_done(&r);

    assert_ok(cred_store_list(fx.store, &all, &count, &fx.ei));
    assert_int_equal(count, 2);
    while (count > 0)
        cred_record_done(&all[--count]);
    free(all);
    assert_ok(cred_store_revoke(fx.store, n.api_key, &fx.ei));
    assert_rc(cred_store_revoke(fx.store, n.api_key, &fx.ei), E_NOT_FOUND);
    assert_rc(cred_by(store_cmd_cred_get, n.api_key, &r), E_NOT_FOUND);
    assert_rc(cred_by(store_cmd_cred_by_token, hash, &r), E_NOT_FOUND);
    cred_new_done(&n);
    cred_new_done(&m);
    seal_close(seal);
    free(place);
    free(file);
}

#define T(f) cmocka_unit_test_setup(f, fixture_reset)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_action_matrix),
        T(test_stop_and_start),
        T(test_start_with_new_secrets),
        T(test_remove_running),
        T(test_create),
        T(test_repeated_create),
        T(test_priority_and_age),
        T(test_fair_domains),
        T(test_fair_uploads),
        T(test_running_limit),
        T(test_list),
        T(test_list_pages),
        T(test_list_shows_ten_paths),
        T(test_expiry),
        T(test_credentials),
        T(test_remove_leaves_uploads_to_abort),
        T(test_uploads_to_abort_end),
    };

    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
