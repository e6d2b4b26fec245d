#include "common/base/attrs.h"
#include "common/s3/s3_window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static unsigned
fill(struct s3_window *w)
{
    unsigned n = 0;

    while (s3_window_take(w))
        n++;
    return n;
}

static void
give(struct s3_window *w, unsigned n, enum s3_window_end end, int64_t now_ms)
{
    while (n-- > 0)
        s3_window_give(w, end, now_ms);
}

/* Rounds of a full window, all of one end, 10 s apart; then how many are let through. */
static void
test_rounds(void **state)
{
    static const struct {
        const char *name;
        unsigned start, max;
        struct {
            unsigned rounds;
            enum s3_window_end end;
        } steps[3];
        unsigned want;
    } cases[] = {
        {"at the start", 8, 100, {{0, S3_WINDOW_FINE}}, 8},
        {"one more a round", 8, 100, {{4, S3_WINDOW_FINE}}, 12},
        {"never above the maximum", 8, 10, {{50, S3_WINDOW_FINE}}, 10},
        {"start above the maximum", 80, 10, {{0, S3_WINDOW_FINE}}, 10},
        {"half", 64, 100, {{1, S3_WINDOW_THROTTLED}}, 32},
        {"half of half", 64, 100, {{2, S3_WINDOW_THROTTLED}}, 16},
        {"never none", 4, 100, {{20, S3_WINDOW_THROTTLED}}, 1},
        {"back from one", 4, 100, {{20, S3_WINDOW_THROTTLED}, {9, S3_WINDOW_FINE}}, 10},
        {"lost ones say nothing", 8, 100, {{50, S3_WINDOW_NO_WORD}}, 8},
        {"no places at all", 0, 0, {{3, S3_WINDOW_FINE}}, 1},
    };
    size_t i, k;
    unsigned r, n, got;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_window w;
        int64_t now = 1;

        s3_window_init(&w, cases[i].start, cases[i].max);
        for (k = 0; k < ARRAY_LEN(cases[i].steps); k++) {
            for (r = 0; r < cases[i].steps[k].rounds; r++, now += 10000) {
                n = fill(&w);
                give(&w, n, cases[i].steps[k].end, now);
            }
        }
        got = fill(&w);
        if (got != cases[i].want)
            fail_msg("%s: got %u, want %u", cases[i].name, got, cases[i].want);
    }
}

static void
test_burst_counts_once(void **state)
{
    struct s3_window w;

    (void)state;
    s3_window_init(&w, 64, 64);
    assert_int_equal(fill(&w), 64);
    give(&w, 10, S3_WINDOW_THROTTLED, 5);
    give(&w, 10, S3_WINDOW_THROTTLED, 5 + S3_WINDOW_CALM_MS - 1);
    assert_int_equal(fill(&w), 0); /* 44 are still on their way */
    give(&w, 44, S3_WINDOW_NO_WORD, 900);
    assert_int_equal(fill(&w), 32);
    give(&w, 1, S3_WINDOW_THROTTLED, 5 + S3_WINDOW_CALM_MS);
    give(&w, 31, S3_WINDOW_NO_WORD, 2000);
    assert_int_equal(fill(&w), 16);
}

/* Years of single requests do not make room for a flood. */
static void
test_unused_does_not_grow(void **state)
{
    struct s3_window w;
    unsigned i;

    (void)state;
    s3_window_init(&w, 8, 1000);
    for (i = 0; i < 100000; i++) {
        assert_true(s3_window_take(&w));
        s3_window_give(&w, S3_WINDOW_FINE, i);
    }
    assert_int_equal(fill(&w), 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_burst_counts_once),
        cmocka_unit_test(test_unused_does_not_grow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
