/*
 * main for a fuzz target without libFuzzer: a given number of inputs made from the target's seeds
 * by a given random seed, always the same ones; or the files that are named.
 *
 *   fuzz_linq 20000 1        20,000 inputs from random seed 1
 *   fuzz_linq - file ...     these files
 */

#include "tests/fuzz/fuzz.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX 70000

static uint64_t rng;

/* xorshift64*: the same everywhere. */
static uint32_t
random_below(uint32_t n)
{
    rng ^= rng >> 12;
    rng ^= rng << 25;
    rng ^= rng >> 27;
    return n == 0 ? 0 : (uint32_t)((rng * UINT64_C(2685821657736338717)) >> 33) % n;
}

struct input {
    uint8_t data[INPUT_MAX];
    size_t n;
};

static size_t
count(const char *const *list)
{
    size_t n = 0;

    while (list[n] != NULL)
        n++;
    return n;
}

static const char *
any(const char *const *list)
{
    static const char *const nothing[] = {"", "\r\n", "0", NULL};

    if (list == NULL || list[0] == NULL)
        list = nothing;
    return list[random_below((uint32_t)count(list))];
}

static void
insert(struct input *in, size_t at, const void *p, size_t n)
{
    if (n > INPUT_MAX - in->n)
        n = INPUT_MAX - in->n;
    memmove(in->data + at + n, in->data + at, in->n - at);
    memcpy(in->data + at, p, n);
    in->n += n;
}

static void
cut(struct input *in, size_t at, size_t n)
{
    if (n > in->n - at)
        n = in->n - at;
    memmove(in->data + at, in->data + at + n, in->n - at - n);
    in->n -= n;
}

static void
mutate(struct input *in)
{
    static uint8_t piece[256];
    size_t at = random_below((uint32_t)in->n + 1), n = random_below(24);
    const char *word;

    switch (random_below(8)) {
    case 0:
    case 1:
        word = any(fuzz_words);
        insert(in, at, word, strlen(word));
        break;
    case 2:
        cut(in, at, n);
        break;
    case 3: /* another place's bytes here */
        if (n > in->n - at)
            n = in->n - at;
        memcpy(piece, in->data + at, n);
        insert(in, random_below((uint32_t)in->n + 1), piece, n);
        break;
    case 4:
        piece[0] = (uint8_t)random_below(256);
        insert(in, at, piece, 1);
        break;
    case 5:
        if (at < in->n)
            in->data[at] ^= (uint8_t)(1u << random_below(8));
        break;
    case 6: /* the tail of another seed */
        word = any(fuzz_seeds);
        n = random_below((uint32_t)strlen(word) + 1);
        cut(in, at, in->n);
        insert(in, at, word + n, strlen(word) - n);
        break;
    default: /* one word many times: depth and length */
        word = any(fuzz_words);
        for (n = random_below(20) == 0 ? 5000 : random_below(8); n > 0; n--)
            insert(in, at, word, strlen(word));
        break;
    }
}

/* A copy of the exact size, so that a read behind the end is seen. */
static void
run(const uint8_t *data, size_t n)
{
    uint8_t *copy = malloc(n != 0 ? n : 1);

    if (copy == NULL)
        abort();
    if (n != 0)
        memcpy(copy, data, n);
    LLVMFuzzerTestOneInput(copy, n);
    free(copy);
}

static int
run_file(const char *path)
{
    static struct input in;
    FILE *f = fopen(path, "rb");

    if (f == NULL) {
        fprintf(stderr, "cannot open '%s': %s\n", path, strerror(errno));
        return -1;
    }
    in.n = fread(in.data, 1, sizeof(in.data), f);
    fclose(f);
    run(in.data, in.n);
    return 0;
}

int
main(int argc, char **argv)
{
    static struct input in;
    long rounds;

    if (argc < 3) {
        fprintf(stderr, "usage: %s iterations seed | %s - file ...\n", argv[0], argv[0]);
        return 2;
    }
    if (strcmp(argv[1], "-") == 0) {
        for (int i = 2; i < argc; i++)
            if (run_file(argv[i]) < 0)
                return 1;
        return 0;
    }
    rounds = strtol(argv[1], NULL, 10);
    rng = strtoull(argv[2], NULL, 10) * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; fuzz_seeds != NULL && fuzz_seeds[i] != NULL; i++)
        run((const uint8_t *)fuzz_seeds[i], strlen(fuzz_seeds[i]));
    for (long i = 0; i < rounds; i++) {
        const char *seed = any(fuzz_seeds);

        in.n = 0;
        insert(&in, 0, seed, strlen(seed));
        for (uint32_t k = 1 + random_below(1 + random_below(6)); k > 0; k--)
            mutate(&in);
        run(in.data, in.n);
    }
    printf("%ld inputs, seed %s: no fault\n", rounds, argv[2]);
    return 0;
}
