#include "worker/encode/csv_format.h"

#include <stdlib.h>
#include <string.h>

#define MS_PER_MINUTE 60000
#define MIN_PER_DAY   1440

static int64_t
floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0 ? 1 : 0);
}

static char *
put_2(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10);
    p[1] = (char)('0' + v % 10);
    return p + 2;
}

static char *
put_word(char *p, const char *word)
{
    size_t n = strlen(word);

    memcpy(p, word, n);
    return p + n;
}

/* Four digits at least; a minus sign before the year 0, more digits after 9999. */
static char *
put_year(char *p, int64_t year)
{
    uint64_t v = (uint64_t)year;

    if (year < 0) {
        *p++ = '-';
        v = 0 - v;
    }
    if (v > 9999)
        return csv_format_u64(p, v);
    p = put_2(p, (unsigned)(v / 100));
    return put_2(p, (unsigned)(v % 100));
}

/* Proleptic Gregorian calendar, in eras of 400 years that begin on 1 March (the leap day is then
 * the last of its year): days since 1970-01-01 -> yyyy-MM-dd. */
static char *
put_date(char *p, int64_t days)
{
    int64_t shifted = days + 719468; /* since 0000-03-01 */
    int64_t era = floor_div(shifted, 146097);
    unsigned doe = (unsigned)(shifted - era * 146097);
    unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    unsigned mp = (5 * doy + 2) / 153; /* months since March */
    unsigned month = mp < 10 ? mp + 3 : mp - 9;

    p = put_year(p, era * 400 + yoe + (month <= 2 ? 1 : 0));
    *p++ = '-';
    p = put_2(p, month);
    *p++ = '-';
    return put_2(p, doy - (153 * mp + 2) / 5 + 1);
}

char *
csv_format_date(char *p, int32_t days)
{
    if (days == INT32_MAX)
        return put_word(p, "infinity");
    if (days == -INT32_MAX)
        return put_word(p, "-infinity");
    return put_date(p, days);
}

void
csv_clock_init(struct csv_clock *c, bool iso, int tz_offset_min)
{
    unsigned minutes = (unsigned)abs(tz_offset_min);
    char *p = c->zone;

    memset(c, 0, sizeof(*c));
    c->minute = INT64_MIN;
    c->iso = iso;
    c->tz_offset_min = tz_offset_min;
    if (tz_offset_min == 0) {
        *p++ = 'Z';
    } else {
        *p++ = tz_offset_min < 0 ? '-' : '+';
        p = put_2(p, minutes / 60 % 100);
        *p++ = ':';
        p = put_2(p, minutes % 60);
    }
    c->zone_len = (uint8_t)(p - c->zone);
}

static void
set_minute(struct csv_clock *c, int64_t minute)
{
    int64_t day = floor_div(minute, MIN_PER_DAY);
    unsigned of_day = (unsigned)(minute - day * MIN_PER_DAY);
    char *p = put_date(c->text, day);

    *p++ = c->iso ? 'T' : ' ';
    p = put_2(p, of_day / 60);
    *p++ = ':';
    p = put_2(p, of_day % 60);
    *p++ = ':';
    c->minute = minute;
    c->len = (uint8_t)(p - c->text);
}

char *
csv_format_timestamp(struct csv_clock *c, char *p, int64_t us)
{
    int64_t ms, minute;
    unsigned of_minute;

    if (us == INT64_MAX)
        return put_word(p, "infinity");
    if (us == -INT64_MAX)
        return put_word(p, "-infinity");
    ms = floor_div(us, 1000) + (int64_t)c->tz_offset_min * MS_PER_MINUTE;
    minute = floor_div(ms, MS_PER_MINUTE);
    if (minute != c->minute)
        set_minute(c, minute);
    of_minute = (unsigned)(ms - minute * MS_PER_MINUTE);
    memcpy(p, c->text, 24);
    p = put_2(p + c->len, of_minute / 1000);
    of_minute %= 1000;
    *p++ = '.';
    *p++ = (char)('0' + of_minute / 100);
    p = put_2(p, of_minute % 100);
    if (!c->iso)
        return p;
    memcpy(p, c->zone, c->zone_len);
    return p + c->zone_len;
}
