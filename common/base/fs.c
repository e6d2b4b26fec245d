#include "common/base/fs.h"

#include "common/base/buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

int
fs_read_file(const char *path, size_t max_bytes, char **ret, size_t *ret_len, struct errinfo *ei)
{
    struct buf b = BUF_INIT(max_bytes);
    char piece[65536];
    ssize_t n;
    int rc = E_OK, fd;

    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errinfo_errno(ei, errno, "open '%s'", path);
    while ((n = read(fd, piece, sizeof(piece))) != 0) {
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            rc = errinfo_errno(ei, errno, "read '%s'", path);
            break;
        }
        buf_append(&b, piece, (size_t)n);
        if (b.failed) {
            rc = errinfo_set(ei, E_INVALID, "'%s' is larger than %zu bytes", path, max_bytes);
            break;
        }
    }
    explicit_bzero(piece, sizeof(piece)); /* the file may be a secret's */
    close(fd);
    if (rc < 0) {
        buf_wipe(&b);
        return rc;
    }
    if (ret_len != NULL)
        *ret_len = b.len;
    *ret = buf_take(&b);
    return E_OK;
}

int
fs_read_secret(const char *path, char **ret, struct errinfo *ei)
{
    struct stat st;
    char *text;
    size_t len;
    int rc;

    if (stat(path, &st) < 0)
        return errinfo_errno(ei, errno, "open '%s'", path);
    if ((st.st_mode & 077) != 0 && st.st_uid != 0)
        return errinfo_set(ei, E_DENIED, "'%s' may be read by others: chmod 600 it", path);
    rc = fs_read_file(path, 65536, &text, &len, ei);
    if (rc < 0)
        return rc;
    text[strcspn(text, "\r\n")] = '\0';
    if (text[0] == '\0') {
        mem_wipe_free(text);
        return errinfo_set(ei, E_INVALID, "'%s' is empty: it should hold a secret", path);
    }
    *ret = text;
    return E_OK;
}

int
fs_write_all(int fd, const void *p, size_t n, struct errinfo *ei)
{
    const char *at = p;
    ssize_t w;

    while (n > 0) {
        w = write(fd, at, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return errinfo_errno(ei, errno, "write");
        at += w;
        n -= (size_t)w;
    }
    return E_OK;
}

int
fs_mkdirs(const char *path, mode_t mode, struct errinfo *ei)
{
    char *copy = mem_strdup(path), *p = copy;
    int rc = E_OK;

    while (rc == E_OK && p != NULL) {
        p = strchr(p + 1, '/');
        if (p != NULL)
            *p = '\0';
        if (copy[0] != '\0' && mkdir(copy, mode) < 0 && errno != EEXIST)
            rc = errinfo_errno(ei, errno, "create folder '%s'", copy);
        if (p != NULL)
            *p = '/';
    }
    free(copy);
    return rc;
}

static int
sync_name(int dir, const char *name, struct errinfo *ei)
{
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW), rc = E_OK;

    if (fd < 0)
        return errinfo_errno(ei, errno, "open '%s'", name);
    if (fsync(fd) < 0)
        rc = errinfo_errno(ei, errno, "fsync '%s'", name);
    close(fd);
    return rc;
}

static int
sync_dir(int dir, struct errinfo *ei)
{
    return fsync(dir) < 0 ? errinfo_errno(ei, errno, "fsync folder") : E_OK;
}

int
fs_publish(int from_dir, const char *tmp_name, int to_dir, const char *name, struct errinfo *ei)
{
    int rc = sync_name(from_dir, tmp_name, ei);

    if (rc < 0)
        return rc;
    if (renameat2(from_dir, tmp_name, to_dir, name, RENAME_NOREPLACE) < 0)
        return errinfo_errno(ei, errno, "rename '%s' to '%s'", tmp_name, name);
    rc = sync_dir(to_dir, ei);
    if (rc == E_OK)
        rc = sync_dir(from_dir, ei);
    return rc;
}

int
fs_replace_file(const char *path, const void *p, size_t n, mode_t mode, struct errinfo *ei)
{
    char *tmp = mem_printf("%s.tmp.%d", path, (int)getpid());
    char *dir = mem_strdup(path), *slash = strrchr(dir, '/');
    int rc, fd, dfd = -1;

    fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    if (fd < 0) {
        rc = errinfo_errno(ei, errno, "create '%s'", tmp);
        goto out;
    }
    rc = fs_write_all(fd, p, n, ei);
    if (rc == E_OK && fsync(fd) < 0)
        rc = errinfo_errno(ei, errno, "fsync '%s'", tmp);
    if (close(fd) < 0 && rc == E_OK)
        rc = errinfo_errno(ei, errno, "close '%s'", tmp);
    if (rc == E_OK && rename(tmp, path) < 0)
        rc = errinfo_errno(ei, errno, "rename '%s' to '%s'", tmp, path);
    if (rc < 0) {
        unlink(tmp);
        goto out;
    }
    if (slash != NULL)
        slash[slash == dir ? 1 : 0] = '\0';
    dfd = open(slash != NULL ? dir : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dfd < 0)
        rc = errinfo_errno(ei, errno, "open folder of '%s'", path);
    else
        rc = sync_dir(dfd, ei);
out:
    if (dfd >= 0)
        close(dfd);
    free(dir);
    free(tmp);
    return rc;
}

int
fs_remove(int dir, const char *name, struct errinfo *ei)
{
    if (unlinkat(dir, name, 0) < 0) {
        if (errno == ENOENT)
            return E_OK;
        return errinfo_errno(ei, errno, "remove '%s'", name);
    }
    return sync_dir(dir, ei);
}

static DIR *
open_sub(int dir, const char *name)
{
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;

    if (d == NULL && fd >= 0)
        close(fd);
    return d;
}

int
fs_remove_tree(int dir, const char *name, bool also_top, struct errinfo *ei)
{
    DIR *d = open_sub(dir, name);
    struct dirent *e;
    int rc = E_OK;

    if (d == NULL)
        return errno == ENOENT ? E_OK : errinfo_errno(ei, errno, "open folder '%s'", name);
    while (rc == E_OK && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(d), e->d_name, 0) == 0 || errno == ENOENT)
            continue;
        if (errno == EISDIR || errno == EPERM)
            rc = fs_remove_tree(dirfd(d), e->d_name, true, ei);
        else
            rc = errinfo_errno(ei, errno, "remove '%s'", e->d_name);
    }
    closedir(d);
    if (rc == E_OK && also_top && unlinkat(dir, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        rc = errinfo_errno(ei, errno, "remove folder '%s'", name);
    return rc;
}

static void
add_bytes(int dir, const char *name, int depth, int64_t *sum)
{
    DIR *d = open_sub(dir, name);
    struct dirent *e;
    struct stat st;

    if (d == NULL)
        return; /* vanished while we looked: its bytes are gone too */
    while ((e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0 ||
            fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISREG(st.st_mode))
            *sum += st.st_size;
        else if (S_ISDIR(st.st_mode) && depth > 0)
            add_bytes(dirfd(d), e->d_name, depth - 1, sum);
    }
    closedir(d);
}

int
fs_dir_bytes(const char *path, int64_t *ret_bytes, struct errinfo *ei)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return errinfo_errno(ei, errno, "look at '%s'", path);
    *ret_bytes = 0;
    add_bytes(AT_FDCWD, path, 2, ret_bytes);
    return E_OK;
}
