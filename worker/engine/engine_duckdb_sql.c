#include "worker/engine/engine_duckdb_sql.h"

static void
put_quoted(struct buf *out, char quote, const char *s)
{
    buf_putc(out, quote);
    for (; *s != '\0'; s++) {
        if (*s == quote)
            buf_putc(out, quote);
        buf_putc(out, *s);
    }
    buf_putc(out, quote);
}

void
sql_put_name(struct buf *out, const char *name)
{
    put_quoted(out, '"', name);
}

void
sql_put_literal(struct buf *out, const char *text)
{
    put_quoted(out, '\'', text);
}

/* Files that one call of a reader can take: same format, same partition keys. */
static bool
same_group(const struct table_file *a, const struct table_file *b)
{
    return a->format == b->format && strcmp(a->hive, b->hive) == 0;
}

static bool
is_first_of_group(const struct table_files *f, size_t i)
{
    for (size_t j = 0; j < i; j++) {
        if (same_group(&f->items[j], &f->items[i]))
            return false;
    }
    return true;
}

static void
put_group(struct buf *out, const struct table_files *f, size_t first)
{
    static const char *const readers[] = {
        [TABLE_PARQUET] = "read_parquet", [TABLE_CSV] = "read_csv", [TABLE_NDJSON] = "read_ndjson"};
    const struct table_file *lead = &f->items[first];
    size_t n = 0;

    buf_printf(out, "SELECT * FROM %s([", readers[lead->format]);
    for (size_t i = first; i < f->count; i++) {
        if (!same_group(lead, &f->items[i]))
            continue;
        if (n++ > 0)
            buf_putc(out, ',');
        sql_put_literal(out, f->items[i].path);
    }
    buf_printf(out, "], hive_partitioning=%s", lead->hive[0] != '\0' ? "true" : "false");
    if (n > 1)
        buf_puts(out, ", union_by_name=true");
    if (lead->format == TABLE_CSV)
        buf_puts(out, ", header=true");
    buf_putc(out, ')');
}

void
sql_put_table(struct buf *out, const struct table_files *files)
{
    size_t groups = 0;

    for (size_t i = 0; i < files->count; i++) {
        /* Quadratic only in the number of groups: the first file of a group is found early. */
        if (!is_first_of_group(files, i))
            continue;
        if (groups++ > 0)
            buf_puts(out, " UNION ALL BY NAME ");
        put_group(out, files, i);
    }
}

/* "Conversion Error: Could not ..." -> behind the class word, where there is one. */
static const char *
skip_class(const char *msg)
{
    static const char mark[] = "Error: ";
    const char *at = strstr(msg, mark);

    if (at == NULL || at - msg > 40 || memchr(msg, '"', (size_t)(at - msg)) != NULL)
        return msg;
    return at + strlen(mark);
}

void
sql_error_words(const char *engine_msg, const char *data_root, char *ret, size_t size)
{
    const char *s = skip_class(engine_msg);
    size_t root = strlen(data_root), n = 0;
    const char *end = s + strcspn(s, "\n");
    const char *sql = strstr(s, "LINE 1:");

    if (sql != NULL && sql < end)
        end = sql;
    while (s < end && n + 1 < size) {
        if (root > 1 && strncmp(s, data_root, root) == 0 && s[root] == '/') {
            s += root + 1;
            continue;
        }
        ret[n++] = *s++;
    }
    while (n > 0 && (ret[n - 1] == ' ' || ret[n - 1] == '.'))
        n--;
    ret[n] = '\0';
}
