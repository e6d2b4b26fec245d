#include "common/linq/zone.h"

#include "common/linq/civil.h"
#include "common/linq/linq_time.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#define ZONE_DIR      "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX (64 * 1024)
#define HOUR_S        3600
#define DAY_S         86400

/* --- fixed offsets --------------------------------------------------------------------------- */

/* One or two digits. */
static bool
two_digits(const char **s, int *ret)
{
    if (!isdigit((unsigned char)**s))
        return false;
    *ret = *(*s)++ - '0';
    if (isdigit((unsigned char)**s))
        *ret = *ret * 10 + (*(*s)++ - '0');
    return true;
}

bool
zone_fixed(const char *zone, int *ret_offset_min)
{
    static const char *const zero[] = {"UTC", "GMT", "Z"};
    const char *p = zone;
    int hours, minutes = 0, sign;

    for (size_t i = 0; i < ARRAY_LEN(zero); i++)
        if (strcasecmp(zone, zero[i]) == 0) {
            *ret_offset_min = 0;
            return true;
        }
    if (strncasecmp(p, "UTC", 3) == 0 || strncasecmp(p, "GMT", 3) == 0)
        p += 3;
    if (*p != '+' && *p != '-')
        return false;
    sign = *p++ == '-' ? -1 : 1;
    if (!two_digits(&p, &hours))
        return false;
    if (*p == ':')
        p++;
    if (*p != '\0' && !two_digits(&p, &minutes))
        return false;
    if (*p != '\0' || hours > 15 || minutes > 59)
        return false;
    *ret_offset_min = sign * (hours * 60 + minutes);
    return true;
}

/* --- rules of a footer (POSIX TZ) ------------------------------------------------------------ */

static bool
number(const char **s, int max, int *ret)
{
    int v = 0;

    if (!isdigit((unsigned char)**s))
        return false;
    for (; isdigit((unsigned char)**s); (*s)++)
        if ((v = v * 10 + (**s - '0')) > max)
            return false;
    *ret = v;
    return true;
}

/* hh[:mm[:ss]] with a sign, in seconds. */
static bool
clock_time(const char **s, int *ret_s)
{
    int sign = **s == '-' ? -1 : 1, part, total;

    if (**s == '-' || **s == '+')
        (*s)++;
    if (!number(s, 167, &part))
        return false;
    total = part * HOUR_S;
    for (int unit = 60; unit >= 1 && **s == ':'; unit /= 60) {
        (*s)++;
        if (!number(s, 59, &part))
            return false;
        total += part * unit;
    }
    *ret_s = sign * total;
    return true;
}

/* EST or <-03>. */
static bool
abbreviation(const char **s)
{
    const char *from = *s;

    if (**s == '<') {
        *s += strcspn(*s, ">");
        if (**s != '>')
            return false;
        (*s)++;
        return true;
    }
    while (isalpha((unsigned char)**s))
        (*s)++;
    return *s - from >= 3;
}

/* ",Mm.w.d[/time]", ",Jn" or ",n": local seconds from the start of the year. */
static bool
rule_date(const char **s, int year, int64_t *ret_s)
{
    int month, week, wday, day, at_s = 2 * HOUR_S;
    struct civil c = {.year = year, .month = 1, .day = 1};
    int64_t start = civil_to_ms(&c) / CIVIL_DAY_MS, first;

    if (*(*s)++ != ',')
        return false;
    if (**s == 'M') {
        (*s)++;
        if (!number(s, 12, &month) || month < 1 || *(*s)++ != '.' || !number(s, 5, &week) ||
            week < 1 || *(*s)++ != '.' || !number(s, 6, &wday))
            return false;
        c.month = month;
        first = civil_to_ms(&c) / CIVIL_DAY_MS;
        /* 1970-01-01 was a Thursday, day 4 of the week */
        day = (int)((wday - (first + 4) % 7 + 14) % 7) + 7 * (week - 1);
        while (day >= civil_month_days(year, month))
            day -= 7;
        first += day - start;
    } else {
        bool julian = **s == 'J';

        *s += julian;
        if (!number(s, 366, &day))
            return false;
        /* J60 is March 1st in every year: the leap day is not counted */
        if (julian)
            day += civil_month_days(year, 2) == 29 && day >= 60 ? 0 : -1;
        first = day;
    }
    if (**s == '/') {
        (*s)++;
        if (!clock_time(s, &at_s))
            return false;
    }
    *ret_s = first * DAY_S + at_s;
    return true;
}

bool
zone_rule(const char *rule, int64_t at_s, int *ret_offset_s)
{
    struct civil c = {.month = 1, .day = 1};
    int standard, summer, year;
    int64_t begin, end, local;
    bool inside;

    if (!abbreviation(&rule) || !clock_time(&rule, &standard))
        return false;
    standard = -standard; /* the text counts west of Greenwich */
    *ret_offset_s = standard;
    if (*rule == '\0')
        return true;
    summer = standard + HOUR_S;
    if (!abbreviation(&rule))
        return false;
    if (*rule != ',' && *rule != '\0') {
        if (!clock_time(&rule, &summer))
            return false;
        summer = -summer;
    }
    if (at_s < CIVIL_MIN_MS / 1000 + DAY_S || at_s > CIVIL_MAX_MS / 1000 - DAY_S)
        return true;
    year = civil_from_ms((at_s + standard) * 1000).year;
    c.year = year;
    if (!rule_date(&rule, year, &begin) || !rule_date(&rule, year, &end) || *rule != '\0')
        return false;
    local = at_s - civil_to_ms(&c) / 1000;
    begin -= standard;
    end -= summer;
    inside = begin < end ? local >= begin && local < end : !(local >= end && local < begin);
    *ret_offset_s = inside ? summer : standard;
    return true;
}

/* --- TZif ------------------------------------------------------------------------------------ */

static int64_t
big_endian(const unsigned char *p, size_t n)
{
    uint64_t v = n == 4 && (p[0] & 0x80) != 0 ? UINT64_MAX : 0;

    for (size_t i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

struct tzif {
    size_t isutc, isstd, leap, times, types, chars; /* counts of the header */
};

#define TZIF_HEADER 44

/* Reads the header; *ret_body: bytes of the data block behind it, times being time_bytes wide. */
static bool
tzif_header(const unsigned char *p, size_t len, size_t time_bytes, struct tzif *h, size_t *ret_body)
{
    if (len < TZIF_HEADER || memcmp(p, "TZif", 4) != 0)
        return false;
    for (size_t i = 0; i < 6; i++)
        if (big_endian(p + 20 + 4 * i, 4) < 0 || big_endian(p + 20 + 4 * i, 4) > ZONE_FILE_MAX)
            return false;
    *h = (struct tzif){(size_t)big_endian(p + 20, 4), (size_t)big_endian(p + 24, 4),
                       (size_t)big_endian(p + 28, 4), (size_t)big_endian(p + 32, 4),
                       (size_t)big_endian(p + 36, 4), (size_t)big_endian(p + 40, 4)};
    *ret_body = h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leap * (time_bytes + 4) +
                h->isstd + h->isutc;
    return h->types > 0 && *ret_body <= len - TZIF_HEADER;
}

/* Behind the data: "\n<rule>\n". */
static bool
footer(const unsigned char *p, size_t len, int64_t at_s, int *ret_offset_s)
{
    char rule[128];
    size_t n = 1;

    if (len < 3 || p[0] != '\n')
        return false;
    while (n < len && p[n] != '\n')
        n++;
    if (n - 1 == 0 || n - 1 >= sizeof(rule))
        return false;
    memcpy(rule, p + 1, n - 1);
    rule[n - 1] = '\0';
    return zone_rule(rule, at_s, ret_offset_s);
}

bool
zone_tzif(const unsigned char *data, size_t len, int64_t at_s, int *ret_offset_s)
{
    const unsigned char *p = data, *types;
    size_t width = 4, body, type = 0, i;
    struct tzif h;

    if (!tzif_header(p, len, 4, &h, &body))
        return false;
    if (p[4] >= '2') { /* the same again with 64-bit times, then the footer */
        p += TZIF_HEADER + body;
        len -= TZIF_HEADER + body;
        width = 8;
        if (!tzif_header(p, len, 8, &h, &body))
            return false;
    }
    p += TZIF_HEADER;
    len -= TZIF_HEADER;
    for (i = h.times; i > 0 && big_endian(p + (i - 1) * width, width) > at_s;)
        i--;
    if (i == h.times && width == 8 && footer(p + body, len - body, at_s, ret_offset_s))
        return true;
    if (i > 0)
        type = p[h.times * width + i - 1];
    if (type >= h.types)
        return false;
    types = p + h.times * (width + 1);
    *ret_offset_s = (int)big_endian(types + 6 * type, 4);
    return true;
}

/* A name may not lead out of the folder. */
static bool
name_is_safe(const char *zone)
{
    size_t n = strspn(zone, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_+-/");

    return n > 0 && n < 64 && zone[n] == '\0' && zone[0] != '/';
}

static ssize_t
read_file(const char *path, unsigned char *data, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    size_t n = 0;
    ssize_t got = -1;

    if (fd < 0)
        return -1;
    while (n < size && (got = read(fd, data + n, size - n)) > 0)
        n += (size_t)got;
    close(fd);
    return got < 0 ? -1 : (ssize_t)n;
}

int
linq_time_zone(const char *zone, int64_t at_ms, int *ret_offset_min, struct errinfo *ei)
{
    unsigned char data[ZONE_FILE_MAX];
    char path[128];
    ssize_t n = -1;
    int offset_s;

    if (zone_fixed(zone, ret_offset_min))
        return 0;
    if (name_is_safe(zone)) {
        snprintf(path, sizeof(path), ZONE_DIR "%s", zone);
        n = read_file(path, data, sizeof(data));
    }
    if (n < 0 || !zone_tzif(data, (size_t)n, civil_floor(at_ms, 1000) / 1000, &offset_s))
        return errinfo_set(ei, E_INVALID,
                           "unknown time zone '%.60s': write UTC, GMT+2, +02:00 or a name such as "
                           "Europe/Madrid",
                           zone);
    *ret_offset_min = offset_s / 60;
    return 0;
}
