#ifndef UNIT_STORE_FIXTURE_H
#define UNIT_STORE_FIXTURE_H

/*
 * A private redis-server on a Unix socket in a fresh folder, a job store on it, and short forms of
 * its calls, for the live tests of the store. Everything is static: each test program has its own.
 */

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/digest.h"
#include "common/base/fs.h"
#include "common/base/ids.h"
#include "common/store/job_store.h"
#include "common/store/store_cmd.h"
#include "common/store/store_keys.h"

#include <errno.h>
#include <fcntl.h>
#include <hiredis/hiredis.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define LIMIT_MS 15000
#define SPOOL_A  "11111111-1111-4111-8111-111111111111"
#define SPOOL_B  "22222222-2222-4222-8222-222222222222"
#define HASH_A   "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B   "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define HASH_C   "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"
#define STRANGER "0123456789abcdef0123456789abcdef"

static struct {
    char dir[64];
    char *socket;
    pid_t pid;
    struct config *cfg;
    struct job_store *store;
    struct errinfo ei;
} fx UNUSED;

#define assert_ok(call)                                                                            \
    do {                                                                                           \
        int assert_rc = (call);                                                                    \
        if (assert_rc != E_OK)                                                                     \
            fail_msg("%s: got %s (%s), want ok", #call, errc_name((enum errc)assert_rc),           \
                     fx.ei.msg);                                                                   \
    } while (0)

#define assert_rc(call, want)                                                                      \
    do {                                                                                           \
        int assert_got = (call);                                                                   \
        if (assert_got != (want))                                                                  \
            fail_msg("%s: got %d %s (%s), want %d", #call, assert_got,                             \
                     assert_got < 0 ? errc_name((enum errc)assert_got) : "", fx.ei.msg, (want));   \
    } while (0)

/* --- the server ------------------------------------------------------------------------------ */

static UNUSED void
redis_start(void)
{
    int64_t until = clock_mono_ms() + LIMIT_MS;
    struct store_cmd ping;
    struct redisReply *r = NULL;
    char *log = mem_printf("%s/log", fx.dir);
    pid_t parent = getpid();
    int fd, rc;

    fx.pid = fork();
    if (fx.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent || setpgid(0, 0) < 0)
            _exit(1);
        fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        dup2(fd, 1);
        dup2(fd, 2);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", fx.socket, "--dir",
               fx.dir, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "",
               "--maxmemory-policy", "noeviction", "--daemonize", "no", (char *)NULL);
        _exit(127);
    }
    free(log);
    store_cmd_ping(&ping);
    do {
        rc = job_store_call(fx.store, &ping, &r, &fx.ei);
    } while (rc < 0 && clock_mono_ms() < until);
    store_cmd_done(&ping);
    freeReplyObject(r);
    if (rc < 0)
        fail_msg("redis-server does not answer: %s", fx.ei.msg);
}

static UNUSED void
redis_kill(void)
{
    if (fx.pid > 0) {
        kill(-fx.pid, SIGKILL); /* and its child that rewrites the append-only file */
        kill(fx.pid, SIGKILL);
        waitpid(fx.pid, NULL, 0);
    }
    fx.pid = 0;
}

/* A plain command, for looking behind the scripts. Each word is an argument, no quoting. */
static UNUSED struct redisReply *
redis(const char *words)
{
    struct store_cmd c = {.script = -1};
    struct redisReply *r = NULL;
    char *copy = mem_strdup(words), *save = NULL, *word;
    size_t n = 0;

    c.cap = 32;
    c.argv = mem_zalloc(32 * sizeof(*c.argv));
    c.len = mem_zalloc(32 * sizeof(*c.len));
    for (word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
        c.argv[n] = mem_strdup(word);
        c.len[n++] = strlen(word);
    }
    c.argc = (int)n;
    if (job_store_call(fx.store, &c, &r, &fx.ei) < 0)
        fail_msg("%s: %s", words, fx.ei.msg);
    store_cmd_done(&c);
    free(copy);
    return r;
}

static UNUSED long long
redis_int(const char *words)
{
    struct redisReply *r = redis(words);
    long long v = r->type == REDIS_REPLY_INTEGER ? r->integer : -1;

    freeReplyObject(r);
    return v;
}

static UNUSED void
redis_do(const char *words)
{
    freeReplyObject(redis(words));
}

static UNUSED int
fixture_open(void **state)
{
    struct errinfo ei = ERRINFO_INIT;
    char *set;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(fx.dir, sizeof(fx.dir), "/tmp/store-test-XXXXXX");
    if (mkdtemp(fx.dir) == NULL)
        return -1;
    fx.socket = mem_printf("%s/s", fx.dir);
    fx.cfg = config_new();
    set = mem_printf("redis.address=%s", fx.socket);
    if (config_set(fx.cfg, set, &ei) < 0 || config_set(fx.cfg, "job.lease_s=2", &ei) < 0 ||
        config_set(fx.cfg, "job.attempts=3", &ei) < 0 ||
        config_set(fx.cfg, "redis.timeout_ms=1000", &ei) < 0 ||
        job_store_open(fx.cfg, &fx.store, &ei) < 0) {
        fprintf(stderr, "%s\n", ei.msg);
        return -1;
    }
    free(set);
    redis_start();
    return 0;
}

static UNUSED int
fixture_close(void **state)
{
    int64_t until = clock_mono_ms() + LIMIT_MS;
    struct errinfo ei = ERRINFO_INIT;
    int rc;

    (void)state;
    redis_kill();
    job_store_close(fx.store);
    config_free(fx.cfg);
    free(fx.socket);
    do { /* the server's child may die a moment later than the server */
        rc = fs_remove_tree(AT_FDCWD, fx.dir, true, &ei);
    } while (rc < 0 && clock_mono_ms() < until);
    if (rc < 0)
        fprintf(stderr, "%s\n", ei.msg);
    return rc;
}

static UNUSED int
fixture_reset(void **state)
{
    (void)state;
    redis_do("CONFIG SET maxmemory 0");
    redis_do("FLUSHALL");
    return 0;
}

/* --- short forms ----------------------------------------------------------------------------- */

struct job_opts {
    const char *domain, *name, *type, *id;
    const char *idem, *replay, *hash;
    int priority;
    int64_t queued_limit, running_limit;
};

/* Creates a job; id gets a fresh one unless the options have it, or the earlier one of its key. */
static UNUSED int
create(char id[IDS_UUID_LEN + 1], struct job_opts o)
{
    struct job_new j = {.domain = o.domain != NULL ? o.domain : "dom",
                        .owner = "key",
                        .cid = "0123456789ab",
                        .type = o.type != NULL ? o.type : "s3",
                        .query = "from t select *",
                        .table = "t",
                        .engine = "duckdb",
                        .kind = "batch",
                        .priority = o.priority,
                        .spec = "{\"v\":1}",
                        .secrets = "v1.sealed",
                        .queued_limit = o.queued_limit != 0 ? o.queued_limit : 1000,
                        .running_limit = o.running_limit,
                        .body_mark = o.hash != NULL ? o.hash : HASH_A,
                        .idem_key = o.idem,
                        .replay_key = o.replay,
                        .idem_ms = 60000,
                        .replay_ms = 60000};
    struct job_created made = {0};
    char name[64];
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int rc;

    if (o.id != NULL)
        memcpy(id, o.id, IDS_UUID_LEN + 1);
    else
        ids_uuid(id);
    snprintf(name, sizeof(name), "s3_%s", id);
    j.id = id;
    j.friendly_name = o.name != NULL ? o.name : name;
    store_cmd_job_create(&cmd, &j);
    rc = job_store_call(fx.store, &cmd, &r, &fx.ei);
    if (rc == E_OK)
        rc = store_reply_job_create(r, &made, &fx.ei);
    if (rc == E_OK)
        memcpy(id, made.id, sizeof(made.id));
    store_cmd_done(&cmd);
    freeReplyObject(r);
    return rc;
}

static UNUSED int
claim(struct job_claim *c)
{
    return job_store_claim(fx.store, "duckdb", "batch", "worker-1", c, &fx.ei);
}

/* A new job that is claimed. */
static UNUSED void
running(char id[IDS_UUID_LEN + 1], struct job_claim *c)
{
    assert_ok(create(id, (struct job_opts){0}));
    assert_rc(claim(c), 1);
    assert_string_equal(c->id, id);
}

static UNUSED struct chunk_record
chunk(const struct job_claim *c, unsigned index, int64_t start, int64_t end)
{
    struct chunk_record r = {.index = index,
                             .start = start,
                             .end = end,
                             .bytes = 100,
                             .content_bytes = 1000,
                             .last_event_ms = 1546300800000 + end,
                             .file_sha256 = HASH_A,
                             .content_sha256 = HASH_B,
                             .last_row_sha256 = HASH_C,
                             .spool = SPOOL_A};

    memcpy(r.job, c->id, sizeof(r.job));
    memcpy(r.attempt, c->attempt, sizeof(r.attempt));
    return r;
}

static UNUSED int
add(const struct job_claim *c, unsigned index, int64_t start, int64_t end)
{
    struct chunk_record r = chunk(c, index, start, end);
    int unsent;

    return job_store_chunk_add(fx.store, &r, &unsent, &fx.ei);
}

static UNUSED int
chunk_claim(struct chunk_claim *c)
{
    return job_store_chunk_claim(fx.store, SPOOL_A, "uploader-1", c, &fx.ei);
}

/* Sends every pending chunk; the number. */
static UNUSED int
send_all(void)
{
    struct chunk_claim c;
    char path[128];
    int n = 0;

    while (chunk_claim(&c) == 1) {
        snprintf(path, sizeof(path), "https://b/%s_%03u", c.chunk.job, c.chunk.index);
        assert_ok(job_store_chunk_done(fx.store, &c, path, true, &fx.ei));
        chunk_claim_done(&c);
        n++;
    }
    return n;
}

static UNUSED struct job_record
get(const char *id)
{
    struct job_record r = {0};

    assert_ok(job_store_get(fx.store, "dom", id, &r, &fx.ei));
    return r;
}

static UNUSED void
assert_status(const char *id, const char *want)
{
    struct job_record r = get(id);

    assert_string_equal(job_status_name(r.status), want);
    job_record_done(&r);
}

/* The code; the job's status (or "") into status. */
static UNUSED int
act(enum job_action a, const char *domain, const char *id, char status[16])
{
    struct job_record rec = {0};
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    int code = -1;

    store_cmd_job_action(&cmd, a, domain, id, NULL);
    assert_ok(job_store_call(fx.store, &cmd, &r, &fx.ei));
    assert_ok(store_reply_job_action(r, &code, &rec, &fx.ei));
    snprintf(status, 16, "%s", code != 100 ? job_status_name(rec.status) : "");
    job_record_done(&rec);
    store_cmd_done(&cmd);
    freeReplyObject(r);
    return code;
}

static UNUSED void
expect_action(enum job_action a, const char *id, int want_code, const char *want_status)
{
    char status[16];

    assert_int_equal(act(a, "dom", id, status), want_code);
    assert_string_equal(status, want_status);
}

/* All leases are over now; the next reap sees it. */
static UNUSED void
expire_leases(void)
{
    struct redisReply *r = redis("ZRANGE {bl:0}:lease 0 -1");
    char words[256];
    size_t i;

    for (i = 0; i < r->elements; i++) {
        snprintf(words, sizeof(words), "ZADD {bl:0}:lease 1 %s", r->element[i]->str);
        redis_do(words);
    }
    freeReplyObject(r);
}

#endif
