#include "common/base/backoff.h"

#include "common/base/ids.h"

int64_t
backoff_ms(unsigned attempt, int64_t base_ms, int64_t cap_ms)
{
    int64_t top = base_ms;

    while (attempt-- > 0 && top < cap_ms)
        top *= 2;
    if (top > cap_ms)
        top = cap_ms;
    return top > 0 ? (int64_t)(ids_random_u64() % (uint64_t)(top + 1)) : 0;
}
