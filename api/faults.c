#include "api/faults.h"

#include "common/base/buf.h"

#include <stdarg.h>

int
faults_add(struct faults *f, int code, const char *fmt, ...)
{
    char words[600];
    va_list ap;

    if (f->count == FAULTS_MAX)
        return -1;
    va_start(ap, fmt);
    vsnprintf(words, sizeof(words), fmt, ap);
    va_end(ap);
    f->items[f->count++] = code != 0 ? mem_printf("%d : %s", code, words) : mem_strdup(words);
    return -1;
}

void
faults_done(struct faults *f)
{
    size_t i;

    for (i = 0; i < f->count; i++)
        free(f->items[i]);
    f->count = 0;
}
