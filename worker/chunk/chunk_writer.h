#ifndef WORKER_CHUNK_CHUNK_WRITER_H
#define WORKER_CHUNK_CHUNK_WRITER_H

/*
 * Row-aligned blocks of CSV -> finished chunk files in a slot folder of the spool.
 *
 * The runner fills blocks of about CHUNK_BLOCK_BYTES and hands them over; a pool of threads
 * compresses them side by side, one ordered writer appends them, cuts files by compressed size and
 * by time, and calls back for each finished (fsynced, closed) file. A file begins with the header
 * row. The format is a table of functions found by name: gzip, zip, plain.
 *
 *     chunker_open -> chunker_block ... -> chunker_finish -> chunker_close
 *
 * In the slot a growing file is chunk-<index>.part, a finished one chunk-<index>.csv.gz, .zip or
 * .csv. A zip exists twice for a moment, as raw data and as archive (chunk-<index>.zip.part): its
 * claim reserves two. Errors of the writer: E_NOSPACE when the disk is full, E_PERMANENT for other
 * failures of it, or what the callback gave; nothing unfinished is left after chunker_close.
 *
 * gzip: one member (RFC 1952) made of raw deflate blocks with sync flushes, each with the 32 KiB
 * before it as dictionary; the first block of a file is compressed without one, behind the header.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>

#define CHUNK_BLOCK_BYTES (1u << 20)

enum chunk_level { CHUNK_FAST, CHUNK_BALANCED, CHUNK_BEST };

/* A finished file, as reported; path is relative to the slot folder and valid in the callback. */
struct chunk_file {
    const char *tmp_name;
    int64_t start;         /* first row of the job in it, counted from 0 */
    int64_t end;           /* behind its last row; events = end - start */
    int64_t bytes;         /* of the file */
    int64_t content_bytes; /* of the CSV, header included */
    int64_t last_event_ms; /* time of its last row; 0 where the result has no time column */
    char file_sha256[DIGEST_SHA256_HEX + 1];
    char content_sha256[DIGEST_SHA256_HEX + 1]; /* of the CSV, header included */
    char last_row_sha256[DIGEST_SHA256_HEX + 1]; /* of the CSV of its last row with line end */
};

struct chunker_options {
    const char *format;       /* "gzip" | "zip" | "plain" */
    enum chunk_level level;
    const char *password;     /* zip: AES-256 (AE-2); NULL = none. Borrowed; never logged */
    bool zipcrypto;           /* the password with PKWARE's old cipher instead: weak, but what old
                                 programs read */
    const char *entry_stem;   /* zip: name of the entry = stem_<index>.csv */
    int64_t max_bytes;        /* cut when the file reaches it; INT64_MAX: one file */
    int64_t max_age_ms;       /* cut this long after a file's first row; 0: never */
    bool empty_file;          /* write one file with the header alone when there are no rows */
    unsigned threads;
    unsigned first_index;     /* index of the first file (resume) */
    int64_t first_row;        /* start of the first file */
    int slot_fd;              /* the slot folder */
    struct buf *header;       /* the header row, copied */
    /* From the writer's thread. May block: backpressure. Negative ends the chunker with it. */
    int (*sealed)(void *ctx, unsigned index, const struct chunk_file *file, struct errinfo *ei);
    void *ctx;
};

/* A block on its way in: whole rows only. */
struct chunk_block {
    struct buf csv;        /* ceiling: twice CHUNK_BLOCK_BYTES plus the longest row */
    int64_t rows;
    int64_t last_event_ms;
    size_t last_row_at;    /* offset of the last row in csv */
    bool cut;              /* the file ends behind this block, whatever its size */
};

struct chunker;

int chunker_open(const struct chunker_options *opt, struct chunker **ret,
                 struct errinfo *ei) MUST_CHECK;
/* Takes the content of the block (b is empty afterwards and may be filled again). Blocks while
 * the pool is full. Any error of the writer comes out here or in finish. */
int chunker_block(struct chunker *c, struct chunk_block *b, struct errinfo *ei) MUST_CHECK;
/* Seals what is open (a file is cut short of its size: end of query, stop, drain) and returns when
 * its callback has. More blocks may follow. */
int chunker_finish(struct chunker *c, struct errinfo *ei) MUST_CHECK;
/* Bytes of the open file so far, for early sealing and progress; any thread. */
int64_t chunker_open_bytes(const struct chunker *c);
void chunker_close(struct chunker *c); /* ends the threads; removes an unfinished file */

#endif
