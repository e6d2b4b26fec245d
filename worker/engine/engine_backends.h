#ifndef WORKER_ENGINE_ENGINE_BACKENDS_H
#define WORKER_ENGINE_ENGINE_BACKENDS_H

/* The engines that registry.c knows: one table of functions each, in engine_<name>.c. */

#include "worker/engine/engine.h"

extern const struct engine_ops engine_duckdb;

#endif
