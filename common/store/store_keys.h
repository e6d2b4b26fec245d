#ifndef STORE_STORE_KEYS_H
#define STORE_STORE_KEYS_H

/*
 * Names of Redis keys and channels, the C side of PROTOCOL.md. Scripts get the prefix alone and
 * build the rest themselves (lua/lib.lua).
 */

#include "common/base/attrs.h"

#define STORE_PARTITIONS 1

/* The partition of a domain's keys. Credentials live in partition 0. */
unsigned store_partition(const char *domain);

/* "{bl:<partition>}:" and the formatted rest; caller frees. */
char *store_key(unsigned partition, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
