/*
 * The texts of `from` and `to`, and time zones.
 */

#include "common/linq/civil.h"
#include "common/linq/linq_time.h"
#include "common/linq/zone.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static int64_t
ms(const char *date)
{
    int64_t t = 0;

    if (civil_parse(date, &t) != strlen(date))
        fail_msg("bad date '%s' in the test", date);
    return t;
}

static const char *
shown(int64_t t)
{
    static char out[40];
    struct civil c = civil_from_ms(t);

    snprintf(out, sizeof(out), "%04d-%02d-%02d %02d:%02d:%02d.%03d", c.year, c.month, c.day, c.hour,
             c.minute, c.second, c.ms);
    return out;
}

#define OLD "2018-10-08 14:33:12"
#define NEW "2025-02-05 13:37:05"

static const struct {
    const char *text, *now, *from; /* from NULL: the text is a `from` */
    int tz;
    const char *want;
} CASES[] = {
    /* the examples of the API */
    {"2d", OLD, NULL, 0, "2018-10-06 14:33:12"},
    {"2ad", OLD, NULL, 0, "2018-10-06"},
    {"5d", OLD, NULL, 0, "2018-10-03 14:33:12"},
    {"2d", OLD, "2018-10-03 14:33:12", 0, "2018-10-05 14:33:12"},
    {"2d", OLD, "2018-09-05 12:22:11", 0, "2018-09-07 12:22:11"},
    {"2ah", OLD, NULL, 0, "2018-10-07 22:00:00"},
    {"5ah", OLD, NULL, 0, "2018-10-07 19:00:00"},
    {"21ah", OLD, "2018-10-07 19:00:00", 0, "2018-10-07 21:00:00"},
    {"endmonth", OLD, "2018-09-05 12:22:11", 0, "2018-09-30 23:59:59"},
    {"now() - 60m", NEW, NULL, 0, "2025-02-05 12:37:05"},
    {"now() @ 1h", NEW, NULL, 0, "2025-02-05 13:00:00"},
    {"now() - 24h", NEW, NULL, 0, "2025-02-04 13:37:05"},
    {"(now() - 1d) @ 1d", NEW, NULL, 0, "2025-02-04"},
    {"(now()-2d) @ 1d", NEW, NULL, 0, "2025-02-03"},
    /* old words */
    {"now", OLD, NULL, 0, OLD},
    {"TODAY", OLD, NULL, 0, "2018-10-08"},
    {"today", OLD, "2018-09-05 12:22:11", 0, "2018-10-08"},
    {"today", OLD, NULL, 120, "2018-10-07 22:00:00"},
    {"today", "2018-10-08 23:30:00", NULL, 120, "2018-10-08 22:00:00"},
    {"endday", OLD, NULL, 0, "2018-10-08 23:59:59"},
    {"endday", OLD, "2018-09-05 12:22:11", 0, "2018-09-05 23:59:59"},
    {"endmonth", OLD, NULL, 0, "2018-10-31 23:59:59"},
    {"endmonth", "2018-12-08", NULL, 0, "2018-12-31 23:59:59"},
    {"12aH", OLD, NULL, 0, "2018-10-07 12:00:00"},
    {"1S", OLD, NULL, 0, "2018-10-08 14:33:11"},
    {"10am", OLD, NULL, 0, "2018-10-07 23:50:00"},
    {"90as", OLD, "2018-09-05 12:22:11", 0, "2018-09-05 00:01:30"},
    {"2ad", OLD, NULL, -180, "2018-10-06 03:00:00"},
    /* the newer language */
    {"now()", NEW, "2025-01-01", 0, NEW},
    {" now ( )", NEW, NULL, 0, NULL},
    {"now()-1h@1d", NEW, NULL, 0, "2025-02-05"},
    {"now() |< 1h", NEW, NULL, 0, "2025-02-05 13:00:00"},
    {"now() @ 1m", NEW, NULL, 0, "2025-02-05 13:37:00"},
    {"now() @ 1w", NEW, NULL, 0, "2025-02-03"},
    {"now() @ 1M", NEW, NULL, 0, "2025-02-01"},
    {"now() @ 1y", NEW, NULL, 0, "2025-01-01"},
    {"now() @ 1d", NEW, NULL, 120, "2025-02-04 22:00:00"},
    {"now() >> 1d", NEW, NULL, 0, "2025-02-06"},
    {"now() << 1d", NEW, NULL, 0, "2025-02-04"},
    {"now() >> 1M", NEW, NULL, 0, "2025-03-01"},
    {"now() ^ 8h", NEW, NULL, 0, "2025-02-05 08:37:05"},
    {"now() ^ 31d", NEW, NULL, 0, NULL},
    {"2025-01-31 10:00:00 + 1M", NEW, NULL, 0, "2025-02-28 10:00:00"},
    {"2024-02-29 - 1y", NEW, NULL, 0, "2023-02-28"},
    {"2025-01-31", NEW, NULL, 0, "2025-01-31"},
    {"2025-01-31 10:00:00.250", NEW, NULL, 0, "2025-01-31 10:00:00.250"},
    {"2025-01-31 10:00:00", NEW, NULL, 60, "2025-01-31 09:00:00"},
    {"today() - 1w", NEW, NULL, 0, "2025-01-29"},
    {"((now()))", NEW, NULL, 0, NEW},
    /* refused */
    {"", NEW, NULL, 0, NULL},
    {"yesterday", NEW, NULL, 0, NULL},
    {"now() -", NEW, NULL, 0, NULL},
    {"now() - 1", NEW, NULL, 0, NULL},
    {"now() - 1x", NEW, NULL, 0, NULL},
    {"now() @ 2d", NEW, NULL, 0, NULL},
    {"now() @ 1s", NEW, NULL, 0, NULL},
    {"(now()", NEW, NULL, 0, NULL},
    {"now())", NEW, NULL, 0, NULL},
    {"2025-02-30", NEW, NULL, 0, NULL},
    {"now() - 999999999999d", NEW, NULL, 0, NULL},
    {"now() + 999999999999y", NEW, NULL, 0, NULL},
    {"999999999d", NEW, NULL, 0, NULL},
    {"9999999999d", NEW, NULL, 0, NULL},
    {"2026-09-28T12:00:00Z", NEW, NULL, 0, NULL},
    {"((((((((((((((((((((((now()))))))))))))))))))))))", NEW, NULL, 0, NULL},
};

static void
test_texts(void **state UNUSED)
{
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++) {
        struct errinfo ei = ERRINFO_INIT;
        int64_t got = 0, from = CASES[i].from != NULL ? ms(CASES[i].from) : 0;
        int rc = linq_time_parse(CASES[i].text, ms(CASES[i].now), CASES[i].tz,
                                 CASES[i].from != NULL ? &from : NULL, &got, &ei);

        if (CASES[i].want == NULL ? rc == E_INVALID && ei.msg[0] != '\0'
                                  : rc == 0 && got == ms(CASES[i].want))
            continue;
        failed++;
        print_error("'%s': got %d %s %s, want %s\n", CASES[i].text, rc, shown(got), ei.msg,
                    CASES[i].want != NULL ? CASES[i].want : "an error");
    }
    assert_int_equal(failed, 0);
}

static void
test_iso_says_what_to_write(void **state UNUSED)
{
    struct errinfo ei = ERRINFO_INIT;
    int64_t got;

    assert_int_equal(linq_time_parse("2026-09-28T12:00:00Z", ms(NEW), 0, NULL, &got, &ei),
                     E_INVALID);
    assert_non_null(strstr(ei.msg, "1790596800 (in UTC)"));
    assert_non_null(strstr(ei.msg, "\"2026-09-28 12:00:00\""));
}

static void
test_zones(void **state UNUSED)
{
    static const struct {
        const char *zone, *at;
        int want; /* 9999: refused */
    } cases[] = {
        {"UTC", NEW, 0},
        {"gmt", NEW, 0},
        {"Z", NEW, 0},
        {"GMT+2", NEW, 120},
        {"UTC-03:30", NEW, -210},
        {"+02:00", NEW, 120},
        {"-0530", NEW, -330},
        {"+5", NEW, 300},
        {"Europe/Madrid", "2025-01-15", 60},
        {"Europe/Madrid", "2025-07-15", 120},
        {"Europe/Madrid", "2025-03-30 00:59:59", 60},
        {"Europe/Madrid", "2025-03-30 01:00:00", 120},
        {"Europe/Madrid", "2025-10-26 00:59:59", 120},
        {"Europe/Madrid", "2025-10-26 01:00:00", 60},
        {"Europe/Madrid", "2060-07-15", 120},
        {"America/New_York", "2018-10-08", -240},
        {"Asia/Kolkata", "2018-10-08", 330},
        {"Australia/Sydney", "2055-01-15", 660},
        {"Australia/Sydney", "2055-07-15", 600},
        {"Etc/UTC", NEW, 0},
        {"", NEW, 9999},
        {"Mars/Base", NEW, 9999},
        {"GMT+99", NEW, 9999},
        {"GMT+2x", NEW, 9999},
        {"+", NEW, 9999},
        {"../../../etc/passwd", NEW, 9999},
        {"/etc/passwd", NEW, 9999},
        {"Europe", NEW, 9999},
        {"zone.tab", NEW, 9999},
        {"tzdata.zi", NEW, 9999},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct errinfo ei = ERRINFO_INIT;
        int got = 9999, rc;

        rc = linq_time_zone(cases[i].zone, ms(cases[i].at), &got, &ei);
        if (got != cases[i].want || (rc == 0) != (cases[i].want != 9999))
            fail_msg("'%s' at %s: got %d (%s), want %d", cases[i].zone, cases[i].at, got, ei.msg,
                     cases[i].want);
    }
}

/* Rules that the files at hand may not use. */
static void
test_rules(void **state UNUSED)
{
    static const struct {
        const char *rule, *at;
        int want_s; /* 99999: refused */
    } cases[] = {
        {"UTC0", NEW, 0},
        {"<-03>3", NEW, -10800},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09 06:59:59", -18000},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-03-09 07:00:00", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-11-02 05:59:59", -14400},
        {"EST5EDT,M3.2.0,M11.1.0", "2025-11-02 06:00:00", -18000},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-07-01", 3600},
        {"IST-1GMT0,M10.5.0,M3.5.0/1", "2025-01-01", 0},
        {"AAA0BBB,J60/0,J61/0", "2024-03-01 12:00:00", 3600},
        {"AAA0BBB,J60/0,J61/0", "2024-02-29 12:00:00", 0},
        {"AAA0BBB,59/0,60/0", "2024-02-29 12:00:00", 3600},
        {"A0", NEW, 99999},
        {"AAA", NEW, 99999},
        {"AAA0BBB,M13.1.0,M1.1.0", NEW, 99999},
        {"AAA0BBB,M1.1.0", NEW, 99999},
        {"<AAA0", NEW, 99999},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int got = 0;
        bool ok = zone_rule(cases[i].rule, ms(cases[i].at) / 1000, &got);

        if (ok != (cases[i].want_s != 99999) || (ok && got != cases[i].want_s))
            fail_msg("%s at %s: got %d %d, want %d", cases[i].rule, cases[i].at, ok, got,
                     cases[i].want_s);
    }
}

/* The calendar against the C library's, over the whole range. */
static void
test_civil(void **state UNUSED)
{
    for (int64_t t = CIVIL_MIN_MS; t <= CIVIL_MAX_MS; t += INT64_C(86400000) * 97 + 12345678) {
        time_t s = (time_t)(civil_floor(t, 1000) / 1000);
        struct civil c = civil_from_ms(t);
        struct tm tm;

        gmtime_r(&s, &tm);
        if (c.year != tm.tm_year + 1900 || c.month != tm.tm_mon + 1 || c.day != tm.tm_mday ||
            c.hour != tm.tm_hour || c.minute != tm.tm_min || c.second != tm.tm_sec)
            fail_msg("%" PRId64 ": got %s", t, shown(t));
        if (civil_to_ms(&c) != t)
            fail_msg("%s: got %" PRId64 ", want %" PRId64, shown(t), civil_to_ms(&c), t);
    }
}

static void
test_tzif_garbage(void **state UNUSED)
{
    unsigned char data[200];
    int offset;

    for (unsigned seed = 1; seed < 20000; seed++) {
        unsigned x = seed;

        for (size_t i = 0; i < sizeof(data); i++) {
            x = x * 1103515245u + 12345u;
            data[i] = (unsigned char)(x >> 16 & ((seed & 1) != 0 ? 0xff : 0x03));
        }
        memcpy(data, "TZif2", 5);
        if ((seed & 2) != 0)
            memset(data + 20, 0, 18);
        zone_tzif(data, seed % sizeof(data), 0, &offset);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts), cmocka_unit_test(test_iso_says_what_to_write),
        cmocka_unit_test(test_zones), cmocka_unit_test(test_rules),
        cmocka_unit_test(test_civil), cmocka_unit_test(test_tzif_garbage),
    };

    return cmocka_run_group_tests_name("linq_time", tests, NULL, NULL);
}
