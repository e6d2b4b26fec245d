#include "worker/chunk/deflate.h"

#include "common/base/errinfo.h"

#include <stdlib.h>
#define ZLIB_CONST
#include <zlib.h>

static void *
zlib_new(enum chunk_level level)
{
    z_stream *z = mem_zalloc(sizeof(*z));

    if (deflateInit2(z, level == CHUNK_BEST ? 9 : 6, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) !=
        Z_OK)
        bug("deflateInit2 failed");
    return z;
}

static void
zlib_free(void *state)
{
    z_stream *z = state;

    if (z == NULL)
        return;
    deflateEnd(z);
    free(z);
}

static int
zlib_block(void *state, const void *dict, size_t dict_len, const void *in, size_t n,
           struct buf *out)
{
    z_stream *z = state;
    size_t room = n / 2 + 4096;
    char *at;
    int rc;

    if (deflateReset(z) != Z_OK ||
        (dict_len != 0 && deflateSetDictionary(z, dict, (uInt)dict_len) != Z_OK))
        return E_BUG;
    z->next_in = in;
    z->avail_in = (uInt)n;
    do {
        at = buf_reserve(out, room);
        if (at == NULL)
            return E_BUG;
        z->next_out = (Bytef *)at;
        z->avail_out = (uInt)room;
        rc = deflate(z, Z_SYNC_FLUSH);
        /* Z_BUF_ERROR: the flush was complete when the output became full; nothing is lost. */
        if (rc != Z_OK && rc != Z_BUF_ERROR)
            return E_BUG;
        out->len += room - z->avail_out;
    } while (z->avail_out == 0);
    return 0;
}

const struct deflate_codec deflate_zlib = {zlib_new, zlib_free, zlib_block};

uint32_t
deflate_crc_combine(uint32_t crc_a, uint32_t crc_b, int64_t b_bytes)
{
    return (uint32_t)crc32_combine(crc_a, crc_b, (z_off_t)b_bytes);
}
