#include "api/client/client.h"

#include "common/base/clock.h"
#include "common/linq/civil.h"
#include "common/linq/explain.h"
#include "common/linq/linq_time.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define OUT_MAX_BYTES (16u << 20)

static void
print_time(const char *name, int64_t ms)
{
    struct civil c = civil_from_ms(ms);

    printf("%s: %04d-%02d-%02d %02d:%02d:%02d.%03d UTC\n", name, c.year, c.month, c.day, c.hour,
           c.minute, c.second, c.ms);
}

/* The range as the service would resolve it now, in UTC. */
static int
explain_range(const char *from, const char *to)
{
    int64_t now_ms = clock_now_ms(), from_ms = 0, to_ms = 0;
    struct errinfo ei;

    if (from != NULL && linq_time_parse(from, now_ms, 0, NULL, &from_ms, &ei) < 0)
        return client_fail(EXIT_FAILED, "from: %s", ei.msg);
    if (to != NULL &&
        linq_time_parse(to, now_ms, 0, from != NULL ? &from_ms : NULL, &to_ms, &ei) < 0)
        return client_fail(EXIT_FAILED, "to: %s", ei.msg);
    if (from != NULL)
        print_time("from", from_ms);
    if (to != NULL)
        print_time("to", to_ms);
    return EXIT_FINE;
}

static int
explain_query(const char *text, size_t len, bool tree)
{
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct linq_query *q;
    struct linq_error err;
    int ret = EXIT_FINE;

    if (linq_parse(text, len, &q, &err) < 0) {
        ret = client_fail(EXIT_FAILED, "%s", err.msg);
        linq_error_caret(text, len, &err, &out);
        fputs(buf_str(&out), stderr);
        buf_done(&out);
        return ret;
    }
    if ((tree ? linq_explain(q, &out) : linq_explain_brief(q, &out)) < 0)
        ret = client_fail(EXIT_FAILED, "the tree is larger than %u MiB", OUT_MAX_BYTES >> 20);
    else
        fputs(buf_str(&out), stdout);
    linq_free(q);
    buf_done(&out);
    return ret;
}

int
cmd_explain(struct client *c UNUSED, int argc, char **argv)
{
    static const struct option options[] = {{"from", required_argument, NULL, 'f'},
                                            {"to", required_argument, NULL, 't'},
                                            {"tree", no_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    const char *from = NULL, *to = NULL;
    bool tree = false;
    struct errinfo ei;
    char *text;
    size_t len;
    int o, ret;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'f')
            from = optarg;
        else if (o == 't')
            to = optarg;
        else if (o == 'r')
            tree = true;
        else
            return EXIT_USAGE;
    }
    if (argc - optind != 1)
        return client_fail(EXIT_USAGE, "explain takes one query, or - for standard input");
    if (strcmp(argv[optind], "-") != 0) {
        text = mem_strdup(argv[optind]);
        len = strlen(text);
    } else if (client_read("-", &text, &len, &ei) < 0) {
        return client_fail(EXIT_USAGE, "%s", ei.msg);
    }
    ret = explain_query(text, len, tree);
    if (ret == EXIT_FINE)
        ret = explain_range(from, to);
    free(text);
    return ret;
}
