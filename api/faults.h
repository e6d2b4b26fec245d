#ifndef API_FAULTS_H
#define API_FAULTS_H

/*
 * What is wrong with the parameters of a request: all of it at once, so that a person corrects a
 * body in one go. Entries with a number of the wire read "405 : words", others are words alone;
 * they become `object` of the answer "Bad parameters". Never a secret in them.
 */

#include "common/base/attrs.h"

#include <stddef.h>

#define FAULTS_MAX 32 /* more are counted, not kept */

struct faults {
    char *items[FAULTS_MAX];
    size_t count;
};

/* code 0: without a number. Always -1, so that a check can end with it. */
int faults_add(struct faults *f, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
void faults_done(struct faults *f);

#endif
