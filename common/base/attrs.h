#ifndef BASE_ATTRS_H
#define BASE_ATTRS_H

/*
 * Compiler attributes that turn habits into compile errors. No code here.
 */

#define MUST_CHECK     __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define UNUSED         __attribute__((unused))
#define NORETURN       __attribute__((noreturn))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#include "common/base/banned.h"

#endif
