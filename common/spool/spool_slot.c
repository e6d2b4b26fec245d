#include "common/spool/spool_internal.h"

#include "common/base/buf.h"
#include "common/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * A slot is alive as long as somebody holds the flock of its lock file. Whoever gets the lock of
 * an existing slot may remove it, by renaming the folder to gone.<name> first: from then on nobody
 * takes it for a slot, and a second remover, or one after a crash, just goes on.
 */

#define SLOT_NAME_LEN 16
#define GONE          "gone."
#define MARK_MAX      256
#define TAKE_TRIES    16

/* The lock file of the slot, locked; -1: somebody else has it, or the slot is gone. */
static int
lock_slot(int slot_fd)
{
    struct stat st;
    int fd = openat(slot_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return -1;
    /* The link count tells whether the file we locked is still the one that others would find. */
    if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 || st.st_nlink == 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Still under its name: not renamed by a recovery that was faster with the lock. */
static bool
slot_is_there(struct spool *s, const char *name, int slot_fd)
{
    struct stat mine, named;

    return fstat(slot_fd, &mine) == 0 &&
           fstatat(s->tmp_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_ino == named.st_ino && mine.st_dev == named.st_dev;
}

static int
remove_slot(struct spool *s, const char *name, struct errinfo *ei)
{
    char gone[64];

    snprintf(gone, sizeof(gone), GONE "%s", name);
    if (renameat(s->tmp_fd, name, s->tmp_fd, gone) < 0) {
        if (errno == ENOENT)
            return E_OK;
        return errinfo_errno(ei, errno, "rename slot '%s'", name);
    }
    return fs_remove_tree(s->tmp_fd, gone, true, ei);
}

int
spool_slot_take(struct spool *s, struct spool_slot *ret, struct errinfo *ei)
{
    struct spool_slot slot = {.fd = -1, .lock_fd = -1};
    int i;

    for (i = 0; i < TAKE_TRIES; i++) {
        ids_alnum(slot.name, SLOT_NAME_LEN);
        if (mkdirat(s->tmp_fd, slot.name, 0700) < 0) {
            if (errno == EEXIST)
                continue;
            return errinfo_errno(ei, errno, "create slot in '%s/tmp'", s->dir);
        }
        slot.fd = openat(s->tmp_fd, slot.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        slot.lock_fd = slot.fd >= 0 ? lock_slot(slot.fd) : -1;
        /* A recovery may have come between mkdir and lock; then that slot is its. */
        if (slot.lock_fd >= 0 && slot_is_there(s, slot.name, slot.fd)) {
            slot.path = mem_printf("%s/tmp/%s", s->dir, slot.name);
            *ret = slot;
            return E_OK;
        }
        if (slot.fd >= 0)
            close(slot.fd);
        if (slot.lock_fd >= 0)
            close(slot.lock_fd);
    }
    return errinfo_set(ei, E_TRANSIENT, "cannot take a slot in '%s/tmp'", s->dir);
}

int
spool_slot_mark(struct spool_slot *slot, const char *job, const char *attempt, struct errinfo *ei)
{
    char text[MARK_MAX];
    int fd, n, rc;

    /* Not fsynced: it is for siblings that outlive a process. After a power cut the lease ends. */
    fd = openat(slot->fd, "job", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return errinfo_errno(ei, errno, "mark slot '%s'", slot->path);
    n = snprintf(text, sizeof(text), "%s %s\n", job, attempt);
    rc = fs_write_all(fd, text, (size_t)n, ei);
    if (close(fd) < 0 && rc == E_OK)
        rc = errinfo_errno(ei, errno, "close");
    return rc < 0 ? errinfo_prepend(ei, "mark slot '%s'", slot->path) : E_OK;
}

void
spool_slot_drop(struct spool *s, struct spool_slot *slot)
{
    if (slot->path == NULL)
        return;
    /* What cannot be removed now is a dead slot once the lock is free. */
    (void)remove_slot(s, slot->name, NULL);
    close(slot->fd);
    close(slot->lock_fd);
    free(slot->path);
    *slot = (struct spool_slot){.fd = -1, .lock_fd = -1};
}

/* Both "" unless the file holds exactly one job and one attempt. */
static void
read_mark(int slot_fd, char job[IDS_UUID_LEN + 1], char attempt[IDS_ATTEMPT_LEN + 1])
{
    char text[MARK_MAX];
    ssize_t n;
    int fd = openat(slot_fd, "job", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

    job[0] = attempt[0] = '\0';
    if (fd < 0)
        return;
    n = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n != IDS_UUID_LEN + 1 + IDS_ATTEMPT_LEN + 1 || text[n - 1] != '\n')
        return;
    text[n - 1] = '\0';
    if (text[IDS_UUID_LEN] != ' ' || !spool_is_attempt(text + IDS_UUID_LEN + 1))
        return;
    text[IDS_UUID_LEN] = '\0';
    if (!ids_is_uuid(text))
        return;
    memcpy(job, text, IDS_UUID_LEN + 1);
    memcpy(attempt, text + IDS_UUID_LEN + 1, IDS_ATTEMPT_LEN + 1);
}

static bool
is_slot_name(const char *name)
{
    return strlen(name) == SLOT_NAME_LEN &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
               SLOT_NAME_LEN;
}

static int
recover_slot(struct spool *s, const char *name,
             void (*found)(void *ctx, const char *job, const char *attempt), void *ctx,
             struct errinfo *ei)
{
    char job[IDS_UUID_LEN + 1], attempt[IDS_ATTEMPT_LEN + 1];
    int rc = E_OK, lock_fd = -1;
    int fd = openat(s->tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return E_OK; /* vanished, or no slot */
    lock_fd = lock_slot(fd);
    if (lock_fd >= 0 && slot_is_there(s, name, fd)) {
        /* Told before it is removed: after a crash in between it is told again. */
        read_mark(fd, job, attempt);
        found(ctx, job, attempt);
        rc = remove_slot(s, name, ei);
    }
    if (lock_fd >= 0)
        close(lock_fd);
    close(fd);
    return rc;
}

int
spool_slots_recover(struct spool *s, void (*found)(void *ctx, const char *job, const char *attempt),
                    void *ctx, struct errinfo *ei)
{
    struct spool_names names = {0};
    size_t i;
    int rc = spool_names_read(s->tmp_fd, &names, ei);

    /* One slot that cannot be removed must not keep the others from being found. */
    for (i = 0; i < names.count; i++) {
        int one = E_OK;

        if (strncmp(names.list[i], GONE, strlen(GONE)) == 0 &&
            is_slot_name(names.list[i] + strlen(GONE)))
            one = fs_remove_tree(s->tmp_fd, names.list[i], true, ei);
        else if (is_slot_name(names.list[i]))
            one = recover_slot(s, names.list[i], found, ctx, ei);
        if (one < 0)
            rc = one;
    }
    spool_names_done(&names);
    return rc;
}
