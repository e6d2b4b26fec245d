#ifndef WORKER_ENCODE_CSV_ENCODER_H
#define WORKER_ENCODE_CSV_ENCODER_H

/*
 * Batches of columns -> CSV bytes, RFC 4180 with \n line ends: quotes only where needed (comma,
 * quote, CR, LF; an empty string is "" so that it differs from null, which is an empty field),
 * numbers in their shortest exact form, timestamps yyyy-MM-dd HH:mm:ss.SSS in the job's zone or
 * yyyy-MM-dd'T'HH:mm:ss.SSSZ.
 *
 * Options change the dialect: another delimiter (quotes follow it), a text for null (a value that
 * reads like it is quoted, so that the two stay apart), a guard against spreadsheets that take text
 * for formulas: a text value that begins with = + - @ tab or CR gets an apostrophe in front.
 *
 * Formats a column of the batch at a time into fields, then joins rows. One thread.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "worker/engine/engine.h"

struct csv_options {
    int tz_offset_min; /* minutes east of UTC added to timestamps */
    bool iso;          /* dateFormat=iso */
    char delimiter;    /* 0: comma. Not a letter, digit, quote or any of - + . : */
    const char *null;  /* NULL: empty. Without quote, delimiter, CR, LF; borrowed */
    bool formula_guard;
    bool bom; /* the header begins with the byte order mark of UTF-8 */
};

struct csv_encoder;

struct csv_encoder *csv_encoder_new(const struct csv_options *opt, size_t column_count);
void csv_encoder_free(struct csv_encoder *e);

/* The header row with its line end. */
void csv_encode_header(const struct csv_options *opt, const struct linq_column *columns, size_t n,
                       struct buf *out);

/* Appends rows [first, first + n) of the batch to out (out's ceiling must hold them). */
void csv_encode_rows(struct csv_encoder *e, const struct engine_batch *b, size_t first, size_t n,
                     struct buf *out);

/* Like csv_encode_rows, but stops behind the row with which out->len reaches stop_bytes: strings
 * may make a single batch larger than any block. Returns the rows appended, at least one where
 * n > 0; the offset of the last of them in out is in *ret_last_row_at (unchanged where n is 0). */
size_t csv_encode_until(struct csv_encoder *e, const struct engine_batch *b, size_t first, size_t n,
                        size_t stop_bytes, struct buf *out, size_t *ret_last_row_at);

#endif
