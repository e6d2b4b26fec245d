#include "common/base/errinfo.h"

#include <errno.h>
#include <stdarg.h>

int
errinfo_set(struct errinfo *ei, enum errc code, const char *fmt, ...)
{
    va_list ap;

    if (ei == NULL)
        return code;
    ei->code = code;
    va_start(ap, fmt);
    vsnprintf(ei->msg, sizeof(ei->msg), fmt, ap);
    va_end(ap);
    return code;
}

static enum errc
code_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR:
        return E_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return E_DENIED;
    case EEXIST:
        return E_CONFLICT;
    case ENOSPC:
    case EDQUOT:
        return E_NOSPACE;
    case EINTR:
    case EAGAIN:
    case ETIMEDOUT:
    case ECONNREFUSED:
    case ECONNRESET:
    case ECONNABORTED:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case EMFILE:
    case ENFILE:
        return E_TRANSIENT;
    default:
        return E_PERMANENT;
    }
}

int
errinfo_errno(struct errinfo *ei, int errnum, const char *fmt, ...)
{
    enum errc code = code_of_errno(errnum);
    va_list ap;
    size_t n;

    if (ei == NULL)
        return code;
    ei->code = code;
    va_start(ap, fmt);
    vsnprintf(ei->msg, sizeof(ei->msg), fmt, ap);
    va_end(ap);
    n = strlen(ei->msg);
    snprintf(ei->msg + n, sizeof(ei->msg) - n, ": %s", strerror(errnum));
    return code;
}

int
errinfo_prepend(struct errinfo *ei, const char *fmt, ...)
{
    char old[sizeof(ei->msg)];
    va_list ap;
    size_t n;

    memcpy(old, ei->msg, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(ei->msg, sizeof(ei->msg), fmt, ap);
    va_end(ap);
    n = strlen(ei->msg);
    snprintf(ei->msg + n, sizeof(ei->msg) - n, ": %s", old);
    return ei->code;
}

const char *
errc_name(enum errc code)
{
    static const char *const names[] = {
        "ok",        "invalid", "not-found", "denied",   "conflict", "transient",
        "permanent", "lost",    "cancelled", "no-space", "bug",
    };
    int i = -(int)code;

    return i >= 0 && i < (int)ARRAY_LEN(names) ? names[i] : "unknown";
}

void
bug(const char *fmt, ...)
{
    va_list ap;

    fputs("bug: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    abort();
}
