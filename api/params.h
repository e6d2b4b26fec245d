#ifndef API_PARAMS_H
#define API_PARAMS_H

/* Parameters of the query string, checked; what is wrong goes to the faults with its bounds. */

#include "api/faults.h"
#include "api/request.h"

/* A whole number from lo to hi. Leaves *ret alone where the parameter is not given. */
void params_int(const struct request *rq, const char *name, int64_t lo, int64_t hi, int64_t *ret,
                struct faults *f);

#endif
