#include "worker/chunk/chunk_ops.h"

#include "common/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* Written bytes are given to the disk in steps of this size, so that the fsync at the end has
 * little left to wait for. */
#define SYNC_STEP_BYTES (8 << 20)

int
chunk_sink_create(struct chunk_sink *s, struct errinfo *ei)
{
    snprintf(s->part_name, sizeof(s->part_name), "chunk-%u.part", s->index);
    snprintf(s->name, sizeof(s->name), "chunk-%u%s", s->index, s->ops->suffix);
    s->fd = openat(s->opt->slot_fd, s->part_name,
                   O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (s->fd < 0)
        return errinfo_errno(ei, errno, "cannot create '%s' in the spool", s->part_name);
    s->bytes = 0;
    s->synced = 0;
    digest_reset(s->digest);
    return 0;
}

int
chunk_sink_put(struct chunk_sink *s, const void *p, size_t n, struct errinfo *ei)
{
    int rc = fs_write_all(s->fd, p, n, ei);

    if (rc < 0)
        return errinfo_prepend(ei, "write '%s' in the spool", s->part_name);
    digest_update(s->digest, p, n);
    s->bytes += (int64_t)n;
    if (s->bytes - s->synced >= SYNC_STEP_BYTES) {
        /* A hint only; errors show at fsync. */
        sync_file_range(s->fd, s->synced, s->bytes - s->synced, SYNC_FILE_RANGE_WRITE);
        s->synced = s->bytes;
    }
    return 0;
}

int
chunk_sink_finish(struct chunk_sink *s, struct errinfo *ei)
{
    int fd = s->fd;

    if (fsync(fd) < 0)
        return errinfo_errno(ei, errno, "fsync '%s' in the spool", s->part_name);
    s->fd = -1;
    if (close(fd) < 0)
        return errinfo_errno(ei, errno, "close '%s' in the spool", s->part_name);
    if (renameat(s->opt->slot_fd, s->part_name, s->opt->slot_fd, s->name) < 0)
        return errinfo_errno(ei, errno, "rename '%s' in the spool", s->part_name);
    return 0;
}

void
chunk_sink_discard(struct chunk_sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    if (s->part_name[0] != '\0')
        unlinkat(s->opt->slot_fd, s->part_name, 0);
    s->part_name[0] = '\0';
}
