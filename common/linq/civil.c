#include "common/linq/civil.h"

#include <ctype.h>
#include <stdio.h>

int64_t
civil_floor(int64_t ms, int64_t step)
{
    int64_t rest = ms % step;

    return rest < 0 ? ms - rest - step : ms - rest;
}

/* Days since 1970-01-01. The year is taken to begin in March, so that the leap day is its last
 * day, and 400 years (146097 days) are one era. */
static int64_t
days_from_date(int64_t year, int64_t month, int64_t day)
{
    int64_t shifted, era, year_of_era, day_of_year;

    year += civil_floor(month - 1, 12) / 12;
    month = month - 1 - civil_floor(month - 1, 12) + 1;
    shifted = month > 2 ? month - 3 : month + 9;
    year -= month <= 2;
    era = civil_floor(year, 400) / 400;
    year_of_era = year - era * 400;
    day_of_year = (153 * shifted + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

int64_t
civil_to_ms(const struct civil *c)
{
    return days_from_date(c->year, c->month, c->day) * CIVIL_DAY_MS + c->hour * CIVIL_HOUR_MS +
           c->minute * CIVIL_MINUTE_MS + c->second * CIVIL_SECOND_MS + c->ms;
}

struct civil
civil_from_ms(int64_t ms)
{
    int64_t days = civil_floor(ms, CIVIL_DAY_MS) / CIVIL_DAY_MS + 719468;
    int64_t rest = ms - civil_floor(ms, CIVIL_DAY_MS);
    int64_t era = civil_floor(days, 146097) / 146097;
    int64_t doe = days - era * 146097; /* day of era */
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t shifted = (5 * doy + 2) / 153;
    struct civil c;

    c.day = (int)(doy - (153 * shifted + 2) / 5 + 1);
    c.month = (int)(shifted < 10 ? shifted + 3 : shifted - 9);
    c.year = (int)(yoe + era * 400 + (c.month <= 2));
    c.hour = (int)(rest / CIVIL_HOUR_MS);
    c.minute = (int)(rest / CIVIL_MINUTE_MS % 60);
    c.second = (int)(rest / CIVIL_SECOND_MS % 60);
    c.ms = (int)(rest % CIVIL_SECOND_MS);
    return c;
}

int
civil_month_days(int year, int month)
{
    return (int)(days_from_date(year, month + 1, 1) - days_from_date(year, month, 1));
}

/* Exactly n digits. */
static bool
digits(const char **s, int n, int *ret)
{
    int v = 0;

    for (int i = 0; i < n; i++) {
        if (!isdigit((unsigned char)(*s)[i]))
            return false;
        v = v * 10 + ((*s)[i] - '0');
    }
    *s += n;
    *ret = v;
    return true;
}

static bool
mark(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

size_t
civil_parse(const char *s, int64_t *ret_ms)
{
    struct civil c = {0};
    const char *p = s, *date_end;

    if (!digits(&p, 4, &c.year) || !mark(&p, '-') || !digits(&p, 2, &c.month) || !mark(&p, '-') ||
        !digits(&p, 2, &c.day))
        return 0;
    if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
        c.day > civil_month_days(c.year, c.month))
        return 0;
    date_end = p;
    if (mark(&p, ' ') && digits(&p, 2, &c.hour) && mark(&p, ':') && digits(&p, 2, &c.minute) &&
        mark(&p, ':') && digits(&p, 2, &c.second)) {
        if (c.hour > 23 || c.minute > 59 || c.second > 59)
            return 0;
        if (*p == '.' && isdigit((unsigned char)p[1])) {
            int unit = 100;

            for (p++; isdigit((unsigned char)*p) && unit > 0; p++, unit /= 10)
                c.ms += (*p - '0') * unit;
        }
    } else {
        c.hour = c.minute = c.second = 0;
        p = date_end;
    }
    *ret_ms = civil_to_ms(&c);
    return (size_t)(p - s);
}
