#ifndef UPLOADER_UPLOAD_CHECK_H
#define UPLOADER_UPLOAD_CHECK_H

/*
 * Compares a chunk file with its recorded hash, a piece in each turn of the loop. Done for files
 * that lay in the spool before this process started: whatever ended the process before may have
 * harmed them, and a file sent in parts has no other check of the whole. Once per file.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

struct uploader;
struct upload_check;

/* rc: 0, or negative with words. Called from the loop; free the check there. */
typedef void (*upload_checked_fn)(void *ctx, int rc, const char *words);

bool upload_check_is_due(const struct uploader *u, const char *name, int fd);
/* name, fd and the hash are borrowed until it is freed. */
struct upload_check *upload_check_start(struct uploader *u, const char *name, int fd, int64_t bytes,
                                        const char *sha256_hex, upload_checked_fn done, void *ctx);
void upload_check_free(struct upload_check *c); /* NULL is fine; no call comes after it */

#endif
