#include "api/client/client.h"

#include "common/base/fs.h"
#include "common/base/service.h"

#include <signal.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <unistd.h>

static const struct client_command commands[] = {
    {"submit", cmd_submit,
     "--query Q --from F [--to T] [--destination s3] [--param NAME=VALUE]...\n"
     "             [--param-file NAME=FILE]... [--param-env NAME=VARIABLE]... [--wait]\n"
     "         or  --body FILE|- [--wait]",
     "sends a query and where its rows go; prints the job's id"},
    {"watch", cmd_watch, "ID", "follows a job to its end; Ctrl-C leaves it running"},
    {"status", cmd_status, "ID [--json]", "shows one job"},
    {"list", cmd_list, "[--json]", "shows the jobs of the domain, the newest first"},
    {"stop", cmd_stop, "ID", "stops a job; what is finished is still sent"},
    {"start", cmd_start, "ID [--new-keys]",
     "goes on with a stopped job; --new-keys sends AWS_ACCESS_KEY_ID,\n"
     "             AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN of the environment along"},
    {"remove", cmd_remove, "ID", "removes a job; files already in the bucket stay"},
    {"sign", cmd_sign, "[--body FILE|-] [--timestamp MS]",
     "prints the three headers that sign a request with this body"},
    {"explain", cmd_explain, "[--from F] [--to T] [--tree] QUERY|-",
     "prints the tables and the class of a query, on request its syntax tree, or its\n"
     "             error with the place; nothing is sent"},
    {"key", cmd_key,
     "master FILE\n"
     "         or  add --domain D [--tables GLOBS] [--read-only] [--expires-days N] [--json]\n"
     "         or  list [--json]  or  revoke KEY",
     "makes the master key; administers credentials (on the service's machine)"},
    {"doctor", cmd_doctor, "", "checks configuration, Redis, engine, spool, store and clock"},
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
    puts("\nenvironment:\n"
         "  BUCKETLINE_URL         address of the service; default http://127.0.0.1:8080/search\n"
         "  BUCKETLINE_API_KEY, BUCKETLINE_API_SECRET   credential that signs each request\n"
         "  BUCKETLINE_TOKEN       or a token instead\n"
         "  BUCKETLINE_CONF        configuration of the service, for key and doctor\n\n"
         "exit status: 0 done (watch, submit --wait: COMPLETED), 1 refused or no answer,\n"
         "2 wrong command line or configuration, 3 the job is STOPPED, 4 there is no such job");
}

int
client_fail(enum client_exit code, const char *fmt, ...)
{
    va_list ap;

    fputs("bucketline: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return (int)code;
}

int
client_read(const char *path, char **ret, size_t *ret_len, struct errinfo *ei)
{
    return fs_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, 16u << 20, ret, ret_len, ei);
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
    if (at >= argc || strcmp(argv[at], "--help") == 0 || strcmp(argv[at], "help") == 0) {
        print_help();
        return at >= argc ? EXIT_USAGE : EXIT_FINE;
    }
    if (strcmp(argv[at], "--version") == 0) {
        printf("bucketline %s\n", service_version);
        return EXIT_FINE;
    }
    for (i = 0; i < ARRAY_LEN(commands); i++) {
        if (strcmp(argv[at], commands[i].name) != 0)
            continue;
        if (at + 1 < argc && strcmp(argv[at + 1], "--help") == 0) {
            printf("usage: bucketline %s %s\n\n%s\n", commands[i].name, commands[i].usage,
                   commands[i].help);
            return EXIT_FINE;
        }
        return commands[i].run(&c, argc - at, argv + at);
    }
    return client_fail(EXIT_USAGE, "there is no command '%s'; --help lists all", argv[at]);
}
