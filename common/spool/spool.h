#ifndef SPOOL_SPOOL_H
#define SPOOL_SPOOL_H

/*
 * One directory on one local disk where chunk files wait for their upload.
 *
 *     <dir>/id               the spool's id (uuid), made once
 *     <dir>/tmp/<slot>/      a runner's folder, held by flock on <slot>/lock; `job` names its job
 *     <dir>/ready/<job>.<index>.<attempt>   finished, fsynced, published
 *     <dir>/results/<job>.<attempt>         result of a materialised query, whole
 *
 * Workers and uploaders that mount the same directory share it. Recovery touches a slot only when
 * it gets its lock. Everything read back (names, the id) is checked. Not thread-safe.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"
#include "common/base/ids.h"

#include <stdbool.h>
#include <stdint.h>

struct spool;

/* Creates what is missing. E_DENIED: on a network file system (spool.allow_network_fs). */
int spool_open(const struct config *cfg, struct spool **ret, struct errinfo *ei) MUST_CHECK;
void spool_close(struct spool *s);
const char *spool_id(const struct spool *s);
const char *spool_dir(const struct spool *s);
int spool_ready_fd(const struct spool *s);

/* Bytes in the spool and bytes that may still come: min(limit - used, disk free - min_free). */
int spool_space(const struct spool *s, int64_t *ret_used, int64_t *ret_left,
                struct errinfo *ei) MUST_CHECK;

/* --- slots (worker) --- */
struct spool_slot {
    char name[32];
    char *path;  /* <dir>/tmp/<name> */
    int fd;      /* the folder */
    int lock_fd; /* holds the flock; inherited by the runner, so that the lock lives as long */
};
/* A fresh, empty, locked slot. */
int spool_slot_take(struct spool *s, struct spool_slot *ret, struct errinfo *ei) MUST_CHECK;
/* Writes the `job` file, so that a sibling knows whom to tell. */
int spool_slot_mark(struct spool_slot *slot, const char *job, const char *attempt,
                    struct errinfo *ei) MUST_CHECK;
/* Removes the folder and gives the lock up. */
void spool_slot_drop(struct spool *s, struct spool_slot *slot);
/* Dead slots (lock free): calls found with the job it was marked with ("" when unmarked), then
 * removes it. */
int spool_slots_recover(struct spool *s,
                        void (*found)(void *ctx, const char *job, const char *attempt), void *ctx,
                        struct errinfo *ei) MUST_CHECK;

/* --- finished files --- */
/* Durable move from the slot to ready/ (fs_publish). */
int spool_publish(struct spool *s, const struct spool_slot *slot, const char *tmp_name,
                  const char *job, unsigned index, const char *attempt,
                  struct errinfo *ei) MUST_CHECK;
/* Durable link of slot/result.parquet to results/<job>.<attempt>, and back into another slot. */
int spool_publish_result(struct spool *s, const struct spool_slot *slot, const char *job,
                         const char *attempt, char ret_name[96], struct errinfo *ei) MUST_CHECK;
int spool_link_result(struct spool *s, const struct spool_slot *slot, const char *name,
                      struct errinfo *ei) MUST_CHECK; /* E_NOT_FOUND: it is gone */

/* "<job>.<index>.<attempt>" */
void spool_name_format(char out[96], const char *job, unsigned index, const char *attempt);
bool spool_name_parse(const char *name, char job[IDS_UUID_LEN + 1], unsigned *ret_index,
                      char attempt[IDS_ATTEMPT_LEN + 1]);

int spool_open_ready(struct spool *s, const char *name, int *ret_fd, int64_t *ret_bytes,
                     struct errinfo *ei) MUST_CHECK;
int spool_remove_ready(struct spool *s, const char *name, struct errinfo *ei) MUST_CHECK;
int spool_remove_result(struct spool *s, const char *name, struct errinfo *ei) MUST_CHECK;
/* Every valid name in ready/ (and results/: index 0) older than min_age_ms. */
int spool_each(struct spool *s, bool results, int64_t min_age_ms,
               void (*each)(void *ctx, const char *name), void *ctx, struct errinfo *ei) MUST_CHECK;

#endif
