#include "common/linq/dialect.h"

#include "common/linq/civil.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A name in double quotes, a text in single ones; the quote is doubled inside and nothing else has
 * a meaning there. */
static void
quoted(struct buf *out, const char *s, char quote)
{
    buf_putc(out, quote);
    for (; *s != '\0'; s++) {
        if (*s == quote)
            buf_putc(out, quote);
        buf_putc(out, *s);
    }
    buf_putc(out, quote);
}

static void
ident(struct buf *out, const char *name)
{
    quoted(out, name, '"');
}

static void
text(struct buf *out, const char *s)
{
    quoted(out, s, '\'');
}

/* The shortest form that reads back the same, always with an exponent: 1.5 would be a DECIMAL,
 * 1.5e0 is a DOUBLE. */
static void
real(struct buf *out, double d)
{
    char tmp[40];

    for (int digits = 15; digits <= 17; digits++) {
        snprintf(tmp, sizeof(tmp), "%.*g", digits, d);
        if (!(strtod(tmp, NULL) < d) && !(strtod(tmp, NULL) > d))
            break;
    }
    buf_puts(out, tmp);
    if (strchr(tmp, 'e') == NULL)
        buf_puts(out, "e0");
}

static void
timestamp(struct buf *out, int64_t ms)
{
    struct civil c = civil_from_ms(ms);

    buf_printf(out, "TIMESTAMP '%04d-%02d-%02d %02d:%02d:%02d", c.year, c.month, c.day, c.hour,
               c.minute, c.second);
    if (c.ms != 0)
        buf_printf(out, ".%03d", c.ms);
    buf_putc(out, '\'');
}

#define OCTET      "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|0{0,2}[0-9]|0?[1-9][0-9])"
#define PART(n, w) "CAST(split_part($1, '.', " n ") AS BIGINT) * " w

/* clang-format off */
const struct dialect dialect_duckdb = {
    .name = "DuckDB",
    .ident = ident,
    .text = text,
    .real = real,
    .time = timestamp,
    .null_text = "CAST(NULL AS VARCHAR)",
    .forms = {
        [FORM_BIGINT] = "CAST($1 AS BIGINT)",
        [FORM_DOUBLE] = "CAST($1 AS DOUBLE)",
        [FORM_TEXT] = "CAST($1 AS VARCHAR)",
        [FORM_TEXT_OF_TIME] = "strftime(CAST($1 AS TIMESTAMP), '%Y-%m-%d %H:%M:%S.%g')",
        [FORM_TEXT_OF_IP] =
            "(($1 >> 24) || '.' || (($1 >> 16) & 255) || '.' || (($1 >> 8) & 255) || '.' ||"
            " ($1 & 255))",
        [FORM_TEXT_OF_ARRAY] = "CAST(to_json($1) AS VARCHAR)",
        [FORM_TEXT_OF_BYTES] = "lower(hex($1))",
        [FORM_BYTES_OF_TEXT] =
            "CASE WHEN regexp_full_match($1, '([0-9A-Fa-f]{2})*') THEN unhex($1) END",
        [FORM_NUMBER_OF_TEXT] = "TRY_CAST($1 AS DECIMAL(38, 6))",
        [FORM_TIME_OF_TEXT] = "TRY_CAST($1 AS TIMESTAMP)",
        [FORM_IP_OF_TEXT] =
            "CASE WHEN regexp_full_match($1, '(" OCTET "\\.){3}" OCTET "') THEN "
            PART("1", "16777216") " + " PART("2", "65536") " + " PART("3", "256") " + "
            PART("4", "1") " END",
        [FORM_BOOL_OF_TEXT] = "TRY_CAST($1 AS BOOLEAN)",
        [FORM_TIME] = "CAST($1 AS TIMESTAMP)",
        [FORM_NOT] = "(NOT $1)",
        [FORM_EQ] = "$1 = $2",
        [FORM_NE] = "$1 <> $2",
        [FORM_LT] = "$1 < $2",
        [FORM_LE] = "$1 <= $2",
        [FORM_GT] = "$1 > $2",
        [FORM_GE] = "$1 >= $2",
        [FORM_BETWEEN] = "$1 BETWEEN $2 AND $3",
        [FORM_ELSE] = "coalesce($1, $2)",
        [FORM_HAS] = "contains($1, $2)",
        [FORM_IHAS] = "contains(lower($1), lower($2))",
        [FORM_ARRAY_HAS] = "list_contains($1, $2)",
        [FORM_MATCH] = "regexp_matches($1, $2)",
        /* A bare IN becomes a semi join, which the engine may turn around when the other side is
         * larger: the rows then come in the order of the subquery. Inside another expression it
         * stays a join that marks the rows and keeps their order. */
        [FORM_IN_ROWS] = "coalesce($1 IN (SELECT t.$3 FROM ($2) AS t WHERE t.$3 IS NOT NULL), NULL)",
        [FORM_IN_TUPLES] = "CASE WHEN $5 THEN $1 IN (SELECT $3 FROM ($2) AS t WHERE $4) END",
        [FORM_NOT_NULL] = "$1 IS NOT NULL",
        [FORM_ADD] = "($1 + $2)",
        [FORM_SUB] = "($1 - $2)",
        [FORM_MUL] = "($1 * $2)",
        [FORM_IDIV] = "($1 // $2)",
        [FORM_RDIV] = "(CAST($1 AS DOUBLE) / nullif($2, 0))",
        [FORM_REM] = "($1 % nullif($2, 0))",
        [FORM_MOD] = "((($1 % nullif($2, 0)) + $2) % nullif($2, 0))",
        [FORM_NEG] = "(- $1)",
        [FORM_BAND] = "($1 & $2)",
        [FORM_BOR] = "($1 | $2)",
        [FORM_BXOR] = "xor($1, $2)",
        [FORM_BNOT] = "(~ $1)",
        /* through BIT, since << of a BIGINT fails on a negative number and on overflow */
        [FORM_SHL] = "CAST(CAST($1 AS BIT) << CAST($2 & 63 AS INTEGER) AS BIGINT)",
        [FORM_SHR] = "($1 >> ($2 & 63))",
        [FORM_USHR] = "CAST(CAST($1 AS BIT) >> CAST($2 & 63 AS INTEGER) AS BIGINT)",
        /* || with a null constant has no type of its own */
        [FORM_CONCAT] = "CAST($1 || $2 AS VARCHAR)",
        [FORM_AT] = "($1)[CASE WHEN $2 >= 0 THEN 1 + $2 END]",
        [FORM_TIME_ADD] = "(CAST($1 AS TIMESTAMP) + to_milliseconds($2))",
        [FORM_TIME_SUB] = "(CAST($1 AS TIMESTAMP) - to_milliseconds($2))",
        [FORM_TIME_DIFF] = "(epoch_ms(CAST($1 AS TIMESTAMP)) - epoch_ms(CAST($2 AS TIMESTAMP)))",
        [FORM_BUCKET] = "time_bucket(to_milliseconds($1), CAST($2 AS TIMESTAMP), $3)",
        [FORM_IN_ZONE] = "timezone($2, timezone('UTC', CAST($1 AS TIMESTAMP)))",
        [FORM_IN_OFFSET] = "(CAST($1 AS TIMESTAMP) + to_milliseconds($2))",
        [FORM_FROM_ZONE] = "timezone('UTC', timezone($2, CAST($1 AS TIMESTAMP)))",
        [FORM_QUANTILE] = "CAST(quantile_cont($1, $2) AS DOUBLE)",
        [FORM_ASC] = "$1 ASC NULLS LAST",
        [FORM_DESC] = "$1 DESC NULLS LAST",
    },
};
/* clang-format on */
