#include "uploader/upload_check.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/errinfo.h"
#include "uploader/uploader_state.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIECE_BYTES (1024 * 1024)

struct upload_check {
    struct uploader *u;
    const char *name, *sha256_hex;
    int fd;
    int64_t bytes, at;
    struct digest *digest;
    struct event *turn;
    char *piece;
    upload_checked_fn done;
    void *ctx;
};

/* FNV-1a: names are random already, this only shortens them. */
static uint64_t
short_name(const char *name)
{
    uint64_t h = 1469598103934665603u;

    for (; *name != '\0'; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h;
}

bool
upload_check_is_due(const struct uploader *u, const char *name, int fd)
{
    uint64_t h = short_name(name);
    struct stat st;
    size_t i;

    if (fstat(fd, &st) < 0 || (int64_t)st.st_mtim.tv_sec * 1000 >= u->started_ms)
        return false;
    for (i = 0; i < ARRAY_LEN(u->checked); i++) {
        if (u->checked[i] == h)
            return false;
    }
    return true;
}

static void
end(struct upload_check *c, int rc, const char *words)
{
    if (rc == E_OK)
        c->u->checked[c->u->checked_next++ % CHECKED_MAX] = short_name(c->name);
    c->done(c->ctx, rc, words);
}

/* By timer: an event made active in its own callback runs again before any other of the loop. */
static void
next_turn(struct upload_check *c)
{
    const struct timeval now = {0, 0};

    event_add(c->turn, &now);
}

static void
on_turn(evutil_socket_t fd, short what, void *arg)
{
    struct upload_check *c = arg;
    char hex[DIGEST_SHA256_HEX + 1];
    struct errinfo ei = ERRINFO_INIT;
    ssize_t n;

    (void)fd;
    (void)what;
    n = pread(c->fd, c->piece, PIECE_BYTES, c->at);
    if (n < 0 && errno != EINTR) {
        (void)errinfo_errno(&ei, errno,
                            "the file in the spool cannot be read; tell the operator "
                            "of this server");
        end(c, ei.code, ei.msg);
        return;
    }
    if (n > 0) {
        digest_update(c->digest, c->piece, (size_t)n);
        c->at += n;
    }
    if (n != 0 && c->at < c->bytes) {
        next_turn(c);
        return;
    }
    digest_final_hex(c->digest, hex);
    if (strcmp(hex, c->sha256_hex) == 0)
        end(c, E_OK, "");
    else
        end(c, E_PERMANENT,
            "the file in the spool is damaged: its SHA-256 is not the recorded one; tell the "
            "operator of this server");
}

struct upload_check *
upload_check_start(struct uploader *u, const char *name, int fd, int64_t bytes,
                   const char *sha256_hex, upload_checked_fn done, void *ctx)
{
    struct upload_check *c = mem_zalloc(sizeof(*c));

    c->u = u;
    c->name = name;
    c->sha256_hex = sha256_hex;
    c->fd = fd;
    c->bytes = bytes;
    c->digest = digest_new();
    c->piece = mem_alloc(PIECE_BYTES);
    c->done = done;
    c->ctx = ctx;
    c->turn = evtimer_new(u->base, on_turn, c);
    next_turn(c);
    return c;
}

void
upload_check_free(struct upload_check *c)
{
    if (c == NULL)
        return;
    event_free(c->turn);
    digest_free(c->digest);
    free(c->piece);
    free(c);
}
