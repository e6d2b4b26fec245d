#include "api/client/client.h"

#include "api/client/http.h"
#include "common/base/seal.h"
#include "common/base/service.h"
#include "common/s3/s3_client.h"
#include "common/spool/spool.h"
#include "common/store/job_store.h"

#include <errno.h>
#include <event2/event.h>
#include <linux/landlock.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define SKEW_FAIL_S 300

enum verdict { FINE, WARN, FAIL };

struct doctor {
    struct config *cfg;
    int failed;
};

/* One check: says what it found and, unless all is well, what to do. */
static void
say(struct doctor *d, enum verdict v, const char *what, const char *found, const char *advice)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};

    printf("%-5s %-14s %s\n", words[v], what, found);
    if (v != FINE && advice != NULL)
        printf("%-5s %-14s -> %s\n", "", "", advice);
    d->failed += v == FAIL;
}

static void
check_master_key(struct doctor *d)
{
    const char *file = config_str(d->cfg, "secrets.master_key_file");
    struct errinfo ei = ERRINFO_INIT;
    struct seal *s;

    if (file[0] == '\0') {
        say(d, FAIL, "master key", "secrets.master_key_file is not set",
            "bucketline key master FILE, and name the file there");
    } else if (seal_open(file, &s, &ei) < 0) {
        say(d, FAIL, "master key", ei.msg, "every process needs the same readable file");
    } else {
        say(d, FINE, "master key", file, NULL);
        seal_close(s);
    }
}

static void
check_redis(struct doctor *d)
{
    struct errinfo ei = ERRINFO_INIT;
    struct job_store *s = NULL;
    int rc = job_store_open(d->cfg, &s, &ei);

    if (rc == E_OK)
        rc = job_store_check(s, &ei);
    if (rc < 0)
        say(d, FAIL, "redis", ei.msg,
            "Redis 7 or later, maxmemory-policy noeviction, appendonly yes; see deploy/redis.conf");
    else if (!config_bool(d->cfg, "redis.require_noeviction"))
        say(d, WARN, "redis", "redis.require_noeviction is off: nobody looks at eviction and AOF",
            "turn it on wherever jobs must not be lost");
    else
        say(d, FINE, "redis", config_str(d->cfg, "redis.address"), NULL);
    job_store_close(s);
}

static void
check_spool(struct doctor *d)
{
    struct errinfo ei = ERRINFO_INIT;
    const char *dir = config_str(d->cfg, "spool.dir");
    struct spool *s = NULL;
    int64_t used = 0, left = 0;
    char text[512];
    int rc;

    /* Not made here: it would belong to whoever runs the doctor. */
    if (access(dir, F_OK) < 0 && errno == ENOENT) {
        snprintf(text, sizeof(text), "'%.400s' is not there yet", dir);
        say(d, WARN, "spool", text, "worker and uploader make it if they may write its parent");
        return;
    }
    rc = spool_open(d->cfg, &s, &ei);
    if (rc == E_OK && faccessat(spool_ready_fd(s), ".", W_OK | X_OK, 0) < 0)
        rc = errinfo_errno(&ei, errno, "write into '%s/ready'", dir);
    if (rc == E_OK)
        rc = spool_space(s, &used, &left, &ei);
    if (rc < 0) {
        say(d, FAIL, "spool", ei.msg,
            "spool.dir must be a folder on a local disk that we may write");
    } else {
        snprintf(text, sizeof(text), "%s: %lld MB used, %lld MB left", spool_dir(s),
                 (long long)(used >> 20), (long long)(left >> 20));
        say(d, left < (512LL << 20) ? WARN : FINE, "spool", text,
            "runners are held back while there is little room: raise spool.limit or free the disk");
    }
    spool_close(s);
}

/* Our own folder, where the other programs lie. */
static char *
sibling(const char *name)
{
    char self[512];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    char *slash;

    self[n > 0 ? n : 0] = '\0';
    slash = strrchr(self, '/');
    if (slash != NULL)
        *slash = '\0';
    return mem_printf("%s/%s", self, name);
}

/* The worker with our configuration and --check: it starts only if its libraries are found. */
static void
exec_worker(const char *program, struct client *c)
{
    char *args[2 * ARRAY_LEN(c->sets) + 8];
    size_t n = 0, i;

    args[n++] = (char *)program;
    if (c->config != NULL) {
        args[n++] = (char *)"--config";
        args[n++] = (char *)c->config;
    }
    for (i = 0; i < c->set_count; i++) {
        args[n++] = (char *)"--set";
        args[n++] = c->sets[i];
    }
    args[n++] = (char *)"--check";
    args[n] = NULL;
    if (freopen("/dev/null", "w", stdout) != NULL)
        execv(program, args);
    _exit(127);
}

static void
check_engine(struct doctor *d, struct client *c)
{
    char *program = sibling("bucketline-worker");
    int status = -1;
    pid_t pid;

    fflush(stdout); /* or the child would print it again */
    pid = fork();
    if (pid == 0)
        exec_worker(program, c);
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (status == 0)
        say(d, FINE, "engine", program, NULL);
    else
        say(d, FAIL, "engine",
            WIFEXITED(status) && WEXITSTATUS(status) == 127 && access(program, X_OK) < 0
                ? "bucketline-worker is not beside this program"
                : "bucketline-worker cannot be started",
            "is libduckdb.so where it was built for? run deploy/setup.sh");
    if (access(config_str(d->cfg, "duckdb.data_dir"), R_OK | X_OK) < 0)
        say(d, FAIL, "data", strerror(errno), "duckdb.data_dir must be a folder that we may read");
    else
        say(d, FINE, "data", config_str(d->cfg, "duckdb.data_dir"), NULL);
    free(program);
}

static void
check_landlock(struct doctor *d)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    bool required = strcmp(config_str(d->cfg, "duckdb.landlock"), "require") == 0;
    char text[64];

    if (abi > 0) {
        snprintf(text, sizeof(text), "ABI %ld", abi);
        say(d, FINE, "landlock", text, NULL);
    } else {
        say(d, required ? FAIL : WARN, "landlock", "this kernel has none",
            "runners rely on the engine's own sandbox; Linux 5.13 or later has Landlock");
    }
}

static void
check_endpoint(struct doctor *d)
{
    const char *url = config_str(d->cfg, "s3.endpoint");
    struct errinfo ei;
    int64_t ahead_s = 0;
    bool known = false;
    char text[300];

    if (url[0] == '\0') {
        say(d, FINE, "s3 endpoint", "Amazon's, by the region of each job", NULL);
        return;
    }
    if (http_clock(url, config_str(d->cfg, "s3.ca_file"), &known, &ahead_s, &ei) < 0) {
        say(d, FAIL, "s3 endpoint", ei.msg,
            "s3.endpoint must be reachable from here, s3.ca_file hold its CA if it is no public "
            "one");
        return;
    }
    snprintf(text, sizeof(text), "%.250s answers", url);
    say(d, FINE, "s3 endpoint", text, NULL);
    if (!known) {
        say(d, WARN, "clock", "the store does not say its time", "compare the clocks by hand");
        return;
    }
    snprintf(text, sizeof(text), "%lld s ahead of the store's", (long long)ahead_s);
    say(d, ahead_s > SKEW_FAIL_S || ahead_s < -SKEW_FAIL_S ? FAIL : FINE, "clock", text,
        "S3 refuses requests that are 15 minutes off: run an NTP client");
}

static void
on_bucket(void *ctx, const struct s3_result *res)
{
    struct s3_result *out = ctx;

    *out = *res;
}

static void
check_default_store(struct doctor *d)
{
    struct s3_client_options opt = {
        .base = event_base_new(), .ca_file = config_str(d->cfg, "s3.ca_file"), .attempts = 2};
    struct s3_target t = {.bucket = config_str(d->cfg, "default_store.bucket"),
                          .region = config_str(d->cfg, "default_store.region"),
                          .endpoint = config_str(d->cfg, "s3.endpoint"),
                          .path_style = config_bool(d->cfg, "s3.path_style"),
                          .access_key = config_str(d->cfg, "default_store.access_key")};
    struct s3_result res = {.outcome = S3_CANCELLED};
    struct s3_client *client = NULL;
    struct errinfo ei = ERRINFO_INIT;
    char *secret = NULL;
    int rc = config_secret(d->cfg, "default_store.secret_key_file", &secret, &ei);

    t.secret_key = secret != NULL ? secret : "";
    if (rc == E_OK)
        rc = s3_client_new(&opt, &client, &ei);
    if (rc == E_OK && s3_check_bucket(client, &t, on_bucket, &res, &ei) == NULL)
        rc = ei.code;
    if (rc == E_OK)
        event_base_dispatch(opt.base);
    if (rc == E_OK && res.outcome == S3_OK)
        say(d, FINE, "default store", t.bucket, NULL);
    else if (rc == E_OK && strcmp(res.code, "AccessDenied") == 0)
        say(d, WARN, "default store", "key and secret are right, listing is not allowed",
            "that is enough if they may put objects; try a small job");
    else
        say(d, FAIL, "default store", rc < 0 ? ei.msg : res.message,
            "section default_store names bucket, region and keys of the operator's own store");
    s3_client_free(client);
    event_base_free(opt.base);
    mem_wipe_free(secret);
}

int
cmd_doctor(struct client *c, int argc, char **argv)
{
    struct doctor d = {0};
    struct errinfo ei;
    const char *file;

    (void)argv;
    if (argc != 1)
        return client_fail(EXIT_USAGE, "doctor takes no arguments");
    if (service_load_config(c->config, c->sets, c->set_count, &d.cfg, &ei) < 0) {
        say(&d, FAIL, "configuration", ei.msg, "--help of the services lists all options");
        return EXIT_USAGE;
    }
    file = c->config != NULL ? c->config : getenv("BUCKETLINE_CONF");
    say(&d, FINE, "configuration",
        file != NULL && file[0] != '\0' ? file : "environment and defaults", NULL);
    fflush(stdout);
    check_master_key(&d);
    check_redis(&d);
    check_engine(&d, c);
    check_landlock(&d);
    check_spool(&d);
    check_endpoint(&d);
    if (config_str(d.cfg, "default_store.bucket")[0] != '\0')
        check_default_store(&d);
    config_free(d.cfg);
    return d.failed > 0 ? EXIT_FAILED : EXIT_FINE;
}
