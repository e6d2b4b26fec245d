#ifndef S3_S3_WINDOW_H
#define S3_S3_WINDOW_H

/*
 * How many requests may be on their way at once, all operations of a client together: one more for
 * each full window that went well, half of it when the store says that it is too much (503,
 * SlowDown). Pure; the time is an argument.
 *
 * A burst of refusals is one refusal: those of requests that were on their way when the window was
 * cut say nothing about the smaller one, so it is cut at most once in S3_WINDOW_CALM_MS. A window
 * that is not used up does not grow, or it would be no limit when it is needed.
 */

#include <stdbool.h>
#include <stdint.h>

#define S3_WINDOW_CALM_MS 1000

struct s3_window {
    unsigned limit, max; /* 1 <= limit <= max */
    unsigned in_flight;
    unsigned full; /* of those on their way: how many were when the window was last used up */
    unsigned fine; /* of such, answered since the limit changed */
    bool was_cut;
    int64_t cut_ms;
};

enum s3_window_end {
    S3_WINDOW_FINE,      /* answered */
    S3_WINDOW_THROTTLED, /* the store asks for less */
    S3_WINDOW_NO_WORD,   /* broken off, lost: says nothing about the store */
};

/* start is cut to max; both at least 1. */
void s3_window_init(struct s3_window *w, unsigned start, unsigned max);
/* A place for one request, to be given back; false: there is none now. */
bool s3_window_take(struct s3_window *w);
/* now_ms: monotonic. */
void s3_window_give(struct s3_window *w, enum s3_window_end end, int64_t now_ms);

#endif
