#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

/* Time. Wall-clock milliseconds for what people and S3 see, monotonic ones for intervals. */

#include <stdint.h>

int64_t clock_now_ms(void);   /* ms since 1970-01-01 UTC */
int64_t clock_mono_ms(void);  /* ms since some start; never jumps */

/* "2026-11-22T20:36:14.123Z" into out[32]. */
void clock_format_iso(int64_t unix_ms, char out[32]);

#endif
