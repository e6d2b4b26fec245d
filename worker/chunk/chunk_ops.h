#ifndef WORKER_CHUNK_CHUNK_OPS_H
#define WORKER_CHUNK_CHUNK_OPS_H

/*
 * A file format: a table of functions over an open file, found by name (registry.c). Internal to
 * this folder; the runner sees chunk_writer.h alone.
 *
 *     open, write ..., seal    or    open, write ..., chunk_sink_discard
 *
 * Until seal has returned 0 only temporary names exist; afterwards only the finished one. Every
 * failed call leaves the file to chunk_sink_discard.
 */

#include "worker/chunk/chunk_writer.h"

struct chunk_sink {
    const struct chunker_options *opt;
    const struct chunk_ops *ops;
    unsigned index;
    int fd;                /* the file being written; -1 = none open */
    char part_name[64];    /* while it grows */
    char name[64];         /* once it is finished */
    int64_t bytes;         /* written so far */
    int64_t synced;        /* of them handed to the disk */
    int64_t content_bytes; /* of the CSV in it: kept by the chunker */
    uint32_t crc;          /* of the CSV in it: kept by the chunker */
    struct digest *digest; /* of the file */
};

struct chunk_ops {
    const char *name;
    const char *suffix; /* ".csv.gz" */
    bool deflated;      /* write takes raw deflate data; otherwise CSV */
    int64_t seal_bytes; /* what seal adds, at most: counted into the cut */
    int (*open)(struct chunk_sink *s, struct errinfo *ei);
    int (*write)(struct chunk_sink *s, const void *p, size_t n, struct errinfo *ei);
    /* Ends, syncs, closes and renames the file; the digest has seen all its bytes. */
    int (*seal)(struct chunk_sink *s, struct errinfo *ei);
};

const struct chunk_ops *chunk_ops_find(const char *name); /* NULL: unknown */

/* Building blocks of the formats, chunk_sink.c. */

/* Creates the .part file (an old one of a killed attempt is overwritten) and names both. */
int chunk_sink_create(struct chunk_sink *s, struct errinfo *ei) MUST_CHECK;
/* Appends to the file, the digest and the count; E_NOSPACE when the disk is full. */
int chunk_sink_put(struct chunk_sink *s, const void *p, size_t n, struct errinfo *ei) MUST_CHECK;
/* fsync, close, rename to the finished name. */
int chunk_sink_finish(struct chunk_sink *s, struct errinfo *ei) MUST_CHECK;
/* Closes and removes whatever there is of the file. */
void chunk_sink_discard(struct chunk_sink *s);

extern const struct chunk_ops chunk_gzip, chunk_zip, chunk_plain;

#endif
