#ifndef BASE_BACKOFF_H
#define BASE_BACKOFF_H

/*
 * Exponential backoff with full jitter: a random delay in [0, min(cap, base * 2^attempt)].
 * Source: the AWS SDK standard retry mode. attempt counts from 0.
 */

#include <stdint.h>

int64_t backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms);

#endif
