/* Null, choice, conversion, numbers, encodings. One row, one line where it fits; neighbours of one
 * name belong together. */
#include "common/linq/function_rows.h"

/* A function of one number that is null outside of where it is defined. */
#define WITHIN(cond, f) "CASE WHEN " cond " THEN " f "(CAST($1 AS DOUBLE)) END"

/* clang-format off */
const struct linq_func func_rows_value[] = {
    /* null and choice */
    SCALAR("isnull", "*", BOOL, "($1 IS NULL)"),
    SCALAR("isnotnull", "*", BOOL, "($1 IS NOT NULL)"),
    SCALAR("isempty", "s", BOOL, "($1 = '')"),
    SCALAR("isempty", "a", BOOL, "(len($1) = 0)"),
    SPECIAL("ifthenelse", "b*?*", LINQ_UNKNOWN, 0, SP_IFTHENELSE, ""),
    SPECIAL("decode", "***+", LINQ_UNKNOWN, 0, SP_DECODE, ""),

    /* conversion; text that is no such value gives null */
    SCALAR("int", "i", INT, "CAST($1 AS BIGINT)"),
    SCALAR("int", "f", INT, "TRY_CAST(trunc($1) AS BIGINT)"),
    SCALAR("int", "s", INT, "TRY_CAST(trunc(TRY_CAST($1 AS DECIMAL(38, 10))) AS BIGINT)"),
    SCALAR("int", "j", INT,
           "TRY_CAST(trunc(TRY_CAST(json_extract_string($1, '$') AS DECIMAL(38, 10))) AS BIGINT)"),
    SCALAR("int", "b", INT, "CAST($1 AS BIGINT)"),
    SCALAR("int", "t", INT, "epoch_ms(CAST($1 AS TIMESTAMP))"),
    SCALAR("int", "d", INT, "$1"),
    SCALAR("int", "p", INT, "$1"),
    SCALAR("float", "f", FLOAT, "CAST($1 AS DOUBLE)"),
    SCALAR("float", "s", FLOAT, "TRY_CAST($1 AS DOUBLE)"),
    SCALAR("float", "j", FLOAT, "TRY_CAST(json_extract_string($1, '$') AS DOUBLE)"),
    SCALAR("str", "j", STR, "json_extract_string($1, '$')"),
    SPECIAL("str", "*", STR, 0, SP_STR, ""),
    SCALAR("float4", "f", FLOAT, "CAST(TRY_CAST($1 AS FLOAT) AS DOUBLE)"),
    SCALAR("float4", "s", FLOAT, "CAST(TRY_CAST($1 AS FLOAT) AS DOUBLE)"),
    SCALAR("float8", "f", FLOAT, "CAST($1 AS DOUBLE)"),
    SCALAR("float8", "s", FLOAT, "TRY_CAST($1 AS DOUBLE)"),
    SCALAR("bool", "j", BOOL, "TRY_CAST(json_extract_string($1, '$') AS BOOLEAN)"),
    SCALAR("bool", "b", BOOL, "$1"),
    SCALAR("bool", "i", BOOL, "($1 <> 0)"),
    SCALAR("bool", "s", BOOL, "TRY_CAST($1 AS BOOLEAN)"),
    SCALAR("timestamp", "t", TS, "$1"),
    SCALAR("timestamp", "i", TS, "make_timestamp_ms($1)"),
    SCALAR("timestamp", "s", TS, "TRY_CAST($1 AS TIMESTAMP)"),
    SCALAR("duration", "d", DUR, "$1"),
    SCALAR("duration", "i", DUR, "CAST($1 AS BIGINT)"),

    /* numbers; what is not defined (log of 0, root of -1) is null */
    SCALAR("abs", "i", INT, "abs(CAST($1 AS BIGINT))"),
    SCALAR("abs", "f", FLOAT, "abs($1)"),
    SCALAR("round", "i", INT, "CAST($1 AS BIGINT)"),
    SCALAR("round", "f", FLOAT, "round(CAST($1 AS DOUBLE))"),
    SCALAR("round", "fi", FLOAT, "round(CAST($1 AS DOUBLE), " DIGITS("$2") ")"),
    SCALAR("floor", "i", INT, "CAST($1 AS BIGINT)"),
    SCALAR("floor", "f", FLOAT, "floor(CAST($1 AS DOUBLE))"),
    SCALAR("ceil", "i", INT, "CAST($1 AS BIGINT)"),
    SCALAR("ceil", "f", FLOAT, "ceil(CAST($1 AS DOUBLE))"),
    SCALAR("sqrt", "f", FLOAT, "CASE WHEN $1 >= 0 THEN sqrt(CAST($1 AS DOUBLE)) END"),
    SCALAR("log", "f", FLOAT, "CASE WHEN $1 > 0 THEN ln(CAST($1 AS DOUBLE)) END"),
    SCALAR("log2", "f", FLOAT, "CASE WHEN $1 > 0 THEN log2(CAST($1 AS DOUBLE)) END"),
    SCALAR("log10", "f", FLOAT, "CASE WHEN $1 > 0 THEN log10(CAST($1 AS DOUBLE)) END"),
    SCALAR("exp", "f", FLOAT, "exp(CAST($1 AS DOUBLE))"),
    SCALAR("pow", "ff", FLOAT, "pow(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"),
    SCALAR("signum", "f", INT, "CAST(sign($1) AS BIGINT)"),
    SCALAR("pi", "", FLOAT, "pi()"),
    SCALAR("e", "", FLOAT, "exp(1)"),

    SCALAR("sin", "f", FLOAT, WITHIN("isfinite(CAST($1 AS DOUBLE))", "sin")),
    SCALAR("cos", "f", FLOAT, WITHIN("isfinite(CAST($1 AS DOUBLE))", "cos")),
    SCALAR("tan", "f", FLOAT, WITHIN("isfinite(CAST($1 AS DOUBLE))", "tan")),
    SCALAR("asin", "f", FLOAT, WITHIN("CAST($1 AS DOUBLE) BETWEEN -1 AND 1", "asin")),
    SCALAR("acos", "f", FLOAT, WITHIN("CAST($1 AS DOUBLE) BETWEEN -1 AND 1", "acos")),
    SCALAR("atan", "f", FLOAT, "atan(CAST($1 AS DOUBLE))"),
    SCALAR("atan", "ff", FLOAT, "atan2(CAST($1 AS DOUBLE), CAST($2 AS DOUBLE))"),
    SCALAR("sinh", "f", FLOAT, "sinh(CAST($1 AS DOUBLE))"),
    SCALAR("cosh", "f", FLOAT, "cosh(CAST($1 AS DOUBLE))"),
    SCALAR("tanh", "f", FLOAT, "tanh(CAST($1 AS DOUBLE))"),
    SCALAR("cbrt", "f", FLOAT, "cbrt(CAST($1 AS DOUBLE))"),
    SCALAR("hex", "i", STR, "lower(to_hex(CAST($1 AS BIGINT)))"),

    /* arrays */
    SPECIAL("mkarray", "*+", LINQ_ARRAY, 0, SP_MKARRAY, "$1"),
    SPECIAL("mkset", "*+", LINQ_ARRAY, 0, SP_MKARRAY, "list_sort(list_distinct($1))"),
    SCALAR("size", "a", INT, "len($1)"),
    SCALAR("size", "j", INT,
           "CASE json_type($1) WHEN 'ARRAY' THEN CAST(json_array_length($1) AS BIGINT)"
           " WHEN 'OBJECT' THEN len(json_keys($1)) END"),
    SCALAR("sort", "a", RET_ARG1, "list_sort($1, 'ASC', 'NULLS LAST')"),
    SCALAR("dropnulls", "a", RET_ARG1, "list_filter($1, lambda x: x IS NOT NULL)"),
    SPECIAL("at0", "a", LINQ_UNKNOWN, 0, SP_ELEMENT, "($1)[1]"),
    SPECIAL("at1", "a", LINQ_UNKNOWN, 0, SP_ELEMENT, "($1)[2]"),
    SPECIAL("atend", "a", LINQ_UNKNOWN, 0, SP_ELEMENT, "($1)[-1]"),
    SCALAR("join", "aS", STR, "array_to_string($1, $2)"),

    /* JSON; a null of JSON is null */
    SCALAR("jsonparse", "s", LINQ_JSON, "TRY_CAST($1 AS JSON)"),
    SPECIAL("jqcompile", "S", LINQ_UNKNOWN, 0, SP_JQCOMPILE, ""),
    SPECIAL("jqeval", "qj", LINQ_JSON, 0, SP_JQEVAL,
            "nullif(json_extract($2, $1), CAST('null' AS JSON))"),
    SPECIAL("label", "jS", LINQ_JSON, 0, SP_LABEL,
            "nullif(json_extract($1, $2), CAST('null' AS JSON))"),
    SCALAR("keys", "j", ARR, "CASE WHEN json_type($1) = 'OBJECT' THEN json_keys($1) END"),
    SCALAR("values", "j", ARR,
           "CASE WHEN json_type($1) = 'OBJECT' THEN json_extract_string($1, '$.*') END"),

    /* bytes: shown, and compared with text, as lower-case hex */
    SCALAR("md5", "h", LINQ_BYTES, "unhex(md5($1))"),
    SCALAR("md5", "s", LINQ_BYTES, "unhex(md5($1))"),
    SCALAR("sha1", "h", LINQ_BYTES, "unhex(sha1($1))"),
    SCALAR("sha1", "s", LINQ_BYTES, "unhex(sha1($1))"),
    SCALAR("sha256", "h", LINQ_BYTES, "unhex(sha256($1))"),
    SCALAR("sha256", "s", LINQ_BYTES, "unhex(sha256($1))"),
    SCALAR("to16", "h", STR, "lower(hex($1))"),
    SCALAR("to16", "s", STR, "lower(hex(encode($1)))"),
    SCALAR("to64", "h", STR, "to_base64($1)"),
    SCALAR("to64", "s", STR, "to_base64(encode($1))"),
    SCALAR("from16", "s", LINQ_BYTES,
           "CASE WHEN regexp_full_match($1, '([0-9A-Fa-f]{2})*') THEN unhex($1) END"),
    SCALAR("from64", "s", LINQ_BYTES, "TRY(from_base64($1))"),
    SCALAR("toutf8", "s", LINQ_BYTES, "encode($1)"),
    SCALAR("fromutf8", "h", STR, "TRY(decode($1))"),
    {.name = NULL},
};
/* clang-format on */
