#include "api/client/client.h"

#include "common/base/service.h"

#include <signal.h>
#include <sys/prctl.h>

static const struct client_command commands[] = {
    {"submit", cmd_submit,
     "--query Q --from F [--to T] [--destination s3] [--param NAME=VALUE]...\n"
     "             [--param-file NAME=FILE]... [--param-env NAME=VARIABLE]... [--wait]\n"
     "         or  --body FILE|- [--wait]",
     "sends a query and where its rows go; prints the job's id",
     "  --query Q                  query in LINQ: from demo.flights.data where delay > 60\n"
     "  --from F, --to T           seconds since 1970 or words such as 1h; T is exclusive\n"
     "  --destination TYPE         s3 (default) or donothing\n"
     "  --param NAME=VALUE         a parameter of the destination, such as format=gzip\n"
     "  --param-file NAME=FILE     the same, the value being the first line of a file\n"
     "  --param-env NAME=VARIABLE  the same, the value being that of an environment variable\n"
     "  --body FILE                the whole request as JSON instead; - is standard input\n"
     "  --wait                     follows the job to its end, as watch does\n\n"
     "aws.secretkey, aws.sessiontoken and file.password are not taken by --param: other users of\n"
     "this machine can read arguments. Without any aws.* the service's own store is used, where "
     "it\n"
     "has one."},
    {"watch", cmd_watch, "ID", "follows a job to its end; Ctrl-C leaves it running",
     "A bar on a terminal, else one line for each change. What stopped a job is on standard "
     "error.\n"
     "Exit status 0 COMPLETED, 3 STOPPED, 4 removed or unknown, 130 after Ctrl-C."},
    {"status", cmd_status, "ID [--json]", "shows one job",
     "  --json  the answer of the service, as it came"},
    {"list", cmd_list, "[--json]", "shows the jobs of the domain, the newest first",
     "  --json  the answer of the service, as it came"},
    {"stop", cmd_stop, "ID [--json]", "stops a job; what is finished is still sent", NULL},
    {"start", cmd_start, "ID [--new-keys] [--json]", "goes on with a stopped job",
     "  --new-keys  sends AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the\n"
     "              environment along, for a job whose keys were wrong or have expired"},
    {"remove", cmd_remove, "ID [--json]", "removes a job; files already in the bucket stay", NULL},
    {"sign", cmd_sign, "[--body FILE|-] [--timestamp MS]",
     "prints the three headers that sign a request with this body",
     "  --body FILE     the exact bytes of the body; - is standard input; without it: no body\n"
     "  --timestamp MS  milliseconds since 1970 instead of now\n\n"
     "Needs BUCKETLINE_API_KEY and BUCKETLINE_API_SECRET. For curl:\n"
     "  bucketline sign --body q.json | curl -H @- --data-binary @q.json $BUCKETLINE_URL/query"},
    {"explain", cmd_explain, "[--from F] [--to T] [--tree] QUERY|-",
     "prints the tables and the class of a query, on request its syntax tree, or its\n"
     "             error with the place; nothing is sent",
     NULL},
    {"key", cmd_key,
     "master FILE\n"
     "         or  add --domain D [--tables GLOBS] [--read-only] [--expires-days N] [--json]\n"
     "         or  list [--json]  or  revoke KEY",
     "makes the master key; administers credentials (on the service's machine)",
     "  master FILE       makes the key that seals secrets in Redis; never replaces a file\n"
     "  add               makes a credential; its secret and token are shown once\n"
     "    --domain D        whom it belongs to: letters, digits and _.@-\n"
     "    --tables GLOBS    tables it may read, separated by commas; ** (default) is all\n"
     "    --read-only       may look at jobs, not make or change them\n"
     "    --expires-days N  ends by itself\n"
     "  list              shows all, without secrets\n"
     "  revoke KEY        ends one; a running service notices within a few seconds"},
    {"s3", cmd_s3,
     "url --bucket B --region R [--key K] [WHERE]\n"
     "         or  sign < REQUEST.json\n"
     "         or  put FILE s3://B/K [--no-replace] [--content-type T] [--json] [WHERE]\n"
     "         or  head s3://B/K [--json] [WHERE]",
     "does by hand what the service does with S3, to see why a bucket refuses",
     "  url   prints the URL that would be used, or the rule that forbids it (status 1)\n"
     "  sign  prints canonical_request, string_to_sign, signature, and authorization or the\n"
     "        presigned url, as JSON. REQUEST.json: url, region, access_key, secret_key, and\n"
     "        method (GET), headers (an object), body or payload_hash, service (s3), time\n"
     "        (20130524T000000Z; now), session_token, presign_seconds (0: by headers),\n"
     "        normalize_path, double_encode (both for other services than S3)\n"
     "  put   sends a file, in parts where it is large; --no-replace: only if nothing is there\n"
     "  head  shows an object's size, ETag, type and metadata; status 4: not there\n"
     "WHERE:\n"
     "  --region R     default: AWS_REGION, AWS_DEFAULT_REGION, us-east-1\n"
     "  --endpoint U   http(s)://host[:port]; put, head: default s3.endpoint of the configuration\n"
     "  --path-style   bucket in the path, not in the host name\n"
     "  --dualstack    Amazon's names for IPv6 and IPv4\n"
     "  --fips         Amazon's FIPS names\n\n"
     "put and head take AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the\n"
     "environment, and section s3 of the configuration."},
    {"doctor", cmd_doctor, "", "checks configuration, Redis, engine, spool, store and clock",
     "One line for each check: ok, warn or FAIL, with what to do. Exit status 1 if any FAILs."},
};

static void
print_help(void)
{
    size_t i;

    puts("bucketline: query results, delivered to your bucket\n\n"
         "usage: bucketline [--config FILE] [--set SECTION.KEY=VALUE]... COMMAND ...\n");
    for (i = 0; i < ARRAY_LEN(commands); i++)
        printf("  %-9s  %s\n             %s\n", commands[i].name, commands[i].usage,
               commands[i].help);
    puts(
        "\n'bucketline COMMAND --help' tells more.\n\n"
        "environment:\n"
        "  BUCKETLINE_URL         address of the service; default http://127.0.0.1:8080/search\n"
        "  BUCKETLINE_API_KEY, BUCKETLINE_API_SECRET   credential that signs each request\n"
        "  BUCKETLINE_TOKEN       or a token instead\n"
        "  BUCKETLINE_CONF        configuration of the service, for key, s3 and doctor\n\n"
        "exit status: 0 done (watch, submit --wait: COMPLETED), 1 refused or no answer,\n"
        "2 wrong command line or configuration, 3 the job is STOPPED, 4 there is no such job (s3:\n"
        "object), 130 watch was left, or s3 broken off, by Ctrl-C");
}

static int
print_command_help(const struct client_command *cmd)
{
    printf("usage: bucketline %s %s\n\n%s\n", cmd->name, cmd->usage, cmd->help);
    if (cmd->more != NULL)
        printf("\n%s\n", cmd->more);
    return EXIT_FINE;
}

static bool
asks_for_help(int argc, char **argv)
{
    int i;

    for (i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
    }
    return false;
}

int
main(int argc, char **argv)
{
    struct client c = {0};
    size_t i;
    int at = 1;

#ifndef __SANITIZE_ADDRESS__ /* the leak check attaches to its own process */
    prctl(PR_SET_DUMPABLE, 0);
#endif
    signal(SIGPIPE, SIG_IGN);
    for (; at + 1 < argc && argv[at][0] == '-'; at += 2) {
        if (strcmp(argv[at], "--config") == 0)
            c.config = argv[at + 1];
        else if (strcmp(argv[at], "--set") == 0 && c.set_count < ARRAY_LEN(c.sets))
            c.sets[c.set_count++] = argv[at + 1];
        else
            break;
    }
    if (at >= argc) {
        print_help();
        return EXIT_USAGE;
    }
    if (strcmp(argv[at], "help") == 0 || asks_for_help(1, argv + at)) {
        print_help();
        return EXIT_FINE;
    }
    if (strcmp(argv[at], "--version") == 0) {
        printf("bucketline %s\n", service_version);
        return EXIT_FINE;
    }
    for (i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[at], commands[i].name) == 0)
            return asks_for_help(argc - at - 1, argv + at + 1)
                       ? print_command_help(&commands[i])
                       : commands[i].run(&c, argc - at, argv + at);
    }
    return client_fail(EXIT_USAGE, "there is no command '%s'; --help lists all", argv[at]);
}
