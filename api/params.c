#include "api/params.h"

#include <errno.h>
#include <inttypes.h>

void
params_int(const struct request *rq, const char *name, int64_t lo, int64_t hi, int64_t *ret,
           struct faults *f)
{
    char *text = request_param(rq, name), *end;
    long long v;

    if (text == NULL)
        return;
    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || v < lo || v > hi)
        faults_add(f, 0, "%s should be a whole number from %" PRId64 " to %" PRId64, name, lo, hi);
    else
        *ret = v;
    free(text);
}
