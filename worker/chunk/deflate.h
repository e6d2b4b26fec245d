#ifndef WORKER_CHUNK_DEFLATE_H
#define WORKER_CHUNK_DEFLATE_H

/*
 * One block of bytes -> raw deflate data (RFC 1951) that ends on a byte border with a sync flush,
 * so that blocks made side by side can be put one behind the other. The stream is ended by
 * DEFLATE_END, an empty final block.
 *
 * A codec is a table of functions; its state belongs to one thread.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "worker/chunk/chunk_writer.h"

#include <stddef.h>
#include <stdint.h>

#define DEFLATE_DICT_BYTES 32768u /* how far back a deflate stream can refer */

/* BFINAL = 1, fixed codes, end of block at once (RFC 1951, section 3.2.3). */
#define DEFLATE_END       "\x03\x00"
#define DEFLATE_END_BYTES 2u

struct deflate_codec {
    void *(*new_state)(enum chunk_level level);
    void (*free_state)(void *state);
    /* Appends to out. dict: the dict_len <= DEFLATE_DICT_BYTES bytes that stand before the block
     * in the stream; 0 = none. Returns 0, or E_BUG where the library refuses. */
    int (*block)(void *state, const void *dict, size_t dict_len, const void *in, size_t n,
                 struct buf *out);
};

extern const struct deflate_codec deflate_isal; /* CHUNK_FAST */
extern const struct deflate_codec deflate_zlib; /* CHUNK_BALANCED, CHUNK_BEST */

const struct deflate_codec *deflate_codec_of(enum chunk_level level);

/* CRC-32 of RFC 1952 of the bytes, continuing crc (0 at the start). */
uint32_t deflate_crc(uint32_t crc, const void *p, size_t n);
/* CRC of A followed by B, from the CRC of each and the length of B. */
uint32_t deflate_crc_combine(uint32_t crc_a, uint32_t crc_b, int64_t b_bytes);

#endif
