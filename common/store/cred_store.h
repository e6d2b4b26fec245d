#ifndef STORE_CRED_STORE_H
#define STORE_CRED_STORE_H

/*
 * Administration of credentials, for `bucketline key`. Secrets are sealed, tokens kept as SHA-256
 * only: both are shown once, when made.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/base/seal.h"
#include "common/store/job_store.h"
#include "common/store/store_cmd.h"

struct cred_new {
    char *api_key, *api_secret, *token; /* made here; wiped by cred_new_done */
};
void cred_new_done(struct cred_new *n);

int cred_store_add(struct job_store *s, const struct seal *seal, const char *domain,
                   const char *tables, bool read_only, int64_t expires_ms, struct cred_new *ret,
                   struct errinfo *ei) MUST_CHECK;
/* All of them, secrets still sealed. Free each with cred_record_done, then the array. */
int cred_store_list(struct job_store *s, struct cred_record **ret, size_t *ret_count,
                    struct errinfo *ei) MUST_CHECK;
/* E_NOT_FOUND: no such key. */
int cred_store_revoke(struct job_store *s, const char *api_key, struct errinfo *ei) MUST_CHECK;

#endif
