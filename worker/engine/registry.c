#include "worker/engine/engine.h"

#include "worker/engine/engine_backends.h"

#include <string.h>

static const struct engine_ops *const engines[] = {&engine_duckdb};

const struct engine_ops *
engine_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(engines); i++) {
        if (strcmp(engines[i]->name, name) == 0)
            return engines[i];
    }
    return NULL;
}
