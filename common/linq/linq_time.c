#include "common/linq/linq_time.h"

#include "common/linq/civil.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX  256
#define DEPTH_MAX 20

struct reader {
    const char *text, *p;
    int64_t now_ms;
    int64_t east_ms; /* of the time zone */
    int depth;
    struct errinfo *ei;
};

static int parse_sum(struct reader *r, int64_t *ret_ms);

static int
fail(struct reader *r, const char *expected)
{
    return errinfo_set(r->ei, E_INVALID,
                       "cannot read the time '%.80s' at character %d: expected %s", r->text,
                       (int)(r->p - r->text) + 1, expected);
}

static void
skip_blanks(struct reader *r)
{
    while (*r->p == ' ' || *r->p == '\t')
        r->p++;
}

static bool
accept(struct reader *r, const char *mark)
{
    size_t n = strlen(mark);

    skip_blanks(r);
    if (strncmp(r->p, mark, n) != 0)
        return false;
    r->p += n;
    return true;
}

static int64_t
midnight(const struct reader *r, int64_t ms)
{
    return civil_floor(ms + r->east_ms, CIVIL_DAY_MS) - r->east_ms;
}

static int
bounded(struct reader *r, int64_t ms, int64_t *ret_ms)
{
    /* a day of room for the time zone */
    if (ms < CIVIL_MIN_MS + CIVIL_DAY_MS || ms > CIVIL_MAX_MS - CIVIL_DAY_MS)
        return errinfo_set(r->ei, E_INVALID, "the time '%.80s' is not between the years 1 and 9999",
                           r->text);
    *ret_ms = ms;
    return 0;
}

/* --- units ----------------------------------------------------------------------------------- */

/* Either a fixed length, or months. */
static const struct unit {
    const char *name;
    int64_t ms;
    int months;
    bool snap; /* may stand behind @ */
} UNITS[] = {
    {"ms", 1, 0, false},
    {"s", CIVIL_SECOND_MS, 0, false},
    {"m", CIVIL_MINUTE_MS, 0, true},
    {"h", CIVIL_HOUR_MS, 0, true},
    {"d", CIVIL_DAY_MS, 0, true},
    {"w", 7 * CIVIL_DAY_MS, 0, true},
    {"W", 7 * CIVIL_DAY_MS, 0, true},
    {"M", 0, 1, true},
    {"y", 0, 12, true},
};

static int
read_number(struct reader *r, int64_t *ret)
{
    int64_t v = 0;
    int n = 0;

    skip_blanks(r);
    for (; isdigit((unsigned char)*r->p) && n < 12; r->p++, n++)
        v = v * 10 + (*r->p - '0');
    if (n == 0 || isdigit((unsigned char)*r->p))
        return fail(r, "a number with a unit (10m, 1h, 2d)");
    *ret = v;
    return 0;
}

static int
read_duration(struct reader *r, int64_t *ret_n, const struct unit **ret_unit)
{
    const char *word;
    size_t n = 0;
    int rc = read_number(r, ret_n);

    if (rc < 0)
        return rc;
    word = r->p;
    while (isalpha((unsigned char)word[n]))
        n++;
    for (size_t i = 0; i < ARRAY_LEN(UNITS); i++)
        if (strlen(UNITS[i].name) == n && strncmp(word, UNITS[i].name, n) == 0) {
            *ret_unit = &UNITS[i];
            r->p += n;
            return 0;
        }
    return fail(r, "a unit: ms, s, m, h, d, w, M or y");
}

/* n months on; a day that the month does not have becomes its last. */
static int64_t
add_months(const struct reader *r, int64_t ms, int64_t n)
{
    struct civil c = civil_from_ms(ms + r->east_ms);
    int64_t month = c.year * INT64_C(12) + c.month - 1 + n;

    if (month < 12 || month >= 10000 * INT64_C(12))
        return INT64_MAX;
    c.year = (int)(month / 12);
    c.month = (int)(month % 12) + 1;
    if (c.day > civil_month_days(c.year, c.month))
        c.day = civil_month_days(c.year, c.month);
    return civil_to_ms(&c) - r->east_ms;
}

static int
shift(struct reader *r, int64_t ms, int64_t n, const struct unit *u, int64_t *ret_ms)
{
    int64_t by, moved;

    if (u->months != 0)
        moved = add_months(r, ms, n * u->months);
    else if (__builtin_mul_overflow(n, u->ms, &by) || __builtin_add_overflow(ms, by, &moved))
        moved = INT64_MAX;
    return bounded(r, moved, ret_ms);
}

/* The start of the unit that holds ms; weeks begin on Monday. */
static int64_t
snap(const struct reader *r, int64_t ms, const struct unit *u)
{
    int64_t local = ms + r->east_ms;
    struct civil c;

    if (u->months != 0) {
        c = civil_from_ms(local);
        c = (struct civil){.year = c.year, .month = u->months == 12 ? 1 : c.month, .day = 1};
        return civil_to_ms(&c) - r->east_ms;
    }
    if (u->ms == 7 * CIVIL_DAY_MS) /* 1970-01-05 was a Monday */
        return civil_floor(local - 4 * CIVIL_DAY_MS, u->ms) + 4 * CIVIL_DAY_MS - r->east_ms;
    return civil_floor(local, u->ms) - r->east_ms;
}

/* --- operators, from left to right ----------------------------------------------------------- */

static int
do_shift(struct reader *r, int64_t *ms, int sign)
{
    const struct unit *u;
    int64_t n;
    int rc = read_duration(r, &n, &u);

    return rc < 0 ? rc : shift(r, *ms, sign * n, u, ms);
}

static int
read_snap(struct reader *r, const struct unit **ret)
{
    static const char expected[] = "one of 1m, 1h, 1d, 1w, 1M, 1y";
    int64_t n;
    int rc;

    skip_blanks(r);
    if (!isdigit((unsigned char)*r->p))
        return fail(r, expected);
    if ((rc = read_duration(r, &n, ret)) < 0)
        return rc;
    return n == 1 && (*ret)->snap ? 0 : fail(r, expected);
}

/* @ unit; with steps: >> to the start of the next one, << of the one before. */
static int
do_snap(struct reader *r, int64_t *ms, int steps)
{
    const struct unit *u;
    int rc = read_snap(r, &u);

    if (rc < 0)
        return rc;
    return shift(r, snap(r, *ms, u), steps, u, ms);
}

/* ^ 8h: the hour becomes 8, the rest stays. */
static int
do_replace(struct reader *r, int64_t *ms, int unused UNUSED)
{
    struct civil c = civil_from_ms(*ms + r->east_ms);
    const struct {
        const char *unit;
        int *part;
        int min, max;
    } parts[] = {
        {"ms", &c.ms, 0, 999},
        {"s", &c.second, 0, 59},
        {"m", &c.minute, 0, 59},
        {"h", &c.hour, 0, 23},
        {"d", &c.day, 1, civil_month_days(c.year, c.month)},
        {"M", &c.month, 1, 12},
        {"y", &c.year, 1, 9999},
    };
    const struct unit *u;
    int64_t n;
    int rc = read_duration(r, &n, &u);

    if (rc < 0)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (strcmp(parts[i].unit, u->name) != 0)
            continue;
        if (n < parts[i].min || n > parts[i].max)
            return errinfo_set(r->ei, E_INVALID, "the time '%.80s': %" PRId64 "%s is out of range",
                               r->text, n, u->name);
        *parts[i].part = (int)n;
        if (c.day > civil_month_days(c.year, c.month))
            c.day = civil_month_days(c.year, c.month);
        return bounded(r, civil_to_ms(&c) - r->east_ms, ms);
    }
    return fail(r, "a unit that can be replaced: ms, s, m, h, d, M or y");
}

static const struct {
    const char *mark;
    int (*run)(struct reader *r, int64_t *ms, int arg);
    int arg;
} OPERATORS[] = {
    {"+", do_shift, 1}, {"-", do_shift, -1}, {"@", do_snap, 0},    {"|<", do_snap, 0},
    {">>", do_snap, 1}, {"<<", do_snap, -1}, {"^", do_replace, 0},
};

/* now(), today(), ..., (…), 2018-10-08 14:33:12 */
static int
parse_base(struct reader *r, int64_t *ret_ms)
{
    static const struct {
        const char *word;
        int days; /* from midnight */
        bool exact_now;
    } words[] = {
        {"now()", 0, true},
        {"today()", 0, false},
        {"yesterday()", -1, false},
        {"tomorrow()", 1, false},
    };
    int64_t ms;
    size_t n;
    int rc;

    skip_blanks(r);
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (accept(r, words[i].word)) {
            *ret_ms = words[i].exact_now ? r->now_ms
                                         : midnight(r, r->now_ms) + words[i].days * CIVIL_DAY_MS;
            return 0;
        }
    if (accept(r, "(")) {
        if (++r->depth > DEPTH_MAX)
            return fail(r, "fewer parentheses");
        if ((rc = parse_sum(r, ret_ms)) < 0)
            return rc;
        r->depth--;
        return accept(r, ")") ? 0 : fail(r, "an operator (+ - @ ^ >> <<) or ')'");
    }
    n = civil_parse(r->p, &ms);
    if (n == 0)
        return fail(r, "now(), a date \"YYYY-MM-DD HH:mm:ss\", or one of the words today, now, "
                       "endday, endmonth, 2d, 2ad, 2h, 2ah, ...");
    r->p += n;
    return bounded(r, ms - r->east_ms, ret_ms);
}

static int
parse_sum(struct reader *r, int64_t *ret_ms)
{
    int rc = parse_base(r, ret_ms);

    while (rc == 0) {
        size_t i = 0;

        while (i < ARRAY_LEN(OPERATORS) && !accept(r, OPERATORS[i].mark))
            i++;
        if (i == ARRAY_LEN(OPERATORS))
            return 0;
        rc = OPERATORS[i].run(r, ret_ms, OPERATORS[i].arg);
    }
    return rc;
}

/* --- old words ------------------------------------------------------------------------------- */

/* N(d|ad|h|ah|m|am|s|as). In `from`: that long ago; in `to`: that long after from. With `a`: from
 * midnight on, of today or of from's day. */
static bool
old_offset(const char *text, int64_t *ret_ms, bool *ret_midnight)
{
    static const char letters[] = "dhms";
    static const int64_t ms[] = {CIVIL_DAY_MS, CIVIL_HOUR_MS, CIVIL_MINUTE_MS, CIVIL_SECOND_MS};
    const char *p = text, *unit;
    int64_t n = 0;

    for (; isdigit((unsigned char)*p); p++)
        if (p - text >= 9)
            return false;
        else
            n = n * 10 + (*p - '0');
    if (p == text)
        return false;
    *ret_midnight = tolower((unsigned char)*p) == 'a';
    p += *ret_midnight;
    unit = *p != '\0' ? strchr(letters, tolower((unsigned char)*p)) : NULL;
    if (unit == NULL || p[1] != '\0')
        return false;
    *ret_ms = n * ms[unit - letters];
    return true;
}

static bool
old_word(const struct reader *r, const int64_t *from_ms, int64_t *ret_ms)
{
    int64_t base = from_ms != NULL ? *from_ms : r->now_ms, by;
    struct civil c;
    bool at_midnight;

    if (strcasecmp(r->p, "now") == 0) {
        *ret_ms = r->now_ms;
    } else if (strcasecmp(r->p, "today") == 0) {
        *ret_ms = midnight(r, r->now_ms);
    } else if (strcasecmp(r->p, "endday") == 0) {
        *ret_ms = midnight(r, base) + CIVIL_DAY_MS - CIVIL_SECOND_MS;
    } else if (strcasecmp(r->p, "endmonth") == 0) {
        c = civil_from_ms(base + r->east_ms);
        c = (struct civil){.year = c.year, .month = c.month + 1, .day = 1};
        *ret_ms = civil_to_ms(&c) - r->east_ms - CIVIL_SECOND_MS;
    } else if (old_offset(r->p, &by, &at_midnight)) {
        base = at_midnight ? midnight(r, base) : base;
        *ret_ms = from_ms != NULL ? base + by : base - by;
    } else {
        return false;
    }
    return true;
}

/* --- entry ----------------------------------------------------------------------------------- */

/* 2026-09-28T12:00:00Z and the like are refused, with what to write for them. */
static bool
is_iso(const struct reader *r)
{
    static const char pattern[] = "dddd-dd-ddT";

    for (size_t i = 0; pattern[i] != '\0'; i++)
        if (pattern[i] == 'd' ? !isdigit((unsigned char)r->p[i]) : r->p[i] != pattern[i])
            return false;
    return true;
}

static int
fail_iso(struct reader *r)
{
    char date[24];
    int64_t ms;

    snprintf(date, sizeof(date), "%.10s %.8s", r->p, r->p + 11);
    if (civil_parse(date, &ms) == strlen("YYYY-MM-DD HH:mm:ss"))
        return errinfo_set(
            r->ei, E_INVALID,
            "ISO dates such as '%.40s' are not accepted: write the number of seconds "
            "since 1970, %" PRId64 " (in UTC), or the text \"%s\"",
            r->text, ms / 1000, date);
    return errinfo_set(r->ei, E_INVALID,
                       "ISO dates such as '%.40s' are not accepted: write the number of seconds "
                       "since 1970, or a text \"YYYY-MM-DD HH:mm:ss\"",
                       r->text);
}

int
linq_time_parse(const char *text, int64_t now_ms, int tz_offset_min, const int64_t *from_ms,
                int64_t *ret_ms, struct errinfo *ei)
{
    struct reader r = {.text = text, .p = text, .now_ms = now_ms, .ei = ei};
    int64_t ms;
    int rc;

    r.east_ms = tz_offset_min * CIVIL_MINUTE_MS;
    if (strlen(text) > TEXT_MAX)
        return errinfo_set(ei, E_INVALID, "the time is longer than %d bytes", TEXT_MAX);
    if ((rc = bounded(&r, now_ms, &ms)) < 0 ||
        (from_ms != NULL && (rc = bounded(&r, *from_ms, &ms)) < 0))
        return rc;
    skip_blanks(&r);
    if (is_iso(&r))
        return fail_iso(&r);
    if (old_word(&r, from_ms, &ms))
        return bounded(&r, ms, ret_ms);
    if ((rc = parse_sum(&r, &ms)) < 0)
        return rc;
    skip_blanks(&r);
    if (*r.p != '\0')
        return fail(&r, "an operator (+ - @ ^ >> <<) or the end");
    *ret_ms = ms;
    return 0;
}
