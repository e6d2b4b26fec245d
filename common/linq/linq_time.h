#ifndef LINQ_LINQ_TIME_H
#define LINQ_LINQ_TIME_H

/*
 * The `from` and `to` of a request (query-api: numbers, the relative language, the old words) and
 * time zones. now is an argument; nothing is read but the files of the tz database, for names of
 * zones only. Safe from several threads.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdint.h>

/* Offset of a zone in minutes east of UTC at a moment: "UTC", "GMT+2", "+02:00", or a name of the
 * tz database ("Europe/Madrid"). E_INVALID says what would be right. */
int linq_time_zone(const char *zone, int64_t at_ms, int *ret_offset_min,
                   struct errinfo *ei) MUST_CHECK;

/* What a text may be: a date "2026-09-28" or "2026-09-28 12:00:00", now(), today(), yesterday(),
 * tomorrow(), with + and - and a duration (ms s m h d w M y), @ or |< and a unit (start of the
 * unit; weeks begin on Monday), >> and << (start of the next unit, of the one before), ^ (replaces
 * a part: ^ 8h), from left to right, with parentheses; or one of the old words, case ignored. Units
 * and dates are those of the time zone, given as minutes east of UTC.
 *
 * Text of `from` (from_ms NULL) or of `to` (from_ms: the resolved from, since the old words mean
 * "relative to from" there). Result in ms since 1970 UTC. E_INVALID with what to write instead
 * (ISO strings such as 2026-09-28T12:00:00Z are refused so). */
int linq_time_parse(const char *text, int64_t now_ms, int tz_offset_min, const int64_t *from_ms,
                    int64_t *ret_ms, struct errinfo *ei) MUST_CHECK;

#endif
