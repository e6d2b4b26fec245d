#include "common/base/clock.h"

#include "common/base/attrs.h"

static int64_t
read_clock(clockid_t id)
{
    struct timespec ts;

    clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t
clock_now_ms(void)
{
    return read_clock(CLOCK_REALTIME);
}

int64_t
clock_mono_ms(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

void
clock_format_iso(int64_t unix_ms, char out[32])
{
    int64_t ms = unix_ms % 1000;
    time_t s = (time_t)(unix_ms / 1000);
    struct tm tm;
    char day[24];

    if (ms < 0) {
        ms += 1000;
        s--;
    }
    gmtime_r(&s, &tm);
    strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(out, 32, "%s.%03dZ", day, (int)ms);
}
