#ifndef LINQ_ZONE_H
#define LINQ_ZONE_H

/*
 * Time zones: fixed offsets by their text, and names of the tz database by reading its compiled
 * files (TZif, RFC 8536), without libc's global TZ. The entry for others is linq_time_zone.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "UTC", "GMT", "Z", "GMT+2", "UTC-03:30", "+02:00", "-0530": minutes east of UTC. */
bool zone_fixed(const char *zone, int *ret_offset_min);

/* The offset in a TZif file's content at a moment; false if the content makes no sense. */
bool zone_tzif(const unsigned char *data, size_t len, int64_t at_s, int *ret_offset_s);

/* The offset by the rule of a TZif footer, "CET-1CEST,M3.5.0,M10.5.0/3". */
bool zone_rule(const char *rule, int64_t at_s, int *ret_offset_s);

#endif
