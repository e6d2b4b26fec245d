#include "common/spool/spool_internal.h"

#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define RESULT_FILE "result.parquet"

/* File systems on which flock, rename or fsync are not what they are on a local disk. Numbers:
 * statfs(2) and linux/magic.h; unsigned, as f_type is sign-extended on some systems. */
static const struct {
    uint32_t magic;
    const char *name;
} network_fs[] = {
    {0x6969, "NFS"},      {0x517b, "SMB"},        {0xff534d42, "CIFS"},  {0xfe534d42, "SMB2"},
    {0x65735546, "FUSE"}, {0x00c36400, "Ceph"},   {0x5346414f, "AFS"},   {0x73757245, "Coda"},
    {0x01021997, "9P"},   {0x0bd00bd0, "Lustre"}, {0x47504653, "GPFS"},  {0x564c, "NCP"},
    {0x6b414653, "AFS"},  {0x01161970, "GFS2"},   {0x7461636f, "OCFS2"},
};

int
spool_names_read(int dir_fd, struct spool_names *ret, struct errinfo *ei)
{
    struct spool_names n = {0};
    struct dirent *e;
    int rc = E_OK, fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d == NULL) {
        rc = errinfo_errno(ei, errno, "read folder of the spool");
        if (fd >= 0)
            close(fd);
        return rc;
    }
    while (errno = 0, (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        n.list = mem_grow(n.list, &n.cap, n.count + 1, sizeof(*n.list));
        n.list[n.count++] = mem_strdup(e->d_name);
    }
    if (errno != 0)
        rc = errinfo_errno(ei, errno, "read folder of the spool");
    closedir(d);
    if (rc < 0)
        spool_names_done(&n);
    else
        *ret = n;
    return rc;
}

void
spool_names_done(struct spool_names *n)
{
    size_t i;

    for (i = 0; i < n->count; i++)
        free(n->list[i]);
    free(n->list);
    *n = (struct spool_names){0};
}

const char *
spool_network_fs(uint32_t magic)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(network_fs); i++) {
        if (magic == network_fs[i].magic)
            return network_fs[i].name;
    }
    return NULL;
}

static int
check_local(struct spool *s, bool allow_network, struct errinfo *ei)
{
    struct statfs fs;
    const char *network;

    if (fstatfs(s->dir_fd, &fs) < 0)
        return errinfo_errno(ei, errno, "look at the file system of '%s'", s->dir);
    network = spool_network_fs((uint32_t)fs.f_type);
    if (network != NULL && !allow_network)
        return errinfo_set(ei, E_DENIED,
                           "spool '%s' is on %s; use a local disk, or set "
                           "spool.allow_network_fs if its locks and fsync can be trusted",
                           s->dir, network);
    return E_OK;
}

static int
open_sub(struct spool *s, const char *name, int *ret_fd, struct errinfo *ei)
{
    if (mkdirat(s->dir_fd, name, 0700) < 0 && errno != EEXIST)
        return errinfo_errno(ei, errno, "create folder '%s/%s'", s->dir, name);
    *ret_fd = openat(s->dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (*ret_fd < 0)
        return errinfo_errno(ei, errno, "open folder '%s/%s'", s->dir, name);
    return E_OK;
}

/* 1: read; 0: there is none. */
static int
read_id(struct spool *s, struct errinfo *ei)
{
    char text[IDS_UUID_LEN + 8] = "";
    ssize_t n;
    int fd = openat(s->dir_fd, "id", O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return errno == ENOENT ? 0 : errinfo_errno(ei, errno, "open '%s/id'", s->dir);
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n < 0)
        return errinfo_errno(ei, errno, "read '%s/id'", s->dir);
    text[strcspn(text, "\n")] = '\0';
    if (!ids_is_uuid(text))
        return errinfo_set(ei, E_PERMANENT,
                           "'%s/id' does not hold a spool's id; restore it, or empty the folder if "
                           "no chunk file in it is needed",
                           s->dir);
    memcpy(s->id, text, sizeof(s->id));
    return 1;
}

/* Several processes may come to a new spool at once: the first one's name stands. */
static int
make_id(struct spool *s, struct errinfo *ei)
{
    char id[IDS_UUID_LEN + 1], tmp[IDS_UUID_LEN + 8], line[IDS_UUID_LEN + 2];
    int fd, rc;

    ids_uuid(id);
    snprintf(tmp, sizeof(tmp), ".id.%s", id);
    snprintf(line, sizeof(line), "%s\n", id);
    fd = openat(s->dir_fd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errinfo_errno(ei, errno, "create a file in '%s'", s->dir);
    rc = fs_write_all(fd, line, strlen(line), ei);
    if (close(fd) < 0 && rc == E_OK)
        rc = errinfo_errno(ei, errno, "close '%s/%s'", s->dir, tmp);
    if (rc == E_OK)
        rc = fs_publish(s->dir_fd, tmp, s->dir_fd, "id", ei);
    if (rc < 0)
        (void)unlinkat(s->dir_fd, tmp, 0);
    return rc == E_CONFLICT ? E_OK : rc;
}

int
spool_open(const struct config *cfg, struct spool **ret, struct errinfo *ei)
{
    struct spool *s = mem_zalloc(sizeof(*s));
    int rc;

    s->dir = mem_strdup(config_str(cfg, "spool.dir"));
    s->limit_bytes = config_int(cfg, "spool.limit");
    s->min_free_bytes = config_int(cfg, "spool.min_free");
    s->dir_fd = s->tmp_fd = s->ready_fd = s->results_fd = -1;
    rc = fs_mkdirs(s->dir, 0700, ei);
    if (rc < 0)
        goto out;
    s->dir_fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (s->dir_fd < 0) {
        rc = errinfo_errno(ei, errno, "open spool '%s'", s->dir);
        goto out;
    }
    rc = check_local(s, config_bool(cfg, "spool.allow_network_fs"), ei);
    if (rc == E_OK)
        rc = open_sub(s, "tmp", &s->tmp_fd, ei);
    if (rc == E_OK)
        rc = open_sub(s, "ready", &s->ready_fd, ei);
    if (rc == E_OK)
        rc = open_sub(s, "results", &s->results_fd, ei);
    if (rc == E_OK)
        rc = read_id(s, ei);
    if (rc == 0) {
        rc = make_id(s, ei);
        if (rc == E_OK)
            rc = read_id(s, ei);
        if (rc == 0)
            rc = errinfo_set(ei, E_TRANSIENT, "'%s/id' vanished", s->dir);
    }
out:
    if (rc < 0) {
        spool_close(s);
        return rc;
    }
    *ret = s;
    return E_OK;
}

void
spool_close(struct spool *s)
{
    const int fds[] = {s != NULL ? s->dir_fd : -1, s != NULL ? s->tmp_fd : -1,
                       s != NULL ? s->ready_fd : -1, s != NULL ? s->results_fd : -1};
    size_t i;

    if (s == NULL)
        return;
    for (i = 0; i < ARRAY_LEN(fds); i++) {
        if (fds[i] >= 0)
            close(fds[i]);
    }
    free(s->dir);
    free(s);
}

const char *
spool_id(const struct spool *s)
{
    return s->id;
}

const char *
spool_dir(const struct spool *s)
{
    return s->dir;
}

int
spool_ready_fd(const struct spool *s)
{
    return s->ready_fd;
}

/* Bytes counted more than once: a result is linked into the slot that reads it. */
static int
linked_bytes(struct spool *s, int64_t *ret, struct errinfo *ei)
{
    struct spool_names names = {0};
    struct stat st;
    size_t i;
    int rc = spool_names_read(s->results_fd, &names, ei);

    *ret = 0;
    for (i = 0; i < names.count; i++) {
        if (fstatat(s->results_fd, names.list[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISREG(st.st_mode) && st.st_nlink > 1)
            *ret += st.st_size * ((int64_t)st.st_nlink - 1);
    }
    spool_names_done(&names);
    return rc;
}

int
spool_space(const struct spool *s, int64_t *ret_used, int64_t *ret_left, struct errinfo *ei)
{
    struct statvfs vfs;
    int64_t used, twice = 0, disk, left;
    int rc = fs_dir_bytes(s->dir, &used, ei);

    if (rc == E_OK)
        rc = linked_bytes((struct spool *)s, &twice, ei);
    if (rc < 0)
        return rc;
    if (fstatvfs(s->dir_fd, &vfs) < 0)
        return errinfo_errno(ei, errno, "look at the disk of '%s'", s->dir);
    used = used > twice ? used - twice : 0;
    disk = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize - s->min_free_bytes;
    left = s->limit_bytes - used < disk ? s->limit_bytes - used : disk;
    *ret_used = used;
    *ret_left = left > 0 ? left : 0;
    return E_OK;
}

int
spool_publish(struct spool *s, const struct spool_slot *slot, const char *tmp_name, const char *job,
              unsigned index, const char *attempt, struct errinfo *ei)
{
    char name[96];

    spool_name_format(name, job, index, attempt);
    return fs_publish(slot->fd, tmp_name, s->ready_fd, name, ei);
}

int
spool_publish_result(struct spool *s, const struct spool_slot *slot, const char *job,
                     const char *attempt, char ret_name[96], struct errinfo *ei)
{
    char name[96];
    int fd, rc = E_OK;

    snprintf(name, sizeof(name), "%s.%s", job, attempt);
    fd = openat(slot->fd, RESULT_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errinfo_errno(ei, errno, "open '%s/" RESULT_FILE "'", slot->path);
    /* Content first, then the name: the reverse could leave a name without content. */
    if (fsync(fd) < 0)
        rc = errinfo_errno(ei, errno, "fsync '%s/" RESULT_FILE "'", slot->path);
    else if (linkat(slot->fd, RESULT_FILE, s->results_fd, name, 0) < 0 && errno != EEXIST)
        rc = errinfo_errno(ei, errno, "link result '%s'", name);
    else if (fsync(s->results_fd) < 0)
        rc = errinfo_errno(ei, errno, "fsync '%s/results'", s->dir);
    close(fd);
    if (rc == E_OK)
        memcpy(ret_name, name, sizeof(name));
    return rc;
}

static bool
is_result_name(const char *name)
{
    char job[IDS_UUID_LEN + 1], attempt[IDS_ATTEMPT_LEN + 1];

    return spool_result_parse(name, job, attempt);
}

static bool
is_ready_name(const char *name)
{
    char job[IDS_UUID_LEN + 1], attempt[IDS_ATTEMPT_LEN + 1];
    unsigned index;

    return spool_name_parse(name, job, &index, attempt) && index > 0;
}

int
spool_link_result(struct spool *s, const struct spool_slot *slot, const char *name,
                  struct errinfo *ei)
{
    if (!is_result_name(name))
        return errinfo_set(ei, E_INVALID, "'%s' is not the name of a result", name);
    if (linkat(s->results_fd, name, slot->fd, RESULT_FILE, 0) < 0)
        return errinfo_errno(ei, errno, "link result '%s'", name);
    return E_OK;
}

int
spool_open_ready(struct spool *s, const char *name, int *ret_fd, int64_t *ret_bytes,
                 struct errinfo *ei)
{
    struct stat st;
    int fd, rc;

    if (!is_ready_name(name))
        return errinfo_set(ei, E_INVALID, "'%s' is not the name of a chunk file", name);
    fd = openat(s->ready_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errinfo_errno(ei, errno, "open chunk file '%s'", name);
    if (fstat(fd, &st) < 0) {
        rc = errinfo_errno(ei, errno, "look at chunk file '%s'", name);
        close(fd);
        return rc;
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return errinfo_set(ei, E_PERMANENT, "chunk file '%s' is not a regular file", name);
    }
    *ret_fd = fd;
    *ret_bytes = st.st_size;
    return E_OK;
}

int
spool_remove_ready(struct spool *s, const char *name, struct errinfo *ei)
{
    if (!is_ready_name(name))
        return errinfo_set(ei, E_INVALID, "'%s' is not the name of a chunk file", name);
    return fs_remove(s->ready_fd, name, ei);
}

int
spool_remove_result(struct spool *s, const char *name, struct errinfo *ei)
{
    if (!is_result_name(name))
        return errinfo_set(ei, E_INVALID, "'%s' is not the name of a result", name);
    return fs_remove(s->results_fd, name, ei);
}

int
spool_each(struct spool *s, bool results, int64_t min_age_ms,
           void (*each)(void *ctx, const char *name), void *ctx, struct errinfo *ei)
{
    struct spool_names names = {0};
    int dir_fd = results ? s->results_fd : s->ready_fd;
    int64_t now = clock_now_ms(), changed;
    struct stat st;
    size_t i;
    int rc = spool_names_read(dir_fd, &names, ei);

    for (i = 0; i < names.count; i++) {
        if (!(results ? is_result_name(names.list[i]) : is_ready_name(names.list[i])) ||
            fstatat(dir_fd, names.list[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        /* ctime: publishing changes the name, not the content. */
        changed = (int64_t)st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
        if (now - changed >= min_age_ms)
            each(ctx, names.list[i]);
    }
    spool_names_done(&names);
    return rc;
}
