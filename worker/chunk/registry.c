#include "worker/chunk/chunk_ops.h"

#include "worker/chunk/deflate.h"

#include <string.h>

static const struct chunk_ops *const formats[] = {&chunk_gzip, &chunk_zip, &chunk_plain};

const struct chunk_ops *
chunk_ops_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    }
    return NULL;
}

const struct deflate_codec *
deflate_codec_of(enum chunk_level level)
{
    return level == CHUNK_FAST ? &deflate_isal : &deflate_zlib;
}
