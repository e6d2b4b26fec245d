#ifndef API_S3_PARAMS_H
#define API_S3_PARAMS_H

/*
 * destination.params of type s3: one table of names, types, bounds and error codes (s3_params.c;
 * HTTP.md shows it), then the rules between parameters. Pure, but for the options it reads.
 */

#include "api/faults.h"
#include "common/base/config.h"
#include "common/base/json.h"

#include <stdbool.h>
#include <stdint.h>

struct s3_params { /* strings are NULL when not given; heap */
    char *bucket, *region, *access_key, *secret_key, *session_token, *endpoint, *prefix;
    char *format, *password, *compression, *file_name, *friendly_name, *email;
    char *csv_delimiter, *csv_null, *zip_encryption;
    char *sse, *kms_key_id, *storage_class, *bucket_owner, *tags, *overwrite;
    int multiplefile; /* 0, 1 */
    int csv_bom, csv_formulaguard;
    int64_t retention_size;   /* MB; 0: not given */
    int64_t retention_time;   /* s; 0: not given */
    int64_t retention_events; /* 0: not given */
    bool default_store;       /* no aws.* at all, and the operator has one */
};

/* Adds what is wrong to f. Free *ret with s3_params_done in any case. params may be NULL. */
void s3_params_parse(const struct json *params, const struct config *cfg, struct s3_params *ret,
                     struct faults *f);

/* destination.params of type donothing, where anything goes: only friendlyName counts. */
void s3_params_parse_name(const struct json *params, struct s3_params *ret, struct faults *f);

/* The same table for what `start` may change: aws.accesskey, aws.secretkey, aws.sessiontoken. */
void s3_params_parse_keys(const struct json *params, struct s3_params *ret, struct faults *f);

void s3_params_done(struct s3_params *p); /* wipes secrets; all-zero is fine */

/* What an `aws.prefix` refers to. */
struct s3_prefix_values {
    const char *job, *table;
    int64_t created_ms;
};
/* The prefix with its placeholders filled in, heap; NULL with a fault: one that is not known, or
 * braces that do not match. */
char *s3_params_prefix(const char *prefix, const struct s3_prefix_values *v, struct faults *f);

#endif
