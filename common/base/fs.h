#ifndef BASE_FS_H
#define BASE_FS_H

/*
 * Files, durably. A file is published by fs_publish and in no other way: fsync of the file,
 * rename without replacement, fsync of both directories. After it returned 0 the file survives a
 * power cut under its final name; before, only the temporary name may exist.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Whole file into a heap string (NUL added, not counted); caller frees. E_INVALID above max. */
int fs_read_file(const char *path, size_t max_bytes, char **ret, size_t *ret_len,
                 struct errinfo *ei) MUST_CHECK;
/* The first line of a secret's file, without its line end; caller mem_wipe_frees.
 * E_DENIED when others may read it (mode & 077) and it is not root's. */
int fs_read_secret(const char *path, char **ret, struct errinfo *ei) MUST_CHECK;

/* All bytes or an error; handles short writes and EINTR. */
int fs_write_all(int fd, const void *p, size_t n, struct errinfo *ei) MUST_CHECK;

/* mkdir -p with the mode for new folders. */
int fs_mkdirs(const char *path, mode_t mode, struct errinfo *ei) MUST_CHECK;

/* Moves tmp_name of from_dir to name of to_dir: fsync file, renameat2(RENAME_NOREPLACE), fsync
 * directories. The file is already closed and its writes checked. E_CONFLICT if name exists. */
int fs_publish(int from_dir, const char *tmp_name, int to_dir, const char *name,
               struct errinfo *ei) MUST_CHECK;

/* Writes a small file so that it is there whole or not at all (tmp, fsync, rename over). */
int fs_replace_file(const char *path, const void *p, size_t n, mode_t mode,
                    struct errinfo *ei) MUST_CHECK;

/* Removes a file and syncs its directory; a missing file is fine. */
int fs_remove(int dir, const char *name, struct errinfo *ei) MUST_CHECK;

/* Removes everything below the folder dir/name and, with also_top, the folder. No links followed. */
int fs_remove_tree(int dir, const char *name, bool also_top, struct errinfo *ei) MUST_CHECK;

/* Sum of the sizes of the regular files below the folder, down to two folders deeper. */
int fs_dir_bytes(const char *path, int64_t *ret_bytes, struct errinfo *ei) MUST_CHECK;

#endif
