#ifndef SPOOL_SPOOL_INTERNAL_H
#define SPOOL_SPOOL_INTERNAL_H

/* What the files of the spool share. Inside the shelf. */

#include "common/spool/spool.h"

#include <dirent.h>

struct spool {
    char id[IDS_UUID_LEN + 1];
    char *dir;
    int dir_fd, tmp_fd, ready_fd, results_fd;
    int64_t limit_bytes, min_free_bytes;
};

struct spool_names {
    char **list;
    size_t count, cap;
};

/* The entries of a folder, "." and ".." apart, read before anything is done with one: what is done
 * may remove entries. */
int spool_names_read(int dir_fd, struct spool_names *ret, struct errinfo *ei) MUST_CHECK;
void spool_names_done(struct spool_names *n);

/* Name of the network file system with this statfs magic; NULL: none that we know. */
const char *spool_network_fs(uint32_t magic);

bool spool_is_attempt(const char *s);
/* "<job>.<attempt>": a materialised result. */
bool spool_result_parse(const char *name, char job[IDS_UUID_LEN + 1],
                        char attempt[IDS_ATTEMPT_LEN + 1]);

#endif
