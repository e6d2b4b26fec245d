#ifndef BASE_ERRINFO_H
#define BASE_ERRINFO_H

/*
 * Errors: a negative code that answers "what should the caller do?", and one line of words.
 *
 * The caller supplies the struct errinfo; libraries fill it and stay silent. Context is added on
 * the way up with errinfo_prepend(), so that the line in the log reads from the general to the
 * particular: "chunk 3: put object: 503 SlowDown after 5 attempts". Only the loops log.
 *
 * The words may be shown to the user of the job: never a secret in them.
 */

#include "common/base/attrs.h"

enum errc {
    E_OK = 0,
    E_INVALID = -1,   /* the user's input is wrong; tell the user, never try again */
    E_NOT_FOUND = -2, /* what was named does not exist (for this caller) */
    E_DENIED = -3,    /* credentials or rights refuse it */
    E_CONFLICT = -4,  /* the state forbids it: exists already, wrong transition */
    E_TRANSIENT = -5, /* try again later: network, overload, timeout */
    E_PERMANENT = -6, /* trying again cannot help; the job stops and says so */
    E_LOST = -7,      /* the lease or attempt is no longer ours: drop the work silently */
    E_CANCELLED = -8, /* asked to stop */
    E_NOSPACE = -9,   /* no room: spool, disk, quota, Redis memory */
    E_BUG = -10,      /* a broken invariant of our own */
};

struct errinfo {
    enum errc code;
    char msg[1024]; /* NUL-terminated, cut at its size; "" when no error was set */
};

#define ERRINFO_INIT {E_OK, ""}

/* Sets code and words; returns code. ei may be NULL (then only the code is returned). */
int errinfo_set(struct errinfo *ei, enum errc code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Like errinfo_set, with ": <strerror(errnum)>" behind the words and a code that follows from
 * errnum: ENOENT -> E_NOT_FOUND, EACCES/EPERM -> E_DENIED, EEXIST -> E_CONFLICT,
 * ENOSPC/EDQUOT -> E_NOSPACE, EINTR/EAGAIN/ETIMEDOUT/ECONN* -> E_TRANSIENT, else E_PERMANENT. */
int errinfo_errno(struct errinfo *ei, int errnum, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Puts "<words>: " in front of what is there; returns the code that is there. */
int errinfo_prepend(struct errinfo *ei, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* "invalid", "not-found", "transient", ... for logs. Static storage. */
const char *errc_name(enum errc code);

/* Ends the process with a line on stderr: for broken invariants of our own, nothing else. */
void bug(const char *fmt, ...) PRINTF_LIKE(1, 2) NORETURN;

#endif
