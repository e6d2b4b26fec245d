#ifndef WORKER_ENGINE_ENGINE_DUCKDB_FILES_H
#define WORKER_ENGINE_ENGINE_DUCKDB_FILES_H

/*
 * Which files a table consists of. Nothing here knows DuckDB.
 *
 * Folders are names: the files in a/b/c/ and in a.b.c/ are the table a.b.c; a file a.b.c.parquet
 * directly in the data folder is one too. `from a.b` reads a.b and every table below it. Folders
 * that are no name part (k=v, 2024, 01, anything not starting with a letter) hold partitions of the
 * table above them, at any depth. What starts with a dot or an underscore is passed over, and so
 * are files of other formats.
 *
 * A caller reads the tables that its globs match, and the others do not exist for it: in a glob, a
 * `*` stands for one part of a name or a piece of one, `**` for any number of parts.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum table_format { TABLE_PARQUET, TABLE_CSV, TABLE_NDJSON };

struct table_file {
    char *name;  /* relative to the data folder, as found; the order of the files is its order */
    char *path;  /* absolute, links resolved */
    char *table; /* whose file it is: a.b.c */
    char *hive;  /* keys of k=v folders, in order: "year/month"; "" = none */
    enum table_format format;
    int64_t size;
    int64_t mtime_ns;
    uint64_t ino;
};

struct table_files {
    char *table; /* as asked for */
    struct table_file *items;
    size_t count, cap;
};

/* The configured data folder with {domain} filled in and links resolved; caller frees.
 * E_INVALID: a domain that cannot stand in a path; E_NOT_FOUND: no such folder. */
int table_data_root(const char *configured, const char *domain, char **ret,
                    struct errinfo *ei) MUST_CHECK;

/* The files of a table. globs ends with NULL. E_INVALID: no table name; E_NOT_FOUND: nothing there
 * for this caller, with the nearest names it may read; E_DENIED: a link leads out of the data
 * folder; E_PERMANENT: more than max_files. */
int table_files_find(const char *root, const char *table, const char *const *globs,
                     size_t max_files, struct table_files *ret, struct errinfo *ei) MUST_CHECK;
void table_files_done(struct table_files *f);

bool table_glob_match(const char *glob, const char *table);

/* --- the snapshot of a job: which files it reads, engine_duckdb_snapshot.c ------------------- */

/* {"a.b.c":[{"name":...,"size":...,"mtime_ns":"...","ino":"..."}],...}; caller frees. The two
 * long numbers are strings: JSON readers keep 53 bits. */
char *snapshot_format(const struct table_files *tables, size_t count);

/* Reduces the tables to the files of a stored snapshot: what arrived since is not the job's.
 * E_CONFLICT names the first file that is gone or changed; E_PERMANENT: the text is no snapshot. */
int snapshot_apply(const char *stored, struct table_files *tables, size_t count,
                   struct errinfo *ei) MUST_CHECK;

#endif
