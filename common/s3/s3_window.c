#include "common/s3/s3_window.h"

void
s3_window_init(struct s3_window *w, unsigned start, unsigned max)
{
    *w = (struct s3_window){.max = max > 0 ? max : 1};
    w->limit = start < 1 ? 1 : start < w->max ? start : w->max;
}

bool
s3_window_take(struct s3_window *w)
{
    bool got = w->in_flight < w->limit;

    if (got)
        w->in_flight++;
    if (w->in_flight >= w->limit)
        w->full = w->in_flight;
    return got;
}

static void
grow(struct s3_window *w)
{
    if (w->limit == w->max || ++w->fine < w->limit)
        return;
    w->limit++;
    w->fine = 0;
}

static void
cut(struct s3_window *w, int64_t now_ms)
{
    if (w->was_cut && now_ms - w->cut_ms < S3_WINDOW_CALM_MS)
        return;
    w->limit = w->limit / 2 > 0 ? w->limit / 2 : 1;
    w->fine = 0;
    w->was_cut = true;
    w->cut_ms = now_ms;
}

void
s3_window_give(struct s3_window *w, enum s3_window_end end, int64_t now_ms)
{
    bool of_full = w->full > 0;

    w->in_flight--;
    if (of_full)
        w->full--;
    if (end == S3_WINDOW_FINE && of_full)
        grow(w);
    else if (end == S3_WINDOW_THROTTLED)
        cut(w, now_ms);
}
