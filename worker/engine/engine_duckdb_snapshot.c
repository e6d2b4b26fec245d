#include "worker/engine/engine_duckdb_files.h"

#include "common/base/json.h"

#include <inttypes.h>
#include <stdlib.h>

char *
snapshot_format(const struct table_files *tables, size_t count)
{
    struct buf out = BUF_INIT(SIZE_MAX / 4);
    struct json_writer w;
    char number[32];

    json_w_init(&w, &out);
    json_w_object(&w);
    for (size_t t = 0; t < count; t++) {
        json_w_key(&w, tables[t].table);
        json_w_array(&w);
        for (size_t i = 0; i < tables[t].count; i++) {
            const struct table_file *f = &tables[t].items[i];

            json_w_object(&w);
            json_w_kv_string(&w, "name", f->name);
            json_w_kv_int(&w, "size", f->size);
            snprintf(number, sizeof(number), "%" PRId64, f->mtime_ns);
            json_w_kv_string(&w, "mtime_ns", number);
            snprintf(number, sizeof(number), "%" PRIu64, f->ino);
            json_w_kv_string(&w, "ino", number);
            json_w_object_end(&w);
        }
        json_w_array_end(&w);
    }
    json_w_object_end(&w);
    return buf_take(&out);
}

static int
compare(const char *name, const struct json *stored, const struct table_file *f, struct errinfo *ei)
{
    char mtime[32], ino[32];

    snprintf(mtime, sizeof(mtime), "%" PRId64, f->mtime_ns);
    snprintf(ino, sizeof(ino), "%" PRIu64, f->ino);
    if (json_get_int(stored, "size", -1) != f->size)
        return errinfo_set(ei, E_CONFLICT,
                           "file '%s' has changed since the job began: %lld bytes then, %lld now",
                           name, (long long)json_get_int(stored, "size", -1), (long long)f->size);
    if (strcmp(json_get_string(stored, "mtime_ns", ""), mtime) != 0)
        return errinfo_set(ei, E_CONFLICT, "file '%s' was written since the job began", name);
    if (strcmp(json_get_string(stored, "ino", ""), ino) != 0)
        return errinfo_set(ei, E_CONFLICT, "file '%s' was replaced since the job began", name);
    return 0;
}

/* Removes the files that are not marked. */
static void
keep_marked(struct table_files *t, const bool *keep)
{
    struct table_files dropped = {.items = mem_alloc((t->count + 1) * sizeof(*t->items))};
    size_t kept = 0;

    for (size_t i = 0; i < t->count; i++) {
        if (keep[i])
            t->items[kept++] = t->items[i];
        else
            dropped.items[dropped.count++] = t->items[i];
    }
    t->count = kept;
    table_files_done(&dropped);
}

/* Both lists are sorted by name: one pass. */
static int
apply_table(const struct json *list, struct table_files *t, struct errinfo *ei)
{
    bool *keep = mem_zalloc(t->count * sizeof(*keep));
    const struct json *s;
    const char *name;
    size_t i = 0;
    int rc = 0;

    for (s = json_first(list); rc == 0 && s != NULL; s = json_next(s)) {
        name = json_get_string(s, "name", "");
        while (i < t->count && strcmp(t->items[i].name, name) < 0)
            i++;
        if (i == t->count || strcmp(t->items[i].name, name) != 0) {
            rc = errinfo_set(ei, E_CONFLICT, "file '%s' is gone since the job began", name);
        } else {
            keep[i] = true;
            rc = compare(name, s, &t->items[i++], ei);
        }
    }
    if (rc == 0)
        keep_marked(t, keep);
    free(keep);
    return rc;
}

int
snapshot_apply(const char *stored, struct table_files *tables, size_t count, struct errinfo *ei)
{
    struct json *root = NULL;
    const struct json *list;
    int rc = json_parse(stored, strlen(stored), &root, ei);

    if (rc < 0)
        return errinfo_set(ei, E_PERMANENT, "the job's stored list of files cannot be read");
    for (size_t t = 0; rc == 0 && t < count; t++) {
        list = json_get(root, tables[t].table);
        if (list == NULL || json_type(list) != JSON_ARRAY || json_count(list) == 0)
            rc = errinfo_set(ei, E_PERMANENT, "the job's stored list of files lacks table '%s'",
                             tables[t].table);
        else
            rc = apply_table(list, &tables[t], ei);
    }
    json_free(root);
    return rc;
}
