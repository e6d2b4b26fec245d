#ifndef BASE_CONFIG_H
#define BASE_CONFIG_H

/*
 * Configuration: one table of options (config_options.c) drives the file, the environment, the
 * command line, the bounds, --help and the check that the sample file is complete.
 *
 * Later sources win: default, file (INI: [section], key = value, # comment),
 * environment BUCKETLINE__<SECTION>__<KEY> in upper case, --set section.key=value.
 * Secrets come as files only (type CONFIG_SECRET: the value is a path, config_secret reads it).
 *
 * All options are known to all programs, so one file serves the whole system. Getters name the
 * option as "section.key"; an unknown name or a wrong type is a bug and ends the process.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum config_type {
    CONFIG_STRING, /* any text; "" = not set */
    CONFIG_INT,    /* whole number within [min, max]; unit says of what */
    CONFIG_SIZE,   /* bytes; accepts 1048576, 64K, 64M, 4G (powers of 1024) */
    CONFIG_BOOL,   /* true | false */
    CONFIG_ENUM,   /* one of choices, separated by | */
    CONFIG_LIST,   /* items separated by commas */
    CONFIG_SECRET, /* path of a file with the secret in its first line */
};

struct config_option {
    const char *section;
    const char *key;
    enum config_type type;
    const char *def;     /* default, as it would stand in the file */
    int64_t min, max;    /* for INT and SIZE */
    const char *choices; /* for ENUM */
    const char *unit;    /* "ms", "s", "bytes", "MB", ... or NULL */
    const char *help;    /* one sentence; also the comment in the sample file */
};

extern const struct config_option config_options[]; /* ends with section == NULL */

struct config;

struct config *config_new(void); /* all defaults */
void config_free(struct config *c);

/* Each gives E_INVALID with file, line, option, value and bounds in the words. */
int config_load_file(struct config *c, const char *path, struct errinfo *ei) MUST_CHECK;
int config_load_env(struct config *c, char **environ_, struct errinfo *ei) MUST_CHECK;
int config_set(struct config *c, const char *assignment, struct errinfo *ei) MUST_CHECK;

/* STRING, ENUM, LIST, and of a SECRET the path of its file: borrowed. */
const char *config_str(const struct config *c, const char *name);
int64_t config_int(const struct config *c, const char *name);     /* INT, SIZE */
bool config_bool(const struct config *c, const char *name);

/* i-th item of a LIST, trimmed, into out; false behind the last one. */
bool config_item(const struct config *c, const char *name, size_t i, char *out, size_t out_size);
/* Value of "key=value" among the items of a LIST (heap, caller frees), or NULL. */
char *config_lookup(const struct config *c, const char *name, const char *key);

/* Reads the file of a SECRET; *ret is NULL when the option is not set. Caller mem_wipe_frees. */
int config_secret(const struct config *c, const char *name, char **ret,
                  struct errinfo *ei) MUST_CHECK;

/* The part of --help about options. */
void config_print_help(void);

#endif
