#ifndef STORE_STORE_SCRIPTS_H
#define STORE_STORE_SCRIPTS_H

/*
 * The Lua scripts, embedded at build time. What Redis gets is the file's shebang line, lib.lua,
 * then the rest of the file; the SHA-1 is over that text.
 */

#include <stddef.h>

/* X(enum name, file name) */
#define STORE_SCRIPTS(X)                                                                           \
    X(JOB_CREATE, job_create)                                                                      \
    X(JOB_CLAIM, job_claim)                                                                        \
    X(JOB_RENEW, job_renew)                                                                        \
    X(JOB_SET_SNAPSHOT, job_set_snapshot)                                                          \
    X(JOB_SET_RESULT, job_set_result)                                                              \
    X(CHUNK_ADD, chunk_add)                                                                        \
    X(QUERY_DONE, query_done)                                                                      \
    X(JOB_RELEASE, job_release)                                                                    \
    X(JOB_ABANDON, job_abandon)                                                                    \
    X(CHUNK_CLAIM, chunk_claim)                                                                    \
    X(CHUNK_RENEW, chunk_renew)                                                                    \
    X(CHUNK_UPLOAD_ID, chunk_upload_id)                                                            \
    X(CHUNK_DONE, chunk_done)                                                                      \
    X(CHUNK_RETRY, chunk_retry)                                                                    \
    X(CHUNK_FAIL, chunk_fail)                                                                      \
    X(CHUNK_ADOPT, chunk_adopt)                                                                    \
    X(FILE_UNUSED, file_unused)                                                                    \
    X(RESULT_UNUSED, result_unused)                                                                \
    X(TRASH_POP, trash_pop)                                                                        \
    X(ABORT_NEXT, abort_next)                                                                      \
    X(ABORT_DONE, abort_done)                                                                      \
    X(REAP, reap)                                                                                  \
    X(JOB_GET, job_get)                                                                            \
    X(JOB_LIST, job_list)                                                                          \
    X(JOB_FILES, job_files)                                                                        \
    X(JOB_SPEC, job_spec)                                                                          \
    X(JOB_STOP, job_stop)                                                                          \
    X(JOB_START, job_start)                                                                        \
    X(JOB_REMOVE, job_remove)                                                                      \
    X(STORE_CHECK, store_check)                                                                    \
    X(SAVED_PUT, saved_put)                                                                        \
    X(SAVED_GET, saved_get)                                                                        \
    X(SAVED_LIST, saved_list)                                                                      \
    X(SAVED_DEL, saved_del)                                                                        \
    X(CRED_GET, cred_get)                                                                          \
    X(CRED_ADD, cred_add)                                                                          \
    X(CRED_LIST, cred_list)                                                                        \
    X(CRED_REVOKE, cred_revoke)

#define STORE_SCRIPT_ENUM(id, name) SCRIPT_##id,
enum store_script { STORE_SCRIPTS(STORE_SCRIPT_ENUM) SCRIPT_COUNT };

struct script_text {
    const char *name; /* of the file, without .lua */
    char *text;
    size_t len;
    char sha[41]; /* hex */
};

/* Static storage, made at the first call; safe from several threads. */
const struct script_text *store_script(enum store_script s);

#endif
