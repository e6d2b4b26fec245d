#ifndef BASE_LOG_H
#define BASE_LOG_H

/*
 * One line per event on stderr: time, level, process, event, then key=value fields.
 *
 *     log_event(LOG_INFO, "chunk sealed", LF("job", id), LFU("index", 3));
 *     2026-11-22T20:36:14.123Z info worker[4711] chunk sealed job=... index=3
 *
 * Called only from the loops of the programs (and main), never from common/. The level says what
 * the reader should do: error = act, warn = it coped, info = milestone of a job, debug = the rest.
 * Values with blanks or quotes are quoted. Never pass a secret. Safe from one thread at a time.
 */

#include "common/base/attrs.h"

#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

struct log_field {
    const char *key;
    const char *str; /* NULL: num is the value */
    long long num;
};

#define LF(k, s)  ((struct log_field){(k), (s) != NULL ? (s) : "", 0})
#define LFN(k, n) ((struct log_field){(k), NULL, (long long)(n)})
#define LFU(k, n) LFN(k, n)

#define log_event(level, event, ...)                                                               \
    log_write((level), (event), (struct log_field[]){__VA_ARGS__ __VA_OPT__(, ){NULL, NULL, 0}})

/* process: short name in each line ("api"). level: "error" | "warn" | "info" | "debug". */
void log_init(const char *process, const char *level);
/* fields ends with an entry whose key is NULL. */
void log_write(enum log_level level, const char *event, const struct log_field *fields);

#endif
