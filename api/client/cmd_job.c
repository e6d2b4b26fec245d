#include "api/client/client.h"

#include "api/client/http.h"
#include "common/base/fs.h"

#include <ctype.h>
#include <getopt.h>
#include <unistd.h>

#define BODY_MAX (1u << 20)

/* --- submit -------------------------------------------------------------------------------- */

/* Parameters whose values must not stand in the process list. */
static bool
is_secret(const char *name)
{
    static const char *const names[] = {"aws.secretkey", "aws.sessiontoken", "file.password"};
    size_t i;

    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

/* "k=v" by how: 'p' the value itself, 'f' a file's first line, 'e' an environment variable. */
static int
add_param(struct json_writer *w, char *arg, int how, struct errinfo *ei)
{
    char *eq = strchr(arg, '='), *text = NULL;
    const char *value;
    int rc = E_OK;

    if (eq == NULL)
        return errinfo_set(ei, E_INVALID, "'%s': expected name=value", arg);
    *eq = '\0';
    value = eq + 1;
    if (how == 'p' && is_secret(arg))
        return errinfo_set(ei, E_INVALID,
                           "%s is a secret and arguments are seen by others: use --param-file "
                           "%s=FILE or --param-env %s=VARIABLE",
                           arg, arg, arg);
    if (how == 'f') {
        rc = fs_read_secret(value, &text, ei);
        value = text;
    } else if (how == 'e') {
        value = getenv(value);
        if (value == NULL)
            rc = errinfo_set(ei, E_INVALID, "%s: no such variable in the environment", eq + 1);
    }
    if (rc == E_OK)
        json_w_kv_string(w, arg, value);
    mem_wipe_free(text);
    return rc;
}

/* A JSON number is sent as one, anything else as words ("1h"). */
static void
kv_number_or_text(struct json_writer *w, const char *key, const char *v)
{
    struct json *number = NULL;

    json_w_key(w, key);
    if (json_parse(v, strlen(v), &number, NULL) == E_OK && json_type(number) == JSON_NUMBER)
        json_w_raw(w, v);
    else
        json_w_string(w, v);
    json_free(number);
}

struct submit {
    const char *query, *from, *to, *destination, *body_path;
    struct buf params; /* members of destination.params */
    bool wait;
};

static int
parse_submit(int argc, char **argv, struct submit *s, struct json_writer *params)
{
    static const struct option options[] = {
        {"query", required_argument, NULL, 'q'},
        {"from", required_argument, NULL, 'F'},
        {"to", required_argument, NULL, 'T'},
        {"destination", required_argument, NULL, 'd'},
        {"param", required_argument, NULL, 'p'},
        {"param-file", required_argument, NULL, 'f'},
        {"param-env", required_argument, NULL, 'e'},
        {"body", required_argument, NULL, 'b'},
        {"wait", no_argument, NULL, 'w'},
        {NULL, 0, NULL, 0},
    };
    struct errinfo ei;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'q')
            s->query = optarg;
        else if (o == 'F')
            s->from = optarg;
        else if (o == 'T')
            s->to = optarg;
        else if (o == 'd')
            s->destination = optarg;
        else if (o == 'b')
            s->body_path = optarg;
        else if (o == 'w')
            s->wait = true;
        else if (o == '?')
            return EXIT_USAGE;
        else if (add_param(params, optarg, o, &ei) < 0)
            return client_fail(EXIT_USAGE, "%s", ei.msg);
    }
    if (s->body_path != NULL && (s->query != NULL || s->from != NULL || s->to != NULL ||
                                 s->destination != NULL || s->params.len > 1))
        return client_fail(EXIT_USAGE, "submit: --body is the whole request; only --wait goes "
                                       "with it");
    if (s->body_path == NULL && (s->query == NULL || s->from == NULL))
        return client_fail(EXIT_USAGE, "submit: --query and --from are required (or --body FILE)");
    return client_no_more(argc, argv);
}

static char *
build_body(const struct submit *s)
{
    struct buf out = BUF_INIT(BODY_MAX);
    struct json_writer w;

    json_w_init(&w, &out);
    json_w_object(&w);
    json_w_kv_string(&w, "query", s->query);
    kv_number_or_text(&w, "from", s->from);
    if (s->to != NULL)
        kv_number_or_text(&w, "to", s->to);
    json_w_key(&w, "destination");
    json_w_object(&w);
    json_w_kv_string(&w, "type", s->destination != NULL ? s->destination : "s3");
    json_w_key(&w, "params");
    json_w_raw(&w, buf_str(&s->params));
    json_w_object_end(&w);
    json_w_object_end(&w);
    return buf_take(&out);
}

int
cmd_submit(struct client *c, int argc, char **argv)
{
    struct submit s = {.params = BUF_INIT(BODY_MAX)};
    struct http_answer a = {0};
    struct json_writer w;
    struct errinfo ei;
    char *body = NULL, *words;
    const char *id;
    int rc;

    (void)c;
    json_w_init(&w, &s.params);
    json_w_object(&w);
    rc = parse_submit(argc, argv, &s, &w);
    json_w_object_end(&w);
    if (rc != EXIT_FINE)
        goto out;
    if (s.body_path == NULL)
        body = build_body(&s);
    else if (client_read(s.body_path, &body, NULL, &ei) < 0)
        rc = client_fail(EXIT_USAGE, "%s", ei.msg);
    if (rc == EXIT_FINE && http_call("/query", body, &a, &ei) < 0)
        rc = client_fail(EXIT_FAILED, "%s", ei.msg);
    if (rc != EXIT_FINE)
        goto out;
    id = json_get_string(json_get(a.json, "object"), "id", NULL);
    if (a.status != 200 || id == NULL) {
        words = http_error_text(&a);
        rc = client_fail(EXIT_FAILED, "%s", words);
        free(words);
    } else {
        puts(id);
        fflush(stdout);
        rc = s.wait ? watch_job(id) : EXIT_FINE;
    }
out:
    http_answer_done(&a);
    mem_wipe_free(body);
    buf_wipe(&s.params);
    return rc;
}

/* --- the others ---------------------------------------------------------------------------- */

static void
print_line(const char *name, const char *text)
{
    char *printable = client_printable(text);

    printf("%-14s %s\n", name, printable);
    free(printable);
}

static void
print_job(const struct json *job)
{
    static const char *const fields[] = {"id",    "friendlyName", "status", "type",
                                         "table", "query",        "owner"};
    const struct json *extra = json_get(job, "extra"), *n;
    size_t i;

    for (i = 0; i < ARRAY_LEN(fields); i++)
        print_line(fields[i], json_get_string(job, fields[i], ""));
    printf("%-14s %lld generated, %lld sent\n", "events",
           (long long)json_get_int(job, "eventGenerated", 0),
           (long long)json_get_int(job, "eventsSent", 0));
    for (n = json_first(json_get(extra, "paths")); n != NULL; n = json_next(n))
        print_line("file", json_string(n, ""));
    for (n = json_first(json_get(job, "error")); n != NULL; n = json_next(n))
        print_line("error", json_string(n, ""));
}

static void
print_jobs(const struct json *list)
{
    const struct json *j;
    char *name;

    printf("%-36s  %-12s %14s %14s  %s\n", "ID", "STATUS", "GENERATED", "SENT", "NAME");
    for (j = json_first(list); j != NULL; j = json_next(j)) {
        name = client_printable(json_get_string(j, "friendlyName", ""));
        printf("%-36.36s  %-12.12s %14lld %14lld  %s\n", json_get_string(j, "id", ""),
               json_get_string(j, "status", ""), (long long)json_get_int(j, "eventGenerated", 0),
               (long long)json_get_int(j, "eventsSent", 0), name);
        free(name);
    }
}

/* Calls path and prints the answer's object; the body's task code says whether it was done. */
static int
call_and_print(const char *path, const char *body, bool as_json, bool print)
{
    struct http_answer a;
    struct errinfo ei;
    const struct json *object;
    char *words;
    int rc = EXIT_FINE;

    if (http_call(path, body, &a, &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    object = json_get(a.json, "object");
    if (a.status != 200 || a.json == NULL) {
        words = http_error_text(&a);
        rc = client_fail(http_exit(&a), "%s", words);
        free(words);
    } else if (as_json) {
        puts(a.text);
        rc = json_get_int(a.json, "status", 0) != 0 ? EXIT_FAILED : EXIT_FINE;
    } else if (json_get_int(a.json, "status", 0) != 0) {
        rc = client_fail(EXIT_FAILED, "%s (the job is %s)", json_get_string(a.json, "msg", ""),
                         json_get_string(object, "status", "gone"));
    } else if (json_type(object) == JSON_ARRAY) {
        print_jobs(object);
    } else if (print) {
        print_job(object);
    } else {
        puts(json_get_string(object, "status", ""));
    }
    http_answer_done(&a);
    return rc;
}

static bool
take_flag(int *argc, char **argv, const char *flag)
{
    int i, n = 0;
    bool found = false;

    for (i = 0; i < *argc; i++) {
        if (strcmp(argv[i], flag) == 0)
            found = true;
        else
            argv[n++] = argv[i];
    }
    *argc = n;
    return found;
}

static int
on_job(int argc, char **argv, const char *place, const char *body, bool print)
{
    bool as_json = take_flag(&argc, argv, "--json");
    char *path;
    int rc;

    if (argc != 2 || !client_is_job_id(argv[1]))
        return client_fail(EXIT_USAGE, "usage: bucketline %s ID [--json]", argv[0]);
    path = mem_printf("%s%s", place, argv[1]);
    rc = call_and_print(path, body, as_json, print);
    free(path);
    return rc;
}

int
cmd_status(struct client *c, int argc, char **argv)
{
    (void)c;
    return on_job(argc, argv, "/job/", NULL, true);
}

int
cmd_list(struct client *c, int argc, char **argv)
{
    bool as_json = take_flag(&argc, argv, "--json");

    (void)c;
    if (argc != 1)
        return client_fail(EXIT_USAGE, "usage: bucketline list [--json]");
    return call_and_print("/jobs", NULL, as_json, false);
}

int
cmd_stop(struct client *c, int argc, char **argv)
{
    (void)c;
    return on_job(argc, argv, "/job/stop/", "", false);
}

int
cmd_remove(struct client *c, int argc, char **argv)
{
    (void)c;
    return on_job(argc, argv, "/job/remove/", "", false);
}

/* start ID, or with new keys from the environment after the old ones were refused. */
int
cmd_start(struct client *c, int argc, char **argv)
{
    static const struct {
        const char *variable, *param;
    } table[] = {{"AWS_ACCESS_KEY_ID", "aws.accesskey"},
                 {"AWS_SECRET_ACCESS_KEY", "aws.secretkey"},
                 {"AWS_SESSION_TOKEN", "aws.sessiontoken"}};
    struct buf body = BUF_INIT(BODY_MAX);
    struct json_writer w;
    size_t i;
    int rc;

    (void)c;
    if (take_flag(&argc, argv, "--new-keys")) {
        if (getenv("AWS_ACCESS_KEY_ID") == NULL || getenv("AWS_SECRET_ACCESS_KEY") == NULL)
            return client_fail(EXIT_USAGE, "--new-keys: AWS_ACCESS_KEY_ID and "
                                           "AWS_SECRET_ACCESS_KEY are not in the environment");
        json_w_init(&w, &body);
        json_w_object(&w);
        json_w_key(&w, "destination");
        json_w_object(&w);
        json_w_key(&w, "params");
        json_w_object(&w);
        for (i = 0; i < ARRAY_LEN(table); i++)
            json_w_kv_string(&w, table[i].param, getenv(table[i].variable));
        json_w_object_end(&w);
        json_w_object_end(&w);
        json_w_object_end(&w);
    }
    rc = on_job(argc, argv, "/job/start/", buf_str(&body), false);
    buf_wipe(&body);
    return rc;
}
