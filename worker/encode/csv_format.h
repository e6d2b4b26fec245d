#ifndef WORKER_ENCODE_CSV_FORMAT_H
#define WORKER_ENCODE_CSV_FORMAT_H

/*
 * Single values -> text, for the encoder's columns. Every function writes at p, returns the end of
 * what it wrote, adds no NUL, and needs at most CSV_VALUE_BYTES of room.
 */

#include "common/base/attrs.h"

#include <stdbool.h>
#include <stdint.h>

#define CSV_VALUE_BYTES 47

char *csv_format_u64(char *p, uint64_t v);
char *csv_format_i64(char *p, int64_t v);
char *csv_format_i128(char *p, uint64_t lower, int64_t upper); /* upper * 2^64 + lower */

/* The fewest digits that read back as the same value; without an exponent between 1e-6 and 1e21.
 * NaN, Infinity, -Infinity, -0. */
char *csv_format_f64(char *p, double v);
char *csv_format_f32(char *p, float v);

char *csv_format_ip4(char *p, uint32_t host_order);
char *csv_format_date(char *p, int32_t days);

/* Timestamps of one column come close together, so the text of the last minute is kept. */
struct csv_clock {
    int64_t minute; /* since 1970 in the zone; the text belongs to it */
    char text[40];  /* "2018-12-29 01:19:" */
    uint8_t len;
    bool iso;
    int tz_offset_min;
    char zone[8]; /* iso: "Z" or "+02:00" */
    uint8_t zone_len;
};

void csv_clock_init(struct csv_clock *c, bool iso, int tz_offset_min);
/* INT64_MAX and -INT64_MAX are the engine's infinities. */
char *csv_format_timestamp(struct csv_clock *c, char *p, int64_t us);

#endif
