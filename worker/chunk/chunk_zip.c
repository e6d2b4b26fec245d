#include "worker/chunk/chunk_ops.h"

#include "worker/chunk/deflate.h"

#include "common/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

/*
 * A zip with one entry. While the file grows the .part file holds the raw deflate data; at the end
 * libzip builds container and encryption around it in a second file, and the first is removed: a
 * zip needs twice its size in the spool for a moment.
 *
 * libzip reads from and writes to sources of our own: the data goes in as it is, because its source
 * states method, size and CRC, and the archive goes to a file descriptor of the slot, so that no
 * path and no temporary file of libzip's is needed.
 */

/* Local header, AES extra fields and overhead, zip64, central directory, end records, names. */
#define ZIP_OVERHEAD_BYTES 1024

struct zip_io {
    struct chunk_sink *sink;
    int in_fd; /* raw deflate data */
    int64_t in_pos;
    int out_fd; /* the archive */
    int64_t out_pos;
    time_t now;      /* of the entry. The old cipher checks a password by it: it must not move */
    int saved_errno; /* the first failure of read or write, in our words later */
};

static zip_int64_t
io_failed(struct zip_io *io)
{
    if (io->saved_errno == 0)
        io->saved_errno = errno;
    return -1;
}

static zip_int64_t
report_error(const struct zip_io *io, void *data, zip_uint64_t len)
{
    int *codes = data;

    if (len < 2 * sizeof(int))
        return -1;
    codes[0] = ZIP_ER_WRITE;
    codes[1] = io->saved_errno;
    return 2 * sizeof(int);
}

/* Source of the entry: zip_source_function(3). */
static zip_int64_t
entry_source(void *user, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
    struct zip_io *io = user;
    zip_stat_t *st = data;
    ssize_t n;

    switch (cmd) {
    case ZIP_SOURCE_OPEN:
        io->in_pos = 0;
        return 0;
    case ZIP_SOURCE_READ:
        do
            n = pread(io->in_fd, data, len, io->in_pos);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return io_failed(io);
        io->in_pos += n;
        return n;
    case ZIP_SOURCE_STAT:
        zip_stat_init(st);
        st->size = (zip_uint64_t)io->sink->content_bytes;
        st->comp_size = (zip_uint64_t)io->sink->bytes;
        st->comp_method = ZIP_CM_DEFLATE;
        st->crc = io->sink->crc;
        st->mtime = io->now;
        st->valid = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_CRC |
                    ZIP_STAT_MTIME;
        return sizeof(*st);
    case ZIP_SOURCE_ERROR:
        return report_error(io, data, len);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_READABLE;
    default:
        return -1;
    }
}

static zip_int64_t
archive_write(struct zip_io *io, const void *data, zip_uint64_t len)
{
    const char *p = data;
    zip_uint64_t left = len;
    ssize_t n;

    while (left != 0) {
        n = pwrite(io->out_fd, p, left, io->out_pos);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_failed(io);
        p += n;
        left -= (zip_uint64_t)n;
        io->out_pos += n;
    }
    return (zip_int64_t)len;
}

static zip_int64_t
archive_seek(struct zip_io *io, void *data, zip_uint64_t len)
{
    struct stat st;
    zip_int64_t at;

    if (fstat(io->out_fd, &st) < 0)
        return io_failed(io);
    at = zip_source_seek_compute_offset((zip_uint64_t)io->out_pos, (zip_uint64_t)st.st_size, data,
                                        len, NULL);
    if (at < 0)
        return -1;
    io->out_pos = at;
    return 0;
}

/* Source of the archive: starts as "does not exist" and is written once, never read. */
static zip_int64_t
archive_source(void *user, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
    struct zip_io *io = user;
    int *codes = data;

    switch (cmd) {
    case ZIP_SOURCE_WRITE:
        return archive_write(io, data, len);
    case ZIP_SOURCE_SEEK_WRITE:
        return archive_seek(io, data, len);
    case ZIP_SOURCE_TELL_WRITE:
        return io->out_pos;
    case ZIP_SOURCE_ERROR:
        if (io->saved_errno != 0)
            return report_error(io, data, len);
        codes[0] = ZIP_ER_READ;
        codes[1] = ENOENT;
        return 2 * sizeof(int);
    case ZIP_SOURCE_BEGIN_WRITE:
    case ZIP_SOURCE_COMMIT_WRITE:
    case ZIP_SOURCE_ROLLBACK_WRITE:
    case ZIP_SOURCE_REMOVE:
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_WRITABLE;
    default: /* OPEN, READ, STAT: there is nothing yet */
        return -1;
    }
}

static int
zip_failed(const struct zip_io *io, const char *what, const char *why, struct errinfo *ei)
{
    if (io->saved_errno != 0)
        return errinfo_errno(ei, io->saved_errno, "%s '%s' in the spool", what, io->sink->name);
    return errinfo_set(ei, E_PERMANENT, "%s '%s': %s", what, io->sink->name, why);
}

static int
add_entry(zip_t *za, struct zip_io *io)
{
    const struct chunker_options *opt = io->sink->opt;
    zip_source_t *src = zip_source_function(za, entry_source, io);
    char entry[512];
    zip_int64_t i;

    if (src == NULL)
        return -1;
    snprintf(entry, sizeof(entry), "%s_%03u.csv", opt->entry_stem, io->sink->index);
    i = zip_file_add(za, entry, src, ZIP_FL_ENC_UTF_8);
    if (i < 0) {
        zip_source_free(src);
        return -1;
    }
    if (zip_set_file_compression(za, (zip_uint64_t)i, ZIP_CM_DEFLATE, 0) < 0)
        return -1;
    if (opt->password == NULL)
        return 0;
    return zip_file_set_encryption(
        za, (zip_uint64_t)i, opt->zipcrypto ? ZIP_EM_TRAD_PKWARE : ZIP_EM_AES_256, opt->password);
}

static int
build_archive(struct zip_io *io, struct errinfo *ei)
{
    zip_source_t *out = NULL;
    zip_error_t ze;
    zip_t *za = NULL;
    int rc = 0;

    zip_error_init(&ze);
    out = zip_source_function_create(archive_source, io, &ze);
    if (out != NULL)
        za = zip_open_from_source(out, ZIP_CREATE | ZIP_TRUNCATE, &ze);
    if (za == NULL) {
        rc = zip_failed(io, "create", zip_error_strerror(&ze), ei);
        zip_source_free(out);
        goto out;
    }
    if (add_entry(za, io) < 0 || zip_close(za) < 0) {
        rc = zip_failed(io, "write", zip_strerror(za), ei);
        zip_discard(za);
    }
out:
    zip_error_fini(&ze);
    return rc;
}

/* Size and digest of the finished archive: libzip went back to fill in headers. */
static int
read_back(struct chunk_sink *s, int fd, struct errinfo *ei)
{
    size_t room = 1 << 18;
    char *p = mem_alloc(room);
    int64_t at = 0;
    ssize_t n;

    digest_reset(s->digest);
    while ((n = pread(fd, p, room, at)) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            break;
        digest_update(s->digest, p, (size_t)n);
        at += n;
    }
    free(p);
    if (n < 0)
        return errinfo_errno(ei, errno, "read '%s' in the spool", s->name);
    s->bytes = at;
    return 0;
}

static int
zip_seal(struct chunk_sink *s, struct errinfo *ei)
{
    struct zip_io io = {.sink = s, .in_fd = s->fd, .out_fd = -1, .now = time(NULL)};
    char raw_name[sizeof(s->part_name)];
    int rc;

    rc = chunk_sink_put(s, DEFLATE_END, DEFLATE_END_BYTES, ei);
    if (rc < 0)
        return rc;
    memcpy(raw_name, s->part_name, sizeof(raw_name));
    snprintf(s->part_name, sizeof(s->part_name), "chunk-%u.zip.part", s->index);
    io.out_fd = openat(s->opt->slot_fd, s->part_name,
                       O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (io.out_fd < 0)
        rc = errinfo_errno(ei, errno, "cannot create '%s' in the spool", s->part_name);
    if (rc == 0)
        rc = build_archive(&io, ei);
    if (rc == 0)
        rc = read_back(s, io.out_fd, ei);
    close(s->fd);
    unlinkat(s->opt->slot_fd, raw_name, 0);
    s->fd = io.out_fd;
    return rc < 0 ? rc : chunk_sink_finish(s, ei);
}

const struct chunk_ops chunk_zip = {
    .name = "zip",
    .suffix = ".zip",
    .deflated = true,
    .seal_bytes = ZIP_OVERHEAD_BYTES,
    .open = chunk_sink_create,
    .write = chunk_sink_put,
    .seal = zip_seal,
};
