#ifndef FUZZ_H
#define FUZZ_H

/*
 * What a fuzz target gives, so that it runs under libFuzzer (which brings its own main and calls
 * LLVMFuzzerTestOneInput) and with fuzz_main.c (which makes inputs from the seeds). A target
 * without seeds or words is fed bytes without a plan.
 */

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* good inputs, NULL at the end */
extern const char *const fuzz_seeds[] __attribute__((weak));
/* pieces that are put in anywhere, NULL at the end */
extern const char *const fuzz_words[] __attribute__((weak));

#endif
