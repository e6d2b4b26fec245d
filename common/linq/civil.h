#ifndef LINQ_CIVIL_H
#define LINQ_CIVIL_H

/*
 * The proleptic Gregorian calendar on milliseconds since 1970, without time zones and without
 * libc's global state. Years 1 to 9999.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CIVIL_SECOND_MS INT64_C(1000)
#define CIVIL_MINUTE_MS INT64_C(60000)
#define CIVIL_HOUR_MS   INT64_C(3600000)
#define CIVIL_DAY_MS    INT64_C(86400000)
#define CIVIL_MIN_MS    INT64_C(-62135596800000) /* 0001-01-01 00:00:00.000 */
#define CIVIL_MAX_MS    INT64_C(253402300799999) /* 9999-12-31 23:59:59.999 */

struct civil {
    int year, month, day; /* month 1-12, day 1-31 */
    int hour, minute, second, ms;
};

struct civil civil_from_ms(int64_t ms);     /* ms within the bounds above */
int64_t civil_to_ms(const struct civil *c); /* month and day may lie outside, they carry over */
int civil_month_days(int year, int month);

/* Rounds down to a multiple of step, below zero too. */
int64_t civil_floor(int64_t ms, int64_t step);

/* "YYYY-MM-DD" or "YYYY-MM-DD HH:mm:ss" with up to three decimals, at the start of s. Returns the
 * bytes read, 0 if it is no such date. */
size_t civil_parse(const char *s, int64_t *ret_ms);

#endif
