#include "worker/encode/csv_encoder.h"

#include "common/base/errinfo.h"
#include "worker/encode/csv_format.h"

#include <stdlib.h>

/*
 * Numbers and times are formatted a column at a time into cells of fixed size, for a slice of rows
 * that stays in the processor's cache; then the rows are joined from cells and strings. Strings go
 * straight from the engine's memory to the output and are checked for quoting on the way.
 */

#define SLICE_ROWS 128

/* Space behind a row that copies of whole words may touch. */
#define SLACK_BYTES 64

struct cell {
    char text[CSV_VALUE_BYTES];
    uint8_t len; /* 0 = null: no value has an empty form */
};

_Static_assert(sizeof(struct cell) == 48, "joining copies cells as 16 + 32 bytes");

struct csv_encoder {
    size_t column_count;
    struct csv_clock *clocks; /* one a column */
    struct cell *cells;       /* column by column, SLICE_ROWS each */
    struct buf row;           /* a row that does not safely fit the output */
    char delimiter;
    bool careful; /* null text or guard: values are looked at one by one */
    bool guard;
    const char *null;
    size_t null_len;
};

static char
delimiter_of(const struct csv_options *opt)
{
    return opt->delimiter != '\0' ? opt->delimiter : ',';
}

struct csv_encoder *
csv_encoder_new(const struct csv_options *opt, size_t column_count)
{
    struct csv_encoder *e = mem_zalloc(sizeof(*e));

    e->column_count = column_count;
    e->delimiter = delimiter_of(opt);
    e->guard = opt->formula_guard;
    e->null = opt->null != NULL ? opt->null : "";
    e->null_len = strlen(e->null);
    e->careful = e->guard || e->null_len > 0;
    e->clocks = mem_zalloc(column_count * sizeof(*e->clocks));
    for (size_t i = 0; i < column_count; i++)
        csv_clock_init(&e->clocks[i], opt->iso, opt->tz_offset_min);
    e->cells = mem_zalloc(column_count * SLICE_ROWS * sizeof(*e->cells));
    buf_init(&e->row, SIZE_MAX / 4);
    return e;
}

void
csv_encoder_free(struct csv_encoder *e)
{
    if (e == NULL)
        return;
    free(e->clocks);
    free(e->cells);
    buf_done(&e->row);
    free(e);
}

/* --- strings --------------------------------------------------------------------------------- */

/* Vector extension of gcc and clang: SSE2 and NEON from one text. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

static inline bytes16
is_special(bytes16 v, char delimiter)
{
    return (bytes16)((v == (uint8_t)delimiter) | (v == '"') | (v == '\n') | (v == '\r'));
}

static inline bytes16
copy_16(char *to, const char *from, char delimiter)
{
    bytes16 v;

    memcpy(&v, from, 16);
    memcpy(to, &v, 16);
    return is_special(v, delimiter);
}

/* Copies n >= 13 bytes without touching what lies behind them in the source. */
static inline bytes16
copy_far(char *to, const char *from, size_t n, char delimiter)
{
    bytes16 hit = {0}, v = {0};
    size_t i;

    if (n < 16) {
        memcpy(&v, from, 8);
        memcpy((char *)&v + 8, from + n - 8, 8);
        memcpy(to, from, 8);
        memcpy(to + n - 8, from + n - 8, 8);
        return is_special(v, delimiter);
    }
    for (i = 0; i + 16 <= n; i += 16)
        hit |= copy_16(to + i, from + i, delimiter);
    return hit | copy_16(to + n - 16, from + n - 16, delimiter);
}

static char *
put_quoted(char *p, const char *s, size_t n)
{
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (s[i] == '"')
            *p++ = '"';
        *p++ = s[i];
    }
    *p++ = '"';
    return p;
}

static bool
needs_quotes(const char *s, size_t n, char delimiter)
{
    if (n == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (s[i] == delimiter || s[i] == '"' || s[i] == '\n' || s[i] == '\r')
            return true;
    }
    return false;
}

static inline char *
put_string(char *p, const struct engine_str *s, char delimiter)
{
    size_t n = engine_str_len(s);
    bytes16 v = {0};
    words2 hit;

    if (n <= 12) {
        memcpy(&v, s->v.near.bytes, 12);
        memcpy(p, s->v.near.bytes, 12);
        hit = (words2)is_special(v, delimiter);
    } else {
        hit = (words2)copy_far(p, s->v.far.ptr, n, delimiter);
    }
    /* Bytes behind a short string may be anything, so a hit is only a reason to look closely. */
    if ((hit[0] | hit[1]) == 0 && n != 0)
        return p + n;
    if (needs_quotes(engine_str_data(s), n, delimiter))
        return put_quoted(p, engine_str_data(s), n);
    return p + n;
}

/* A value among texts for null and under the guard: what is compared and quoted is the field as it
 * is read back, apostrophe included. */
static char *
put_careful(const struct csv_encoder *e, char *p, const char *s, size_t n, bool text)
{
    bool guarded = e->guard && text && n > 0 && memchr("=+-@\t\r", s[0], 6) != NULL;
    size_t own = guarded ? 1 : 0;
    bool like_null = e->null_len == n + own && e->null_len > 0 &&
                     (!guarded || e->null[0] == '\'') && memcmp(e->null + own, s, n) == 0;
    char *begin = p;

    if (!like_null && !(text && needs_quotes(s, n, e->delimiter))) {
        if (guarded)
            *p++ = '\'';
        memcpy(p, s, n);
        return p + n;
    }
    p = put_quoted(p + own, s, n);
    if (guarded) {
        begin[0] = '"';
        begin[1] = '\'';
    }
    return p;
}

static char *
put_careful_string(const struct csv_encoder *e, char *p, const struct engine_str *s)
{
    return put_careful(e, p, engine_str_data(s), engine_str_len(s), true);
}

static char *
put_null(const struct csv_encoder *e, char *p)
{
    memcpy(p, e->null, e->null_len);
    return p + e->null_len;
}

/* --- columns --------------------------------------------------------------------------------- */

static inline bool
is_valid(const struct engine_column *col, size_t row)
{
    return col->validity == NULL || (col->validity[row / 64] >> (row % 64) & 1) != 0;
}

#define FORMAT_COLUMN(type, statement)                                                             \
    do {                                                                                           \
        const type *data = (const type *)col->data + first;                                        \
        for (size_t i = 0; i < n; i++) {                                                           \
            char *p = cells[i].text;                                                               \
            if (is_valid(col, first + i)) {                                                        \
                type v = data[i];                                                                  \
                p = (statement);                                                                   \
            }                                                                                      \
            cells[i].len = (uint8_t)(p - cells[i].text);                                           \
        }                                                                                          \
    } while (0)

struct i128 {
    uint64_t lower;
    int64_t upper;
};

static inline char *
put_bool(char *p, uint8_t v)
{
    memcpy(p, v != 0 ? "true" : "false", 5);
    return p + (v != 0 ? 4 : 5);
}

static void
format_column(const struct engine_column *col, size_t first, size_t n, struct csv_clock *clock,
              struct cell *cells)
{
    switch (col->kind) {
    case COL_BOOL:
        FORMAT_COLUMN(uint8_t, put_bool(p, v));
        break;
    case COL_I8:
        FORMAT_COLUMN(int8_t, csv_format_i64(p, v));
        break;
    case COL_I16:
        FORMAT_COLUMN(int16_t, csv_format_i64(p, v));
        break;
    case COL_I32:
        FORMAT_COLUMN(int32_t, csv_format_i64(p, v));
        break;
    case COL_I64:
    case COL_DURATION:
        FORMAT_COLUMN(int64_t, csv_format_i64(p, v));
        break;
    case COL_U8:
        FORMAT_COLUMN(uint8_t, csv_format_u64(p, v));
        break;
    case COL_U16:
        FORMAT_COLUMN(uint16_t, csv_format_u64(p, v));
        break;
    case COL_U32:
        FORMAT_COLUMN(uint32_t, csv_format_u64(p, v));
        break;
    case COL_U64:
        FORMAT_COLUMN(uint64_t, csv_format_u64(p, v));
        break;
    case COL_I128:
        FORMAT_COLUMN(struct i128, csv_format_i128(p, v.lower, v.upper));
        break;
    case COL_F32:
        FORMAT_COLUMN(float, csv_format_f32(p, v));
        break;
    case COL_F64:
        FORMAT_COLUMN(double, csv_format_f64(p, v));
        break;
    case COL_TIMESTAMP:
        FORMAT_COLUMN(int64_t, csv_format_timestamp(clock, p, v));
        break;
    case COL_DATE:
        FORMAT_COLUMN(int32_t, csv_format_date(p, v));
        break;
    case COL_IP4:
        FORMAT_COLUMN(uint32_t, csv_format_ip4(p, v));
        break;
    case COL_STR: /* joined from the engine's memory */
        break;
    }
}

/* --- rows ------------------------------------------------------------------------------------ */

/* The most bytes that a row can take: every string quoted, every character of it doubled. */
static size_t
row_bound(const struct csv_encoder *e, const struct engine_batch *b, size_t row)
{
    size_t n = e->column_count * (1 + sizeof("'") + e->null_len) + 1;

    for (size_t c = 0; c < e->column_count; c++) {
        const struct engine_column *col = &b->columns[c];

        if (col->kind != COL_STR)
            n += sizeof(struct cell);
        else if (is_valid(col, row))
            n += 2 * (size_t)engine_str_len((const struct engine_str *)col->data + row) + 2;
    }
    return n;
}

/* The row's columns with delimiters and the line end; up to SLACK_BYTES behind it are overwritten.
 * Inlined, so that the usual dialect is one loop with constants in it. */
static inline __attribute__((always_inline)) char *
join_with(const struct csv_encoder *e, const struct engine_batch *b, size_t row, size_t in_slice,
          char *p, char delimiter, bool careful)
{
    const struct cell *cell = e->cells + in_slice;

    for (size_t c = 0; c < e->column_count; c++, cell += SLICE_ROWS) {
        const struct engine_column *col = &b->columns[c];

        if (careful && !is_valid(col, row)) {
            p = put_null(e, p);
        } else if (col->kind == COL_STR && careful) {
            p = put_careful_string(e, p, (const struct engine_str *)col->data + row);
        } else if (col->kind == COL_STR) {
            if (is_valid(col, row))
                p = put_string(p, (const struct engine_str *)col->data + row, delimiter);
        } else if (careful) {
            p = put_careful(e, p, cell->text, cell->len, false);
        } else {
            memcpy(p, cell->text, 16);
            if (cell->len > 16)
                memcpy(p + 16, cell->text + 16, sizeof(cell->text) - 16);
            p += cell->len;
        }
        *p++ = delimiter;
    }
    p[-1] = '\n';
    return p;
}

static char *
join_row(const struct csv_encoder *e, const struct engine_batch *b, size_t row, size_t in_slice,
         char *p)
{
    if (e->careful)
        return join_with(e, b, row, in_slice, p, e->delimiter, true);
    if (e->delimiter == ',')
        return join_with(e, b, row, in_slice, p, ',', false);
    return join_with(e, b, row, in_slice, p, e->delimiter, false);
}

static void
put_row(struct csv_encoder *e, const struct engine_batch *b, size_t row, size_t in_slice,
        struct buf *out)
{
    size_t need = row_bound(e, b, row) + SLACK_BYTES;
    char *p;

    if (need <= out->max && out->len <= out->max - need) {
        p = buf_reserve(out, need);
        out->len += (size_t)(join_row(e, b, row, in_slice, p) - p);
        out->data[out->len] = '\0';
        return;
    }
    /* Near the ceiling: the bound may not fit where the row itself does. */
    buf_reset(&e->row);
    p = buf_reserve(&e->row, need);
    if (p == NULL) {
        out->failed = true;
        return;
    }
    buf_append(out, p, (size_t)(join_row(e, b, row, in_slice, p) - p));
}

size_t
csv_encode_until(struct csv_encoder *e, const struct engine_batch *b, size_t first, size_t n,
                 size_t stop_bytes, struct buf *out, size_t *ret_last_row_at)
{
    size_t slice, in_slice, encoded = 0;

    if (b->column_count != e->column_count)
        bug("batch of %zu columns, encoder of %zu", b->column_count, e->column_count);
    while (encoded < n) {
        slice = n - encoded < SLICE_ROWS ? n - encoded : SLICE_ROWS;
        for (size_t c = 0; c < e->column_count; c++)
            format_column(&b->columns[c], first + encoded, slice, &e->clocks[c],
                          e->cells + c * SLICE_ROWS);
        for (in_slice = 0; in_slice < slice; in_slice++) {
            *ret_last_row_at = out->len;
            put_row(e, b, first + encoded + in_slice, in_slice, out);
            if (out->len >= stop_bytes || out->failed)
                return encoded + in_slice + 1;
        }
        encoded += slice;
    }
    return encoded;
}

void
csv_encode_rows(struct csv_encoder *e, const struct engine_batch *b, size_t first, size_t n,
                struct buf *out)
{
    size_t last_row_at;

    csv_encode_until(e, b, first, n, SIZE_MAX, out, &last_row_at);
}

void
csv_encode_header(const struct csv_options *opt, const struct linq_column *columns, size_t n,
                  struct buf *out)
{
    char *p;

    if (opt->bom)
        buf_append(out, "\xef\xbb\xbf", 3);
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(columns[i].name);

        if (needs_quotes(columns[i].name, len, delimiter_of(opt))) {
            p = buf_reserve(out, 2 * len + 2);
            if (p == NULL)
                return;
            out->len += (size_t)(put_quoted(p, columns[i].name, len) - p);
        } else {
            buf_append(out, columns[i].name, len);
        }
        buf_putc(out, i + 1 < n ? delimiter_of(opt) : '\n');
    }
}
