#include "api/client/client.h"

#include "common/base/fs.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <unistd.h>

#define INPUT_MAX (16u << 20)

int
client_no_more(int argc, char **argv)
{
    if (optind < argc)
        return client_fail(EXIT_USAGE, "%s: '%s' is not understood; --help tells what is", argv[0],
                           argv[optind]);
    return EXIT_FINE;
}

bool
client_is_job_id(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && n <= 64 && strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz-") == n;
}

char *
client_printable(const char *text)
{
    char *copy = mem_strdup(text), *p;

    for (p = copy; *p != '\0'; p++) {
        if ((unsigned char)*p < ' ' || *p == '\x7f')
            *p = ' ';
    }
    return copy;
}

int
client_fail(enum client_exit code, const char *fmt, ...)
{
    char words[4096], *printable;
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    printable = client_printable(words);
    fprintf(stderr, "bucketline: %s\n", printable);
    free(printable);
    return (int)code;
}

/* By its descriptor: /dev/stdin cannot be opened when it is a socket. */
static int
read_stdin(char **ret, size_t *ret_len, struct errinfo *ei)
{
    struct buf b = BUF_INIT(INPUT_MAX);
    char piece[65536];
    ssize_t n;

    while ((n = read(STDIN_FILENO, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n > 0)
            buf_append(&b, piece, (size_t)n);
        if (n < 0 || b.failed)
            break;
    }
    explicit_bzero(piece, sizeof(piece)); /* a body may hold keys */
    if (n != 0) {
        buf_wipe(&b);
        return n < 0 ? errinfo_errno(ei, errno, "read standard input")
                     : errinfo_set(ei, E_INVALID, "standard input is larger than %u bytes",
                                   INPUT_MAX);
    }
    if (ret_len != NULL)
        *ret_len = b.len;
    *ret = buf_take(&b);
    return E_OK;
}

int
client_read(const char *path, char **ret, size_t *ret_len, struct errinfo *ei)
{
    return strcmp(path, "-") == 0 ? read_stdin(ret, ret_len, ei)
                                  : fs_read_file(path, INPUT_MAX, ret, ret_len, ei);
}
