#include "common/linq/suggest.h"

#include "common/base/attrs.h"

#include <ctype.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 63
#define SHOWN        3

static int
lower(char c)
{
    return tolower((unsigned char)c);
}

int
suggest_distance(const char *a, const char *b, int limit)
{
    int rows[3][NAME_MAX_LEN + 1];
    int *before = rows[0], *prev = rows[1], *cur = rows[2];
    size_t na = strlen(a), nb = strlen(b);

    if (na > NAME_MAX_LEN || nb > NAME_MAX_LEN || abs((int)na - (int)nb) > limit)
        return limit + 1;
    for (size_t j = 0; j <= nb; j++)
        prev[j] = (int)j;
    memset(before, 0, sizeof(rows[0]));
    for (size_t i = 1; i <= na; i++) {
        int *spare = before, best = INT_MAX;

        cur[0] = (int)i;
        for (size_t j = 1; j <= nb; j++) {
            int d = prev[j - 1] + (lower(a[i - 1]) != lower(b[j - 1]));

            if (prev[j] + 1 < d)
                d = prev[j] + 1;
            if (cur[j - 1] + 1 < d)
                d = cur[j - 1] + 1;
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]) && before[j - 2] + 1 < d)
                d = before[j - 2] + 1;
            cur[j] = d;
            if (d < best)
                best = d;
        }
        if (best > limit)
            return limit + 1;
        before = prev;
        prev = cur;
        cur = spare;
    }
    return prev[nb] <= limit ? prev[nb] : limit + 1;
}

void
suggest(const char *wrong, const char *(*name)(const void *ctx, size_t i), const void *ctx,
        size_t n, char *out, size_t out_size)
{
    const char *best[SHOWN] = {NULL};
    int cost[SHOWN] = {0}, limit = (int)(strlen(wrong) + 2) / 3;
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *cand = name(ctx, i);
        int d = suggest_distance(wrong, cand, limit);
        size_t at = 0;

        if (d > limit)
            continue;
        while (at < SHOWN && best[at] != NULL && cost[at] <= d && strcmp(best[at], cand) != 0)
            at++;
        if (at == SHOWN || (best[at] != NULL && strcmp(best[at], cand) == 0))
            continue;
        for (size_t k = SHOWN - 1; k > at; k--) {
            best[k] = best[k - 1];
            cost[k] = cost[k - 1];
        }
        best[at] = cand;
        cost[at] = d;
    }
    for (size_t i = 0; i < SHOWN && best[i] != NULL; i++) {
        bool last = i + 1 == SHOWN || best[i + 1] == NULL;
        int w = snprintf(out + used, out_size - used, "%s'%s'",
                         i == 0 ? ""
                         : last ? " or "
                                : ", ",
                         best[i]);

        if (w < 0 || (size_t)w >= out_size - used)
            return;
        used += (size_t)w;
    }
}
