#ifndef WORKER_SANDBOX_H
#define WORKER_SANDBOX_H

/*
 * What a runner process gives up before it sees a query: new privileges, core dumps, and with
 * Landlock (Linux 5.13 or later) every file but the system's libraries (read), the data folder
 * (read) and its own slot (read and write), and from ABI 4 on all TCP. It holds for all threads
 * started afterwards and cannot be undone. landlock(7).
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

#include <stdbool.h>

/* ABI of the kernel's Landlock; 0: it has none. */
int sandbox_landlock_abi(void);

/* By duckdb.landlock: off, warn (*ret_missing tells that the kernel has none) or require
 * (E_PERMANENT then). network: keep TCP, for engines behind one. */
int sandbox_enter(const struct config *cfg, const char *slot_dir, bool network, bool *ret_missing,
                  struct errinfo *ei) MUST_CHECK;

#endif
