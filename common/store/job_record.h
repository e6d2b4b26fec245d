#ifndef STORE_JOB_RECORD_H
#define STORE_JOB_RECORD_H

/*
 * Jobs and chunks as they are read from the store: plain structs, owned by the caller, freed with
 * their _done. PROTOCOL.md tells which fields of which key they come from.
 */

#include "common/base/digest.h"
#include "common/base/ids.h"

#include <stdbool.h>
#include <stdint.h>

/* Public states; the words on the wire are job_status_name's. Changed only inside scripts. */
enum job_status {
    JOB_CREATED,      /* queued, never claimed */
    JOB_RUNNING,      /* queued again after start; running; draining; finishing */
    JOB_COMPLETED,    /* all objects confirmed */
    JOB_STOPPED,      /* by the user, or by an error (errors not empty) */
    JOB_RECONNECTING, /* lease expired, waits for another worker */
    JOB_PAUSED,       /* handed back by a draining worker; goes on by itself */
    JOB_REMOVED,      /* answered once, to the remove call */
};

const char *job_status_name(enum job_status s);              /* "CREATED", ... */
bool job_status_parse(const char *name, enum job_status *ret); /* false: unknown */

struct job_record {
    char *id, *domain, *owner, *cid, *type, *friendly_name, *query, *table;
    enum job_status status;
    int64_t generated;     /* rows produced; never decreases */
    int64_t sent;          /* rows in confirmed objects */
    int64_t last_event_ms; /* time of the last row generated; 0 before the first */
    int64_t created_ms, started_ms, ended_ms; /* 0 = not yet */
    int64_t bytes_sent;
    int64_t chunks_added, chunks_sent;
    int64_t version;       /* grows with every change: ETag */
    bool query_ended;      /* rows is known */
    int64_t rows;          /* of the whole result, once the query has ended */
    char **errors;         /* what stopped it; error_count entries */
    size_t error_count;
    char **paths;          /* the newest at most 1,000, in index order */
    size_t path_count;
    int64_t paths_total;
};

void job_record_done(struct job_record *r);

/* A confirmed object. */
struct job_file {
    unsigned index;    /* from 1 */
    char *path;        /* its URL */
    int64_t events;
    int64_t bytes;
    int64_t content_bytes; /* of the CSV in it, header included */
    char sha256[DIGEST_SHA256_HEX + 1];
    int64_t sent_ms;
    bool adopted; /* written by an attempt that was lost: bytes and hash are not known here */
};

/* One finished file. Two are the same chunk if job, index, start, end and content hash agree. */
struct chunk_record {
    char job[IDS_UUID_LEN + 1];
    unsigned index;                     /* from 1 */
    char attempt[IDS_ATTEMPT_LEN + 1];  /* of the job, when it was sealed */
    int64_t start, end;                 /* rows [start, end) of the result */
    int64_t bytes;                      /* of the file */
    int64_t content_bytes;              /* of the CSV, header included */
    int64_t last_event_ms;
    char file_sha256[DIGEST_SHA256_HEX + 1];
    char content_sha256[DIGEST_SHA256_HEX + 1];
    char last_row_sha256[DIGEST_SHA256_HEX + 1];
    char spool[IDS_UUID_LEN + 1];       /* id of the spool that holds it */
};

#endif
