/* bucketline s3: what the uploader does with S3, by hand, for people whose bucket refuses. */

#include "api/client/client.h"

#include "api/client/s3_sign.h"
#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/digest.h"
#include "common/base/service.h"
#include "common/s3/s3_client.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define OUT_MAX   (8u << 20)
#define DRAW_MS   100
#define BAR_WIDTH 28

struct s3_args {
    struct s3_target target;
    const char *key, *content_type;
    bool no_replace, json;
};

enum {
    OPT_BUCKET,
    OPT_REGION,
    OPT_KEY,
    OPT_ENDPOINT,
    OPT_TYPE,
    OPT_PATH,
    OPT_DUAL,
    OPT_FIPS,
    OPT_KEEP,
    OPT_JSON
};

#define WHERE_OPTIONS                                                                              \
    {"region", required_argument, NULL, OPT_REGION},                                               \
        {"endpoint", required_argument, NULL, OPT_ENDPOINT},                                       \
        {"path-style", no_argument, NULL, OPT_PATH}, {"dualstack", no_argument, NULL, OPT_DUAL},   \
    {                                                                                              \
        "fips", no_argument, NULL, OPT_FIPS                                                        \
    }

/* 0, or EXIT_USAGE with words on stderr. */
static int
read_options(int argc, char **argv, const struct option *options, struct s3_args *a)
{
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        const struct {
            const char **text;
            bool *flag;
        } rows[] = {
            [OPT_BUCKET] = {&a->target.bucket, NULL},
            [OPT_REGION] = {&a->target.region, NULL},
            [OPT_KEY] = {&a->key, NULL},
            [OPT_ENDPOINT] = {&a->target.endpoint, NULL},
            [OPT_TYPE] = {&a->content_type, NULL},
            [OPT_PATH] = {NULL, &a->target.path_style},
            [OPT_DUAL] = {NULL, &a->target.dualstack},
            [OPT_FIPS] = {NULL, &a->target.fips},
            [OPT_KEEP] = {NULL, &a->no_replace},
            [OPT_JSON] = {NULL, &a->json},
        };

        if (o < 0 || (size_t)o >= ARRAY_LEN(rows))
            return EXIT_USAGE; /* getopt has said why */
        if (rows[o].text != NULL)
            *rows[o].text = optarg;
        else
            *rows[o].flag = true;
    }
    return EXIT_FINE;
}

/* --- url, sign ------------------------------------------------------------------------------- */

static int
s3_url(struct client *c, int argc, char **argv)
{
    static const struct option options[] = {{"bucket", required_argument, NULL, OPT_BUCKET},
                                            {"key", required_argument, NULL, OPT_KEY},
                                            WHERE_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    struct s3_args a = {0};
    struct errinfo ei = ERRINFO_INIT;
    struct buf url = BUF_INIT(65536);
    char *words;
    int rc;

    (void)c;
    if (read_options(argc, argv, options, &a) != EXIT_FINE ||
        client_no_more(argc, argv) != EXIT_FINE)
        return EXIT_USAGE;
    if (a.target.bucket == NULL || a.target.region == NULL)
        return client_fail(EXIT_USAGE, "s3 url needs --bucket and --region");
    rc = s3_target_url(&a.target, a.key, &url, &ei);
    if (rc == E_OK) {
        words = client_printable(buf_str(&url));
        puts(words);
        free(words);
    }
    buf_done(&url);
    return rc == E_OK ? EXIT_FINE : client_fail(EXIT_FAILED, "%s", ei.msg);
}

static int
s3_sign(struct client *c, int argc, char **argv)
{
    static const struct option options[] = {{NULL, 0, NULL, 0}};
    struct s3_args a = {0};
    struct errinfo ei = ERRINFO_INIT;
    struct buf out = BUF_INIT(OUT_MAX);
    char *json = NULL;
    size_t len = 0;
    int rc;

    (void)c;
    if (read_options(argc, argv, options, &a) != EXIT_FINE ||
        client_no_more(argc, argv) != EXIT_FINE)
        return EXIT_USAGE;
    rc = client_read("-", &json, &len, &ei);
    if (rc == E_OK)
        rc = client_s3_sign(json, len, &out, &ei);
    if (rc == E_OK)
        fputs(buf_str(&out), stdout);
    mem_wipe_free(json);
    buf_wipe(&out);
    return rc == E_OK ? EXIT_FINE : client_fail(EXIT_USAGE, "%s", ei.msg);
}

/* --- put, head: what both need --------------------------------------------------------------- */

/* One operation on a loop of its own. Ctrl-C cancels it. */
struct session {
    struct config *cfg;
    struct event_base *base;
    struct event *interrupt;
    struct s3_client *s3;
    struct s3_op *op;
    struct s3_args args;
    char *bucket;
    bool interrupted;
    int exit_code;
    /* of a put */
    int64_t bytes, sent, begun_ms, drawn_ms;
    bool terminal;
};

static void
on_interrupt(evutil_socket_t fd, short what, void *arg)
{
    struct session *s = arg;

    (void)fd;
    (void)what;
    s->interrupted = true;
    if (s->op != NULL)
        s3_op_cancel(s->op);
}

static const char *
first_set(const char *a, const char *b, const char *c, const char *fallback)
{
    const char *const all[] = {a, b, c};
    size_t i;

    for (i = 0; i < ARRAY_LEN(all); i++) {
        if (all[i] != NULL && all[i][0] != '\0')
            return all[i];
    }
    return fallback;
}

/* "s3://bucket/key" */
static int
read_place(struct session *s, const char *url)
{
    const char *slash = strncmp(url, "s3://", 5) == 0 ? strchr(url + 5, '/') : NULL;

    if (slash == NULL || slash[1] == '\0')
        return client_fail(EXIT_USAGE, "'%s' is not s3://bucket/key", url);
    s->bucket = mem_printf("%.*s", (int)(slash - url - 5), url + 5);
    s->args.target.bucket = s->bucket;
    s->args.key = slash + 1;
    return EXIT_FINE;
}

/* The configuration is the uploader's, the credentials are the environment's. */
static int
session_open(struct session *s, const struct client *c, const char *place)
{
    struct s3_target *t = &s->args.target;
    struct s3_client_options opt;
    struct errinfo ei = ERRINFO_INIT;

    if (read_place(s, place) != EXIT_FINE)
        return EXIT_USAGE;
    if (service_load_config(c->config, (char **)c->sets, c->set_count, &s->cfg, &ei) < 0)
        return client_fail(EXIT_USAGE, "%s", ei.msg);
    t->region =
        first_set(t->region, getenv("AWS_REGION"), getenv("AWS_DEFAULT_REGION"), "us-east-1");
    if (t->endpoint == NULL)
        t->endpoint = config_str(s->cfg, "s3.endpoint");
    t->path_style |= config_bool(s->cfg, "s3.path_style");
    t->access_key = getenv("AWS_ACCESS_KEY_ID");
    t->secret_key = getenv("AWS_SECRET_ACCESS_KEY");
    t->session_token = getenv("AWS_SESSION_TOKEN");
    if (first_set(t->access_key, NULL, NULL, NULL) == NULL ||
        first_set(t->secret_key, NULL, NULL, NULL) == NULL)
        return client_fail(EXIT_USAGE, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not in the "
                                       "environment");
    s->base = event_base_new();
    opt = (struct s3_client_options){
        .base = s->base,
        .ca_file = config_str(s->cfg, "s3.ca_file"),
        .connect_timeout_ms = (int)config_int(s->cfg, "s3.connect_timeout_ms"),
        .stall_timeout_s = (int)config_int(s->cfg, "s3.stall_timeout_s"),
        .attempts = (unsigned)config_int(s->cfg, "upload.attempts"),
        .retry_base_ms = config_int(s->cfg, "upload.retry_base_ms"),
        .retry_cap_ms = config_int(s->cfg, "upload.retry_cap_ms"),
        .multipart_threshold = config_int(s->cfg, "upload.multipart_threshold"),
        .part_size = config_int(s->cfg, "upload.part_size"),
        .part_window = (unsigned)config_int(s->cfg, "upload.part_window"),
    };
    if (s3_client_new(&opt, &s->s3, &ei) < 0)
        return client_fail(EXIT_USAGE, "%s", ei.msg);
    s->interrupt = evsignal_new(s->base, SIGINT, on_interrupt, s);
    event_add(s->interrupt, NULL);
    s->exit_code = EXIT_FAILED;
    return EXIT_FINE;
}

static int
session_close(struct session *s, int code)
{
    s3_client_free(s->s3);
    if (s->interrupt != NULL)
        event_free(s->interrupt);
    if (s->base != NULL)
        event_base_free(s->base);
    config_free(s->cfg);
    free(s->bucket);
    return code;
}

static int
session_run(struct session *s)
{
    event_base_dispatch(s->base);
    return s->interrupted ? EXIT_INTERRUPTED : s->exit_code;
}

/* Nothing more is to be waited for. */
static void
session_end(struct session *s, int code)
{
    s->op = NULL;
    s->exit_code = code;
    event_base_loopbreak(s->base);
}

/* Region and URL belong to an answer that people wonder about. */
static int
told_why(const struct session *s, const struct s3_result *res)
{
    if (s->interrupted)
        return client_fail(EXIT_INTERRUPTED, "interrupted");
    if (res->region[0] != '\0')
        client_fail(EXIT_FAILED, "the bucket is in region %s", res->region);
    return client_fail(res->outcome == S3_NOT_FOUND ? EXIT_MISSING : EXIT_FAILED, "%s",
                       res->message);
}

static void
print_member(struct json_writer *w, const char *name, const char *value)
{
    char *words;

    if (w != NULL) {
        json_w_kv_string(w, name, value);
        return;
    }
    words = client_printable(value);
    printf("%s: %s\n", name, words);
    free(words);
}

static void
print_object(const struct session *s, const char *region, int64_t bytes, const char *etag,
             const struct s3_object_info *info)
{
    struct s3_target t = s->args.target;
    struct buf url = BUF_INIT(65536), out = BUF_INIT(OUT_MAX);
    struct json_writer writer, *w = s->args.json ? &writer : NULL;
    char number[32], *name;
    size_t i;

    if (region[0] != '\0')
        t.region = region;
    if (s3_target_url(&t, s->args.key, &url, NULL) < 0)
        buf_puts(&url, s->args.key);
    snprintf(number, sizeof(number), "%lld", (long long)bytes);
    if (w != NULL) {
        json_w_init(w, &out);
        json_w_object(w);
        json_w_kv_int(w, "bytes", bytes);
    }
    print_member(w, "url", buf_str(&url));
    if (w == NULL)
        print_member(w, "bytes", number);
    print_member(w, "etag", etag);
    if (info != NULL)
        print_member(w, "content-type", info->content_type);
    for (i = 0; info != NULL && i < info->metadata_count; i++) {
        name = mem_printf("x-amz-meta-%s", info->metadata[i].name);
        print_member(w, name, info->metadata[i].value);
        free(name);
    }
    if (w != NULL) {
        json_w_object_end(w);
        puts(buf_str(&out));
    }
    buf_done(&url);
    buf_done(&out);
}

/* --- head ------------------------------------------------------------------------------------ */

static void
on_head(void *ctx, const struct s3_result *res, const struct s3_object_info *info)
{
    struct session *s = ctx;

    if (res->outcome == S3_OK)
        print_object(s, res->region, info->bytes, info->etag, info);
    session_end(s, res->outcome == S3_OK ? EXIT_FINE : told_why(s, res));
}

static int
s3_head_object(struct client *c, int argc, char **argv)
{
    static const struct option options[] = {
        WHERE_OPTIONS, {"json", no_argument, NULL, OPT_JSON}, {NULL, 0, NULL, 0}};
    struct session s = {0};
    struct errinfo ei = ERRINFO_INIT;
    int code = read_options(argc, argv, options, &s.args);

    if (code == EXIT_FINE && argc - optind != 1)
        code = client_fail(EXIT_USAGE, "usage: bucketline s3 head s3://BUCKET/KEY");
    if (code == EXIT_FINE)
        code = session_open(&s, c, argv[optind]);
    if (code == EXIT_FINE) {
        s.op = s3_head(s.s3, &s.args.target, s.args.key, on_head, &s, &ei);
        code = s.op != NULL ? session_run(&s) : client_fail(EXIT_FAILED, "%s", ei.msg);
    }
    return session_close(&s, code);
}

/* --- put ------------------------------------------------------------------------------------- */

static void
draw(struct session *s)
{
    int64_t now = clock_mono_ms(), ms = now - s->begun_ms + 1;
    int full = s->bytes > 0 ? (int)((double)s->sent * BAR_WIDTH / (double)s->bytes) : BAR_WIDTH;
    char bar[BAR_WIDTH + 1], line[160];
    struct winsize size;

    s->drawn_ms = now;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', (size_t)(full > BAR_WIDTH ? BAR_WIDTH : full));
    bar[BAR_WIDTH] = '\0';
    snprintf(line, sizeof(line), "[%s] %.1f of %.1f MB, %.1f MB/s", bar, (double)s->sent / 1e6,
             (double)s->bytes / 1e6, (double)s->sent / 1e3 / (double)ms);
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 &&
        size.ws_col < sizeof(line))
        line[size.ws_col - 1] = '\0';
    fprintf(stderr, "\r\033[K%s", line);
}

static void
on_progress(void *ctx, int64_t sent)
{
    struct session *s = ctx;

    s->sent = sent;
    if (s->terminal && clock_mono_ms() - s->drawn_ms >= DRAW_MS)
        draw(s);
}

static void
on_aborted(void *ctx, const struct s3_result *res)
{
    struct session *s = ctx;

    if (res->outcome != S3_OK)
        client_fail(EXIT_FAILED, "the unfinished upload is left in the bucket: %s", res->message);
    session_end(s, s->exit_code);
}

static void
on_put(void *ctx, const struct s3_result *res)
{
    struct session *s = ctx;
    int code = EXIT_FINE;

    s->op = NULL;
    if (s->terminal) {
        s->sent = res->outcome == S3_OK ? s->bytes : s->sent;
        draw(s);
        fputc('\n', stderr);
    }
    if (res->outcome == S3_OK)
        print_object(s, res->region, s->bytes, res->etag, NULL);
    else
        code = told_why(s, res);
    s->exit_code = code;
    if (res->upload_id != NULL) /* nobody will continue it */
        s->op = s3_abort_upload(s->s3, &s->args.target, s->args.key, res->upload_id, on_aborted, s,
                                NULL);
    if (s->op == NULL)
        session_end(s, code);
}

/* Needed where it may go as one PUT; a second reading of more would be for nothing. */
static int
hash_file(struct session *s, int fd, char hex[DIGEST_SHA256_HEX + 1])
{
    static unsigned char piece[65536];
    struct digest *d = digest_new();
    int64_t at = 0;
    ssize_t n = 1;

    while (at < s->bytes && n > 0) {
        n = pread(fd, piece, sizeof(piece), at);
        if (n > 0)
            digest_update(d, piece, (size_t)n);
        at += n;
    }
    digest_final_hex(d, hex);
    digest_free(d);
    return at == s->bytes ? EXIT_FINE : client_fail(EXIT_FAILED, "the file cannot be read whole");
}

static int
put_file(struct session *s, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    char sha[DIGEST_SHA256_HEX + 1] = "";
    struct errinfo ei = ERRINFO_INIT;
    struct stat st;
    int code;

    if (fd < 0 || fstat(fd, &st) < 0)
        code = client_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        code = client_fail(EXIT_FAILED, "%s is no regular file", path);
    else {
        s->bytes = st.st_size;
        s->terminal = isatty(STDERR_FILENO) != 0;
        s->begun_ms = clock_mono_ms();
        code = s->args.no_replace || s->bytes <= config_int(s->cfg, "upload.multipart_threshold")
                   ? hash_file(s, fd, sha)
                   : EXIT_FINE;
    }
    if (code == EXIT_FINE) {
        s->op = s3_put_file(s->s3,
                            &(struct s3_put){.target = s->args.target,
                                             .key = s->args.key,
                                             .fd = fd,
                                             .bytes = s->bytes,
                                             .sha256_hex = sha,
                                             .content_type = s->args.content_type,
                                             .if_none_match = s->args.no_replace,
                                             .progress = on_progress,
                                             .done = on_put,
                                             .ctx = s},
                            &ei);
        code = s->op != NULL ? session_run(s) : client_fail(EXIT_FAILED, "%s", ei.msg);
    }
    if (fd >= 0)
        close(fd);
    return code;
}

static int
s3_put_object(struct client *c, int argc, char **argv)
{
    static const struct option options[] = {WHERE_OPTIONS,
                                            {"content-type", required_argument, NULL, OPT_TYPE},
                                            {"no-replace", no_argument, NULL, OPT_KEEP},
                                            {"json", no_argument, NULL, OPT_JSON},
                                            {NULL, 0, NULL, 0}};
    struct session s = {0};
    int code = read_options(argc, argv, options, &s.args);

    if (code == EXIT_FINE && argc - optind != 2)
        code = client_fail(EXIT_USAGE, "usage: bucketline s3 put FILE s3://BUCKET/KEY");
    if (code == EXIT_FINE)
        code = session_open(&s, c, argv[optind + 1]);
    if (code == EXIT_FINE)
        code = put_file(&s, argv[optind]);
    return session_close(&s, code);
}

int
cmd_s3(struct client *c, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct client *c, int argc, char **argv);
    } actions[] = {
        {"url", s3_url}, {"sign", s3_sign}, {"put", s3_put_object}, {"head", s3_head_object}};
    size_t i;

    for (i = 0; argc > 1 && i < ARRAY_LEN(actions); i++) {
        if (strcmp(argv[1], actions[i].name) == 0)
            return actions[i].run(c, argc - 1, argv + 1);
    }
    return client_fail(EXIT_USAGE, "s3 needs url, sign, put or head; --help tells more");
}
