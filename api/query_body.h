#ifndef API_QUERY_BODY_H
#define API_QUERY_BODY_H

/*
 * The body of POST /search/query: JSON in, what a job needs out, everything that time changes
 * resolved once. Pure: the clock is an argument. The query's own language is not looked at here.
 */

#include "api/faults.h"
#include "api/s3_params.h"
#include "common/base/config.h"

#include <stdbool.h>
#include <stdint.h>

struct query_body {
    char *query;    /* NULL: queryId was given instead */
    char *query_id; /* NULL: not given */
    int64_t from_ms, to_ms, now_ms;
    int tz_offset_min; /* of timeZone at from_ms, minutes east of UTC */
    bool iso_dates;
    int64_t limit; /* -1 = none */
    int64_t skip;
    int priority; /* 0 high, 1 normal, 2 low */
    char *type;   /* "s3" | "donothing" */
    struct s3_params params;
};

/* Everything that is wrong goes to f; *ret is whole only if f stays empty. Free it in any case. */
void query_body_parse(const char *text, size_t len, const struct config *cfg, int64_t now_ms,
                      struct query_body *ret, struct faults *f);
void query_body_done(struct query_body *b);

#endif
