#include "common/spool/spool_internal.h"

#include <limits.h>

#define INDEX_DIGITS_MAX 10

void
spool_name_format(char out[96], const char *job, unsigned index, const char *attempt)
{
    snprintf(out, 96, "%s.%u.%s", job, index, attempt);
}

bool
spool_is_attempt(const char *s)
{
    return strlen(s) == IDS_ATTEMPT_LEN && strspn(s, "0123456789abcdef") == IDS_ATTEMPT_LEN;
}

/* The job in front of the first dot; *ret_rest is behind it. */
static bool
parse_job(const char *name, char job[IDS_UUID_LEN + 1], const char **ret_rest)
{
    if (strnlen(name, IDS_UUID_LEN + 1) <= IDS_UUID_LEN || name[IDS_UUID_LEN] != '.')
        return false;
    memcpy(job, name, IDS_UUID_LEN);
    job[IDS_UUID_LEN] = '\0';
    *ret_rest = name + IDS_UUID_LEN + 1;
    return ids_is_uuid(job);
}

bool
spool_result_parse(const char *name, char job[IDS_UUID_LEN + 1], char attempt[IDS_ATTEMPT_LEN + 1])
{
    const char *rest;

    if (!parse_job(name, job, &rest) || !spool_is_attempt(rest))
        return false;
    memcpy(attempt, rest, IDS_ATTEMPT_LEN + 1);
    return true;
}

bool
spool_name_parse(const char *name, char job[IDS_UUID_LEN + 1], unsigned *ret_index,
                 char attempt[IDS_ATTEMPT_LEN + 1])
{
    const char *rest;
    unsigned long long index = 0;
    size_t digits;

    if (spool_result_parse(name, job, attempt)) {
        *ret_index = 0;
        return true;
    }
    if (!parse_job(name, job, &rest))
        return false;
    digits = strspn(rest, "0123456789");
    /* One index has one spelling, or a file could stand under two names. */
    if (digits == 0 || digits > INDEX_DIGITS_MAX || rest[0] == '0' || rest[digits] != '.')
        return false;
    index = strtoull(rest, NULL, 10);
    if (index > UINT_MAX || !spool_is_attempt(rest + digits + 1))
        return false;
    memcpy(attempt, rest + digits + 1, IDS_ATTEMPT_LEN + 1);
    *ret_index = (unsigned)index;
    return true;
}
