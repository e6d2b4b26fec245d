#ifndef API_CLIENT_CLIENT_H
#define API_CLIENT_CLIENT_H

/*
 * The command line `bucketline`: one file a group of commands, one table of them in main.c.
 *
 * Talks HTTP to the API like any other client (BUCKETLINE_URL, BUCKETLINE_API_KEY and
 * BUCKETLINE_API_SECRET, or BUCKETLINE_TOKEN); only `key` and `doctor` read the configuration of
 * the service and go to Redis, and `s3` reads it and goes to S3. Secrets come from the environment
 * or from files, never as arguments, since the process list shows those.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>

/* What a command ends with; written down in --help. */
enum client_exit {
    EXIT_FINE = 0,          /* done; of watch and submit --wait: the job is COMPLETED */
    EXIT_FAILED = 1,        /* refused, or no answer */
    EXIT_USAGE = 2,         /* wrong command line or configuration */
    EXIT_STOPPED = 3,       /* the job is STOPPED */
    EXIT_MISSING = 4,       /* there is no such job (any more), or object */
    EXIT_INTERRUPTED = 130, /* Ctrl-C; in watch the job goes on */
};

struct client {
    const char *config; /* --config; NULL: BUCKETLINE_CONF */
    char *sets[64];     /* --set */
    size_t set_count;
};

struct client_command {
    const char *name;
    int (*run)(struct client *c, int argc, char **argv); /* argv[0] is the command */
    const char *usage;                                   /* behind the name */
    const char *help;                                    /* one sentence */
    const char *more;                                    /* of its own --help; or NULL */
};

int cmd_key(struct client *c, int argc, char **argv);
int cmd_sign(struct client *c, int argc, char **argv);
int cmd_submit(struct client *c, int argc, char **argv);
int cmd_status(struct client *c, int argc, char **argv);
int cmd_watch(struct client *c, int argc, char **argv);
int cmd_list(struct client *c, int argc, char **argv);
int cmd_stop(struct client *c, int argc, char **argv);
int cmd_start(struct client *c, int argc, char **argv);
int cmd_remove(struct client *c, int argc, char **argv);
int cmd_explain(struct client *c, int argc, char **argv);
int cmd_s3(struct client *c, int argc, char **argv);
int cmd_doctor(struct client *c, int argc, char **argv);

/* Follows a job until it is COMPLETED, STOPPED or gone: a bar on a terminal, lines otherwise. */
int watch_job(const char *id);

/* "bucketline: words" on stderr; returns code. */
int client_fail(enum client_exit code, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* getopt is through: nothing may be left. 0, or EXIT_USAGE with words on stderr. */
int client_no_more(int argc, char **argv) MUST_CHECK;

/* Safe to stand in a path of the API. Whether there is such a job is the service's to say. */
bool client_is_job_id(const char *text);

/* Words of others on our terminal: control characters become blanks. Heap, caller frees. */
char *client_printable(const char *text);

/* Whole standard input ("-") or file; caller frees. */
int client_read(const char *path, char **ret, size_t *ret_len, struct errinfo *ei) MUST_CHECK;

/* The three headers for a body at a time, as "name: value" lines into out. E_INVALID: the key or
 * the secret is not in the environment. */
int client_sign(const char *body, size_t len, int64_t now_ms, char lines[3][256],
                struct errinfo *ei) MUST_CHECK;

#endif
