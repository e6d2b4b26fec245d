#ifndef STORE_JOB_SPEC_H
#define STORE_JOB_SPEC_H

/*
 * What a job is to do, as the API resolved it at submit; constant for the job's life. Stored as
 * JSON in the job hash (field `spec`), read by worker, runner and uploader. Not the secrets: these
 * are a second JSON object, sealed under "job|<domain>|<id>" (field `secrets`).
 *
 * Pure: JSON text in and out. The text is checked like user input when it is read back.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>

/* A newer one is refused: E_PERMANENT. A spec in which nothing newer than 1 is asked is written as
 * 1, so that programs of the last version take it during an upgrade. */
#define JOB_SPEC_VERSION 2

#define CSV_DELIMITERS ",;|\t"
#define CSV_NULL_MAX   16

struct job_spec {
    char *query;          /* LINQ */
    int64_t from_ms;      /* the range is [from_ms, to_ms) */
    int64_t to_ms;
    int64_t now_ms;       /* now() of the query */
    int tz_offset_min;    /* minutes east of UTC */
    bool iso_dates;       /* dateFormat=iso */
    int64_t limit;        /* of the request; -1 = none */
    int64_t skip;
    char **globs;         /* tables the credential may read; ends with NULL */
    char *engine;         /* "duckdb" */

    char *destination;    /* "s3" | "donothing" */
    char *format;         /* "gzip" | "zip" | "plain" */
    char *compression;    /* "fast" | "balanced" | "best" */
    bool multiplefile;
    int64_t max_file_bytes; /* cut at; INT64_MAX for multiplefile=false */
    int64_t max_file_ms;    /* cut this long after a file's first row; 0 = never */
    int64_t max_file_rows;  /* cut where the job's row count is a multiple of it; 0 = never */
    char *csv_delimiter;  /* one of CSV_DELIMITERS */
    char *csv_null;       /* what stands for null; at most CSV_NULL_MAX bytes */
    char *zip_encryption; /* "aes256" | "zipcrypto", where there is a password */
    bool csv_bom;
    bool csv_formulaguard;
    char *key_stem;       /* object key = key_stem _ index .suffix; prefix included */
    char *entry_stem;     /* name inside a zip, without prefix */

    char *bucket, *region;
    char *endpoint;       /* "" = AWS */
    bool path_style;
    char *sse;            /* "AES256" | "aws:kms"; this and the next four: "" = not asked */
    char *kms_key_id;
    char *storage_class;
    char *bucket_owner;   /* account that must own the bucket */
    char *tags;           /* as x-amz-tagging has them */
    char *overwrite;      /* "never" | "replace" an object that is there */
    char *notify_email;   /* "" = none */
    bool default_store;   /* keys come from the operator's configuration, not from secrets */
};

struct job_secrets { /* any may be NULL */
    char *access_key, *secret_key, *session_token, *password;
};

/* A NULL string is written as its default. */
void job_spec_format(const struct job_spec *s, struct buf *out);
int job_spec_parse(const char *json, struct job_spec *ret, struct errinfo *ei) MUST_CHECK;
void job_spec_done(struct job_spec *s); /* frees the members; all-zero is fine */

void job_secrets_format(const struct job_secrets *s, struct buf *out); /* wipe out afterwards */
int job_secrets_parse(const char *json, struct job_secrets *ret, struct errinfo *ei) MUST_CHECK;
void job_secrets_done(struct job_secrets *s); /* wipes and frees */

/* Additional data of the seal, "job|<domain>|<id>"; caller frees. */
char *job_secrets_place(const char *domain, const char *id);

/* Object key and file suffix of one chunk: index with three digits, more when needed.
 * Caller frees. */
char *job_spec_key(const struct job_spec *s, unsigned index);
const char *job_spec_suffix(const struct job_spec *s); /* ".csv.gz" | ".csv.zip" | ".csv" */

#endif
