#include "worker/chunk/deflate.h"

#include "common/base/errinfo.h"

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>

/* igzip's level 1: four to five times as fast as zlib's, and smaller. Level 1 wants a buffer. */

struct isal_state {
    struct isal_zstream stream;
    uint8_t *level_buf;
};

static void *
isal_new(enum chunk_level level)
{
    struct isal_state *s = mem_zalloc(sizeof(*s));

    (void)level;
    s->level_buf = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
    return s;
}

static void
isal_free(void *state)
{
    struct isal_state *s = state;

    if (s == NULL)
        return;
    free(s->level_buf);
    free(s);
}

static int
isal_block(void *state, const void *dict, size_t dict_len, const void *in, size_t n,
           struct buf *out)
{
    struct isal_state *s = state;
    struct isal_zstream *z = &s->stream;
    size_t room;
    char *at;

    isal_deflate_init(z);
    z->level = 1;
    z->level_buf = s->level_buf;
    z->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
    z->gzip_flag = IGZIP_DEFLATE;
    z->flush = SYNC_FLUSH;
    z->end_of_stream = 0;
    /* The library's interface has no const; it does not write to its input. */
    if (dict_len != 0 &&
        isal_deflate_set_dict(z, (uint8_t *)(uintptr_t)dict, (uint32_t)dict_len) != COMP_OK)
        return E_BUG;
    z->next_in = (uint8_t *)(uintptr_t)in;
    z->avail_in = (uint32_t)n;
    room = n / 2 + 4096;
    do {
        at = buf_reserve(out, room);
        if (at == NULL)
            return E_BUG;
        z->next_out = (uint8_t *)at;
        z->avail_out = (uint32_t)room;
        if (isal_deflate(z) != COMP_OK)
            return E_BUG;
        out->len += room - z->avail_out;
        /* A full output may hide bytes of the flush: only room left over means done. */
    } while (z->avail_in != 0 || z->avail_out == 0);
    return 0;
}

const struct deflate_codec deflate_isal = {isal_new, isal_free, isal_block};

uint32_t
deflate_crc(uint32_t crc, const void *p, size_t n)
{
    return crc32_gzip_refl(crc, p, n);
}
