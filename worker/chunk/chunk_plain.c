#include "worker/chunk/chunk_ops.h"

/* The CSV as it is. */

const struct chunk_ops chunk_plain = {
    .name = "plain",
    .suffix = ".csv",
    .deflated = false,
    .seal_bytes = 0,
    .open = chunk_sink_create,
    .write = chunk_sink_put,
    .seal = chunk_sink_finish,
};
