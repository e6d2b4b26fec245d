#include "worker/chunk/chunk_ops.h"

#include "worker/chunk/deflate.h"

/* One gzip member, RFC 1952: header, the deflate blocks, the end block, CRC-32 and size. */

#define GZIP_TRAILER_BYTES 8u

static int
gzip_open(struct chunk_sink *s, struct errinfo *ei)
{
    /* No name, no time: the same rows give the same bytes; system 3 = Unix. */
    static const unsigned char head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3};
    int rc = chunk_sink_create(s, ei);

    return rc < 0 ? rc : chunk_sink_put(s, head, sizeof(head), ei);
}

static int
gzip_seal(struct chunk_sink *s, struct errinfo *ei)
{
    unsigned char tail[DEFLATE_END_BYTES + GZIP_TRAILER_BYTES];
    uint32_t size = (uint32_t)s->content_bytes; /* modulo 2^32, as the RFC has it */
    int rc;

    memcpy(tail, DEFLATE_END, DEFLATE_END_BYTES);
    for (unsigned i = 0; i < 4; i++) {
        tail[DEFLATE_END_BYTES + i] = (unsigned char)(s->crc >> (8 * i));
        tail[DEFLATE_END_BYTES + 4 + i] = (unsigned char)(size >> (8 * i));
    }
    rc = chunk_sink_put(s, tail, sizeof(tail), ei);
    return rc < 0 ? rc : chunk_sink_finish(s, ei);
}

const struct chunk_ops chunk_gzip = {
    .name = "gzip",
    .suffix = ".csv.gz",
    .deflated = true,
    .seal_bytes = DEFLATE_END_BYTES + GZIP_TRAILER_BYTES,
    .open = gzip_open,
    .write = chunk_sink_put,
    .seal = gzip_seal,
};
