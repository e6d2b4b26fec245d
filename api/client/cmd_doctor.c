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
    else
        say(d, FINE, "redis", config_str(d->cfg, "redis.address"), NULL);
    job_store_close(s);
}

static void
check_spool(struct doctor *d)
{
    struct errinfo ei = ERRINFO_INIT;
    struct spool *s = NULL;
    int64_t used = 0, left = 0;
    char text[512];
    int rc = spool_open(d->cfg, &s, &ei);

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

static void
check_engine(struct doctor *d, struct client *c)
{
    char *program = sibling("bucketline-worker");
    int status = -1;
    pid_t pid;

    fflush(stdout); /* or the child would print it again */
    pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stdout) == NULL)
            _exit(126);
        if (c->config != NULL)
            execl(program, program, "--config", c->config, "--check", (char *)NULL);
        else
            execl(program, program, "--check", (char *)NULL);
        _exit(127);
    }
    if (pid > 0)
        waitpid(pid, &status, 0);
    if (status == 0)
        say(d, FINE, "engine", program, NULL);
    else
        say(d, FAIL, "engine", "bucketline-worker cannot be started",
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
    int64_t skew = 0;
    long status = 0;
    char text[256];

    if (url[0] == '\0') {
        say(d, FINE, "s3 endpoint", "Amazon's, by the region of each job", NULL);
        return;
    }
    if (http_clock_skew(url, &status, &skew, &ei) < 0) {
        say(d, FAIL, "s3 endpoint", ei.msg, "s3.endpoint must be reachable from here");
        return;
    }
    snprintf(text, sizeof(text), "%s answers", url);
    say(d, FINE, "s3 endpoint", text, NULL);
    snprintf(text, sizeof(text), "%lld s from the store's", (long long)-skew);
    say(d, skew > 300 || skew < -300 ? FAIL : FINE, "clock", text,
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

    (void)argv;
    if (argc != 1)
        return client_fail(EXIT_USAGE, "doctor takes no arguments");
    if (service_load_config(c->config, c->sets, c->set_count, &d.cfg, &ei) < 0) {
        say(&d, FAIL, "configuration", ei.msg, "--help of the services lists all options");
        return EXIT_USAGE;
    }
    say(&d, FINE, "configuration", c->config != NULL ? c->config : "environment and defaults",
        NULL);
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
