#include "worker/frames.h"

#include <errno.h>
#include <sys/socket.h>

void
frame_begin(struct json_writer *w, struct buf *out, const char *kind)
{
    buf_reset(out);
    json_w_init(w, out);
    json_w_object(w);
    json_w_kv_string(w, "t", kind);
}

int
frame_send(int fd, struct json_writer *w, struct errinfo *ei)
{
    const char *p;
    size_t left;
    ssize_t n;

    json_w_object_end(w);
    buf_putc(w->out, '\n');
    if (w->out->failed)
        return errinfo_set(ei, E_PERMANENT, "a frame is larger than %u bytes", FRAME_MAX);
    for (p = w->out->data, left = w->out->len; left > 0; p += n, left -= (size_t)n) {
        n = send(fd, p, left, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            n = 0;
        else if (n < 0)
            return errinfo_set(ei, E_LOST, "the other process is gone: %s", strerror(errno));
    }
    return E_OK;
}

int
frame_receive(int fd, struct buf *in, int flags, struct errinfo *ei)
{
    char *at = buf_reserve(in, 65536);
    ssize_t n;

    if (at == NULL)
        return errinfo_set(ei, E_INVALID, "a frame is larger than %u bytes", FRAME_MAX);
    n = recv(fd, at, 65536, flags);
    if (n > 0) {
        in->len += (size_t)n;
        in->data[in->len] = '\0';
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    return errinfo_set(ei, E_LOST, "the other process is gone");
}

int
frame_next(struct buf *in, struct json **ret, struct errinfo *ei)
{
    char *end = in->len > 0 ? memchr(in->data, '\n', in->len) : NULL;
    int rc;

    if (end == NULL)
        return 0;
    rc = json_parse(in->data, (size_t)(end - in->data), ret, ei);
    buf_consume(in, (size_t)(end - in->data) + 1);
    if (rc < 0)
        return errinfo_prepend(ei, "frame");
    return 1;
}
