#ifndef LINQ_SUGGEST_H
#define LINQ_SUGGEST_H

/*
 * "did you mean": of a list of names those that look most like a wrong one. Case is ignored.
 */

#include <stddef.h>

/* Writes up to three names, nearest first, as "'a', 'b' or 'c'"; "" where nothing is near enough
 * to be of use. name(ctx, i) gives the i-th of n candidates. */
void suggest(const char *wrong, const char *(*name)(const void *ctx, size_t i), const void *ctx,
             size_t n, char *out, size_t out_size);

/* Edits (insert, delete, replace, swap of neighbours) from a to b, ignoring case; more than limit
 * is told as limit + 1. */
int suggest_distance(const char *a, const char *b, int limit);

#endif
