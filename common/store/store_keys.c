#include "common/store/store_keys.h"

#include "common/base/buf.h"

#include <stdarg.h>

#define KEY_MAX 4096

unsigned
store_partition(const char *domain)
{
    (void)domain; /* one partition */
    return 0;
}

char *
store_key(unsigned partition, const char *fmt, ...)
{
    char rest[KEY_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(rest, sizeof(rest), fmt, ap);
    va_end(ap);
    return mem_printf("{bl:%u}:%s", partition, rest);
}
