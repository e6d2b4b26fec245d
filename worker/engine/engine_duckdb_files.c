#include "worker/engine/engine_duckdb_files.h"

#include "common/base/buf.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX       32
#define NAME_MAX_BYTES  512
#define HINT_TABLES_MAX 10000 /* names looked at for a hint */

/* --- names ----------------------------------------------------------------------------------- */

static bool
is_part(const char *s, size_t n)
{
    if (n == 0 || !isalpha((unsigned char)s[0]))
        return false;
    for (size_t i = 1; i < n; i++) {
        if (!isalnum((unsigned char)s[i]) && s[i] != '_' && s[i] != '-')
            return false;
    }
    return true;
}

/* Parts separated by single dots: no '/', no '..'. */
static bool
is_name(const char *s)
{
    size_t n;

    if (strlen(s) > NAME_MAX_BYTES)
        return false;
    for (;; s += n + 1) {
        n = strcspn(s, ".");
        if (!is_part(s, n))
            return false;
        if (s[n] == '\0')
            return true;
    }
}

/* name is table, or lies below it. */
static bool
is_within(const char *name, const char *table)
{
    size_t n = strlen(table);

    return strncmp(name, table, n) == 0 && (name[n] == '\0' || name[n] == '.' || n == 0);
}

static bool
match_part(const char *glob, size_t gn, const char *s, size_t sn)
{
    if (gn == 0)
        return sn == 0;
    if (*glob != '*')
        return sn != 0 && *glob == *s && match_part(glob + 1, gn - 1, s + 1, sn - 1);
    for (size_t skip = 0; skip <= sn; skip++) {
        if (match_part(glob + 1, gn - 1, s + skip, sn - skip))
            return true;
    }
    return false;
}

/* Globs come from the operator's credentials and are short; recursion is bounded by their stars. */
bool
table_glob_match(const char *glob, const char *table)
{
    size_t gn = strcspn(glob, "."), sn = strcspn(table, ".");
    const char *rest = glob[gn] != '\0' ? glob + gn + 1 : NULL;
    const char *below = table[sn] != '\0' ? table + sn + 1 : NULL;

    if (gn == 2 && memcmp(glob, "**", 2) == 0) {
        if (rest == NULL || table_glob_match(rest, table))
            return true;
        return below != NULL && table_glob_match(glob, below);
    }
    if (!match_part(glob, gn, table, sn))
        return false;
    if (below == NULL)
        return rest == NULL || strcmp(rest, "**") == 0;
    return rest != NULL && table_glob_match(rest, below);
}

static bool
may_read(const char *const *globs, const char *table)
{
    for (; globs != NULL && *globs != NULL; globs++) {
        if (table_glob_match(*globs, table))
            return true;
    }
    return false;
}

/* Format by the file name's end; *ret_stem is its length without that end. */
static bool
format_of(const char *file, enum table_format *ret, size_t *ret_stem)
{
    static const struct {
        const char *end;
        enum table_format format;
    } known[] = {
        {".parquet", TABLE_PARQUET},   {".csv", TABLE_CSV},       {".csv.gz", TABLE_CSV},
        {".csv.zst", TABLE_CSV},       {".ndjson", TABLE_NDJSON}, {".ndjson.gz", TABLE_NDJSON},
        {".ndjson.zst", TABLE_NDJSON}, {".jsonl", TABLE_NDJSON},  {".jsonl.gz", TABLE_NDJSON},
        {".jsonl.zst", TABLE_NDJSON},  {".json", TABLE_NDJSON},   {".json.gz", TABLE_NDJSON},
        {".json.zst", TABLE_NDJSON},
    };
    size_t n = strlen(file), k;

    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        k = strlen(known[i].end);
        if (n > k && strcmp(file + n - k, known[i].end) == 0) {
            *ret = known[i].format;
            *ret_stem = n - k;
            return true;
        }
    }
    return false;
}

/* --- the walk -------------------------------------------------------------------------------- */

struct place {
    const char *dir;   /* relative to the root; "" = the root */
    const char *table; /* the folder's dotted name; "" = none yet */
    const char *hive;
    int depth;
};

struct walk {
    const char *root;
    const char *wanted; /* "" = every table */
    const char *const *globs;
    size_t max_files;
    struct table_files *files; /* NULL: only names are collected */
    char **names;
    size_t name_count, name_cap;
    struct errinfo *ei;
};

static int walk_folder(struct walk *w, const struct place *at);

static char *
join(const char *a, char sep, const char *b)
{
    return a[0] != '\0' ? mem_printf("%s%c%s", a, sep, b) : mem_strdup(b);
}

/* The entry with links resolved, which must stay below the root; caller frees. NULL: ei is set. */
static char *
resolve(struct walk *w, const char *name)
{
    char *path = mem_printf("%s/%s", w->root, name);
    char *real = realpath(path, NULL);
    size_t n = strlen(w->root);

    if (real == NULL) {
        errinfo_errno(w->ei, errno, "cannot read '%s' in the data folder", name);
    } else if (strncmp(real, w->root, n) != 0 || real[n] != '/') {
        errinfo_set(w->ei, E_DENIED, "'%s' is a link that leads out of the data folder", name);
        free(real);
        real = NULL;
    }
    free(path);
    return real;
}

static void
add_name(struct walk *w, const char *table)
{
    if (w->name_count > 0 && strcmp(w->names[w->name_count - 1], table) == 0)
        return;
    if (w->name_count == HINT_TABLES_MAX)
        return;
    w->names = mem_grow(w->names, &w->name_cap, w->name_count + 1, sizeof(*w->names));
    w->names[w->name_count++] = mem_strdup(table);
}

static int
add_file(struct walk *w, const struct place *at, const char *name, const char *table,
         enum table_format format)
{
    struct table_files *f = w->files;
    struct table_file *item;
    struct stat st;
    char *path;

    if (f->count == w->max_files)
        return errinfo_set(w->ei, E_PERMANENT, "table '%s' has more than %zu files", w->wanted,
                           w->max_files);
    path = resolve(w, name);
    if (path == NULL)
        return w->ei->code;
    if (stat(path, &st) < 0 || !S_ISREG(st.st_mode)) {
        free(path);
        return 0; /* gone meanwhile, or a pipe, a socket, ... */
    }
    if (strpbrk(path, "*?[") != NULL) {
        free(path);
        return errinfo_set(w->ei, E_INVALID, "file '%s': names with *, ? or [ cannot be read",
                           name);
    }
    f->items = mem_grow(f->items, &f->cap, f->count + 1, sizeof(*f->items));
    item = &f->items[f->count++];
    item->name = mem_strdup(name);
    item->path = path;
    item->table = mem_strdup(table);
    item->hive = mem_strdup(at->hive);
    item->format = format;
    item->size = st.st_size;
    item->mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
    item->ino = st.st_ino;
    return 0;
}

static int
visit_file(struct walk *w, const struct place *at, const char *entry, const char *name)
{
    enum table_format format;
    size_t stem;
    char *table;
    int rc = 0;

    if (!format_of(entry, &format, &stem))
        return 0;
    table = at->dir[0] != '\0' ? mem_strdup(at->table) : mem_strndup(entry, stem);
    if (is_name(table) && is_within(table, w->wanted) && may_read(w->globs, table)) {
        if (w->files != NULL)
            rc = add_file(w, at, name, table, format);
        else
            add_name(w, table);
    }
    free(table);
    return rc;
}

/* A link back to a folder above would make the walk endless. */
static bool
is_cycle(const struct walk *w, const struct place *at, const char *real)
{
    char *here = at->dir[0] != '\0' ? mem_printf("%s/%s", w->root, at->dir) : mem_strdup(w->root);
    char *here_real = realpath(here, NULL);
    size_t n = strlen(real);
    bool cycle = here_real == NULL ||
                 (strncmp(here_real, real, n) == 0 && (here_real[n] == '/' || here_real[n] == 0));

    free(here);
    free(here_real);
    return cycle;
}

static int
visit_folder(struct walk *w, const struct place *at, const char *entry, const char *name,
             bool is_link)
{
    struct place below = {
        .dir = name, .table = at->table, .hive = at->hive, .depth = at->depth + 1};
    const char *eq = strchr(entry, '=');
    char *table = NULL, *hive = NULL, *key = NULL, *real;
    bool cycle;
    int rc = 0;

    if (at->depth == DEPTH_MAX)
        return 0;
    if (eq != NULL && is_part(entry, (size_t)(eq - entry))) {
        key = mem_strndup(entry, (size_t)(eq - entry));
        below.hive = hive = join(at->hive, '/', key);
    } else if (is_name(entry)) {
        below.table = table = join(at->table, '.', entry);
    }
    if (is_within(below.table, w->wanted) || is_within(w->wanted, below.table)) {
        if (is_link) {
            real = resolve(w, name);
            cycle = real != NULL && is_cycle(w, at, real);
            if (real == NULL)
                rc = w->ei->code;
            free(real);
            if (rc < 0 || cycle)
                goto out;
        }
        rc = walk_folder(w, &below);
    }
out:
    free(table);
    free(hive);
    free(key);
    return rc;
}

static int
visit(struct walk *w, const struct place *at, int dir_fd, const char *entry)
{
    struct stat st;
    char *name;
    bool is_link;
    int rc = 0;

    if (fstatat(dir_fd, entry, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0; /* gone meanwhile */
    is_link = S_ISLNK(st.st_mode);
    if (is_link && fstatat(dir_fd, entry, &st, 0) < 0)
        return 0; /* leads nowhere */
    name = join(at->dir, '/', entry);
    if (S_ISDIR(st.st_mode))
        rc = visit_folder(w, at, entry, name, is_link);
    else if (S_ISREG(st.st_mode))
        rc = visit_file(w, at, entry, name);
    free(name);
    return rc;
}

static int
walk_folder(struct walk *w, const struct place *at)
{
    char *path = mem_printf("%s/%s", w->root, at->dir);
    DIR *dir = opendir(path);
    struct dirent *d;
    int rc = 0;

    free(path);
    if (dir == NULL) {
        if (errno == ENOENT)
            return 0;
        return errinfo_errno(w->ei, errno, "cannot list '%s' in the data folder", at->dir);
    }
    while (rc == 0 && (d = readdir(dir)) != NULL) {
        if (d->d_name[0] != '.' && d->d_name[0] != '_')
            rc = visit(w, at, dirfd(dir), d->d_name);
    }
    closedir(dir);
    return rc;
}

/* --- hints ----------------------------------------------------------------------------------- */

/* Levenshtein distance without regard to case, cut at the rows' length. */
static size_t
distance(const char *a, const char *b)
{
    size_t row[NAME_MAX_BYTES + 1];
    size_t n = strlen(b), diagonal, above, cost;

    if (n > NAME_MAX_BYTES || strlen(a) > NAME_MAX_BYTES)
        return SIZE_MAX;
    for (size_t j = 0; j <= n; j++)
        row[j] = j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < n; j++) {
            above = row[j + 1];
            cost = diagonal + (tolower((unsigned char)a[i]) != tolower((unsigned char)b[j]));
            if (above + 1 < cost)
                cost = above + 1;
            if (row[j] + 1 < cost)
                cost = row[j] + 1;
            diagonal = above;
            row[j + 1] = cost;
        }
    }
    return row[n];
}

static int
not_found(struct walk *w, const char *table)
{
    const char *best[3] = {NULL, NULL, NULL};
    size_t score[3] = {SIZE_MAX, SIZE_MAX, SIZE_MAX};
    size_t limit = strlen(table) / 3 + 1;
    struct buf hint = BUF_INIT(4 * NAME_MAX_BYTES);

    for (size_t i = 0; i < w->name_count; i++) {
        size_t d = distance(table, w->names[i]), at = 3;

        while (at > 0 && d < score[at - 1])
            at--;
        if (d > limit || at == 3)
            continue;
        for (size_t j = 2; j > at; j--) {
            best[j] = best[j - 1];
            score[j] = score[j - 1];
        }
        best[at] = w->names[i];
        score[at] = d;
    }
    for (size_t i = 0; i < 3 && best[i] != NULL; i++)
        buf_printf(&hint, "%s'%s'", i == 0 ? "; did you mean " : " or ", best[i]);
    errinfo_set(w->ei, E_NOT_FOUND, "unknown table '%s'%s", table, buf_str(&hint));
    buf_done(&hint);
    return E_NOT_FOUND;
}

static int
say_not_found(const struct walk *done, const char *table)
{
    struct walk w = {.root = done->root, .wanted = "", .globs = done->globs, .ei = done->ei};
    struct place top = {"", "", "", 0};
    int rc = walk_folder(&w, &top);

    /* Trouble elsewhere in the data folder is not the answer to this question. */
    (void)rc;
    rc = not_found(&w, table);
    for (size_t i = 0; i < w.name_count; i++)
        free(w.names[i]);
    free(w.names);
    return rc;
}

/* --- public ---------------------------------------------------------------------------------- */

static int
by_name(const void *a, const void *b)
{
    return strcmp(((const struct table_file *)a)->name, ((const struct table_file *)b)->name);
}

int
table_files_find(const char *root, const char *table, const char *const *globs, size_t max_files,
                 struct table_files *ret, struct errinfo *ei)
{
    struct errinfo own = ERRINFO_INIT;
    struct table_files found = {.table = mem_strdup(table)};
    struct walk w = {.root = root,
                     .wanted = table,
                     .globs = globs,
                     .max_files = max_files,
                     .files = &found,
                     .ei = ei != NULL ? ei : &own};
    struct place top = {"", "", "", 0};
    int rc;

    if (!is_name(table))
        rc = errinfo_set(w.ei, E_INVALID, "'%s' is not a table name", table);
    else
        rc = walk_folder(&w, &top);
    if (rc == 0 && found.count == 0)
        rc = say_not_found(&w, table);
    if (rc < 0) {
        table_files_done(&found);
        return rc;
    }
    qsort(found.items, found.count, sizeof(*found.items), by_name);
    *ret = found;
    return 0;
}

void
table_files_done(struct table_files *f)
{
    for (size_t i = 0; i < f->count; i++) {
        free(f->items[i].name);
        free(f->items[i].path);
        free(f->items[i].table);
        free(f->items[i].hive);
    }
    free(f->items);
    free(f->table);
    memset(f, 0, sizeof(*f));
}

static bool
is_path_part(const char *s)
{
    if (s == NULL || s[0] == '\0' || s[0] == '.')
        return false;
    for (; *s != '\0'; s++) {
        if (!isalnum((unsigned char)*s) && strchr("._@-", *s) == NULL)
            return false;
    }
    return true;
}

int
table_data_root(const char *configured, const char *domain, char **ret, struct errinfo *ei)
{
    static const char hole[] = "{domain}";
    const char *at = strstr(configured, hole);
    char *path;

    if (at != NULL && !is_path_part(domain))
        return errinfo_set(ei, E_INVALID, "domain '%s' cannot be the name of a data folder",
                           domain != NULL ? domain : "");
    if (at != NULL)
        path =
            mem_printf("%.*s%s%s", (int)(at - configured), configured, domain, at + strlen(hole));
    else
        path = mem_strdup(configured);
    *ret = realpath(path, NULL);
    free(path);
    if (*ret == NULL)
        return errinfo_errno(ei, errno, "the data folder (duckdb.data_dir) cannot be opened");
    return 0;
}
