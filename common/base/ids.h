#ifndef BASE_IDS_H
#define BASE_IDS_H

/* Random names, all from getrandom(2). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IDS_UUID_LEN    36 /* a job id: uuid version 4, lower case */
#define IDS_ATTEMPT_LEN 32 /* an attempt id: 128 bits, lower-case hex; the fencing token */
#define IDS_CID_LEN     12 /* the correlation id of one HTTP request, hex */

void ids_uuid(char out[IDS_UUID_LEN + 1]);
void ids_attempt(char out[IDS_ATTEMPT_LEN + 1]);
void ids_cid(char out[IDS_CID_LEN + 1]);
void ids_alnum(char *out, size_t n); /* n letters and digits and a NUL: out has n + 1 bytes */
void ids_random(void *out, size_t n);
uint64_t ids_random_u64(void);
bool ids_is_uuid(const char *s); /* exactly 8-4-4-4-12 lower-case hex digits */

#endif
