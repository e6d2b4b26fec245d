#include "api/client/client.h"

#include "common/base/clock.h"
#include "common/base/service.h"
#include "common/store/cred_store.h"

#include <getopt.h>

struct keys {
    struct config *cfg;
    struct seal *seal;
    struct job_store *store;
};

static int
keys_open(struct client *c, struct keys *k, struct errinfo *ei)
{
    const char *file;
    int rc = service_load_config(c->config, c->sets, c->set_count, &k->cfg, ei);

    if (rc < 0)
        return rc;
    file = config_str(k->cfg, "secrets.master_key_file");
    if (file[0] == '\0')
        return errinfo_set(ei, E_INVALID, "secrets.master_key_file is not set");
    rc = seal_open(file, &k->seal, ei);
    if (rc == E_OK)
        rc = job_store_open(k->cfg, &k->store, ei);
    return rc == E_OK ? job_store_check(k->store, ei) : rc;
}

static void
keys_close(struct keys *k)
{
    job_store_close(k->store);
    seal_close(k->seal);
    config_free(k->cfg);
}

static void
print_new(const struct cred_new *n, const char *domain, const char *tables, bool as_json)
{
    struct buf out = BUF_INIT(65536);
    struct json_writer w;

    if (as_json) {
        json_w_init(&w, &out);
        json_w_object(&w);
        json_w_kv_string(&w, "apiKey", n->api_key);
        json_w_kv_string(&w, "apiSecret", n->api_secret);
        json_w_kv_string(&w, "token", n->token);
        json_w_kv_string(&w, "domain", domain);
        json_w_kv_string(&w, "tables", tables);
        json_w_object_end(&w);
    } else {
        buf_printf(&out,
                   "API key     %s\nAPI secret  %s\ntoken       %s\n"
                   "Keep them: secret and token are not shown again.",
                   n->api_key, n->api_secret, n->token);
    }
    puts(buf_str(&out));
    buf_wipe(&out);
}

static int
key_add(struct keys *k, int argc, char **argv)
{
    static const struct option options[] = {
        {"domain", required_argument, NULL, 'd'},       {"tables", required_argument, NULL, 't'},
        {"read-only", no_argument, NULL, 'r'},          {"json", no_argument, NULL, 'j'},
        {"expires-days", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0},
    };
    const char *domain = NULL, *tables = "**";
    bool read_only = false, as_json = false;
    int64_t expires_ms = 0;
    struct cred_new n;
    struct errinfo ei;
    char *end;
    long days;
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'd') {
            domain = optarg;
        } else if (o == 't') {
            tables = optarg;
        } else if (o == 'r') {
            read_only = true;
        } else if (o == 'j') {
            as_json = true;
        } else if (o == 'e') {
            days = strtol(optarg, &end, 10);
            if (*end != '\0' || days < 1 || days > 36500)
                return client_fail(EXIT_USAGE, "--expires-days: 1 to 36500");
            expires_ms = clock_now_ms() + days * 86400000LL;
        } else {
            return EXIT_USAGE;
        }
    }
    if (client_no_more(argc, argv) != EXIT_FINE)
        return EXIT_USAGE;
    if (tables[0] == '\0')
        return client_fail(EXIT_USAGE, "--tables: ** is all, an empty list would be none");
    if (domain == NULL)
        return client_fail(EXIT_USAGE, "key add: --domain is required");
    if (cred_store_add(k->store, k->seal, domain, tables, read_only, expires_ms, &n, &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    print_new(&n, domain, tables, as_json);
    cred_new_done(&n);
    return EXIT_FINE;
}

static void
print_cred(const struct cred_record *r, struct json_writer *w)
{
    char until[32] = "never";

    if (r->expires_ms != 0)
        clock_format_iso(r->expires_ms, until);
    if (w == NULL) {
        printf("%-26s %-16s %-10s %-26s %s\n", r->api_key, r->domain,
               r->read_only ? "read-only" : "full", until, r->tables);
        return;
    }
    json_w_object(w);
    json_w_kv_string(w, "apiKey", r->api_key);
    json_w_kv_string(w, "domain", r->domain);
    json_w_kv_string(w, "tables", r->tables);
    json_w_kv_bool(w, "readOnly", r->read_only);
    json_w_kv_int(w, "expiresMs", r->expires_ms);
    json_w_object_end(w);
}

static int
key_list(struct keys *k, int argc, char **argv)
{
    bool as_json = argc > 1 && strcmp(argv[1], "--json") == 0;
    struct buf out = BUF_INIT(16u << 20);
    struct cred_record *list = NULL;
    struct json_writer w;
    struct errinfo ei;
    size_t n = 0, i;

    if (argc > 1 + as_json)
        return client_fail(EXIT_USAGE, "usage: bucketline key list [--json]");
    if (cred_store_list(k->store, &list, &n, &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    json_w_init(&w, &out);
    json_w_array(&w);
    if (!as_json)
        printf("%-26s %-16s %-10s %-26s %s\n", "API KEY", "DOMAIN", "RIGHTS", "EXPIRES", "TABLES");
    for (i = 0; i < n; i++) {
        print_cred(&list[i], as_json ? &w : NULL);
        cred_record_done(&list[i]);
    }
    json_w_array_end(&w);
    if (as_json)
        puts(buf_str(&out));
    buf_done(&out);
    free(list);
    return EXIT_FINE;
}

static int
key_revoke(struct keys *k, int argc, char **argv)
{
    struct errinfo ei;

    if (argc != 2)
        return client_fail(EXIT_USAGE, "usage: bucketline key revoke KEY");
    if (cred_store_revoke(k->store, argv[1], &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    printf("%s is revoked\n", argv[1]);
    return EXIT_FINE;
}

static int
key_master(int argc, char **argv)
{
    struct errinfo ei;

    if (argc != 2)
        return client_fail(EXIT_USAGE, "usage: bucketline key master FILE");
    if (seal_make_key(argv[1], &ei) < 0)
        return client_fail(EXIT_FAILED, "%s", ei.msg);
    printf("%s made; without it the secrets in Redis cannot be read\n", argv[1]);
    return EXIT_FINE;
}

int
cmd_key(struct client *c, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct keys *k, int argc, char **argv);
    } table[] = {{"add", key_add}, {"list", key_list}, {"revoke", key_revoke}};
    struct keys k = {0};
    struct errinfo ei;
    size_t i;
    int rc;

    if (argc >= 2 && strcmp(argv[1], "master") == 0)
        return key_master(argc - 1, argv + 1);
    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (argc < 2 || strcmp(argv[1], table[i].name) != 0)
            continue;
        rc = keys_open(c, &k, &ei);
        if (rc < 0)
            rc = client_fail(rc == E_INVALID ? EXIT_USAGE : EXIT_FAILED, "%s", ei.msg);
        else
            rc = table[i].run(&k, argc - 1, argv + 1);
        keys_close(&k);
        return rc;
    }
    return client_fail(
        EXIT_USAGE,
        "usage: bucketline key master FILE | add | list | revoke KEY; key --help tells more");
}
