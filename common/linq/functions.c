#include "common/linq/functions.h"

#include "common/base/buf.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

/* A scalar function, an aggregate, one that is not exact; and one made by a handler. */
#define SCALAR(name, args, ret, duckdb)                                                            \
    {                                                                                              \
        name, args, ret, 0, SP_NONE,                                                               \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define AGG(name, args, ret, duckdb)                                                               \
    {                                                                                              \
        name, args, ret, FN_AGG, SP_NONE,                                                          \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define AGG_INEXACT(name, args, ret, duckdb)                                                       \
    {                                                                                              \
        name, args, ret, FN_AGG | FN_INEXACT, SP_NONE,                                             \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }
#define SPECIAL(name, args, ret, flags, special, duckdb)                                           \
    {                                                                                              \
        name, args, ret, flags, special,                                                           \
        {                                                                                          \
            duckdb, NULL                                                                           \
        }                                                                                          \
    }

#define BOOL  LINQ_BOOL
#define INT   LINQ_INT
#define FLOAT LINQ_FLOAT
#define STR   LINQ_STR
#define TS    LINQ_TIMESTAMP
#define DUR   LINQ_DURATION
#define ARR   LINQ_ARRAY

/* What trim takes away: the blanks of the language, not the space alone. */
#define BLANKS "E' \\t\\n\\r\\f\\x0b'"

/* Within what the engine takes as a position or a number of digits. */
#define POSITION(n) "least(greatest(" n ", 0), 2147483646)"
#define DIGITS(n)   "CAST(least(greatest(" n ", -400), 400) AS INTEGER)"

/* 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16 (RFC 1918) */
#define PRIVATE                                                                                    \
    "$1 BETWEEN 167772160 AND 184549375 OR $1 BETWEEN 2886729728 AND 2887778303"                   \
    " OR $1 BETWEEN 3232235520 AND 3232301055"
/* and 0.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 224.0.0.0/3 (RFC 6890) */
#define SPECIAL_USE                                                                                \
    " OR $1 BETWEEN 0 AND 16777215 OR $1 BETWEEN 1681915904 AND 1686110207"                        \
    " OR $1 BETWEEN 2130706432 AND 2147483647 OR $1 BETWEEN 2851995648 AND 2852061183"             \
    " OR $1 >= 3758096384"

/* a-z order within a group is not needed, neighbourhood of equal names is. clang-format off: one
 * row, one line. */
/* clang-format off */
static const struct linq_func FUNCS[] = {
    /* aggregates; sums and means of integers are exact, of floats they depend on the order */
    SPECIAL("count", "", INT, FN_AGG, SP_NONE, "count(*)"),
    AGG("count", "*", INT, "count($1)"),
    AGG("sum", "i", INT, "CAST(sum($1) AS BIGINT)"),
    AGG_INEXACT("sum", "f", FLOAT, "CAST(sum($1) AS DOUBLE)"),
    AGG("sum", "d", DUR, "CAST(sum($1) AS BIGINT)"),
    AGG("sum2", "i", FLOAT, "CAST(sum(CAST($1 AS HUGEINT) * $1) AS DOUBLE)"),
    AGG_INEXACT("sum2", "f", FLOAT, "CAST(sum(CAST($1 AS DOUBLE) * $1) AS DOUBLE)"),
    AGG("avg", "i", FLOAT, "avg($1)"),
    AGG_INEXACT("avg", "f", FLOAT, "avg($1)"),
    AGG("nnavg", "i", FLOAT, "avg($1)"),
    AGG_INEXACT("nnavg", "f", FLOAT, "avg($1)"),
    AGG("min", "*", RET_ARG1, "min($1)"),
    AGG("max", "*", RET_ARG1, "max($1)"),
    AGG_INEXACT("first", "*", RET_ARG1, "first($1)"),
    AGG_INEXACT("last", "*", RET_ARG1, "last($1)"),
    AGG_INEXACT("nnfirst", "*", RET_ARG1, "any_value($1)"),
    AGG_INEXACT("nnlast", "*", RET_ARG1, "last($1) FILTER (WHERE $1 IS NOT NULL)"),
    AGG("hllpp", "*", INT, "approx_count_distinct($1)"),
    AGG("hllppcount", "*", INT, "approx_count_distinct($1)"),
    AGG("median", "f", FLOAT, "CAST(median($1) AS DOUBLE)"),
    SPECIAL("percentile", "fN", FLOAT, FN_AGG, SP_PERCENTILE, ""),
    SPECIAL("percentile5", "f", FLOAT, FN_AGG, SP_PERCENTILE, "5"),
    SPECIAL("percentile10", "f", FLOAT, FN_AGG, SP_PERCENTILE, "10"),
    SPECIAL("percentile25", "f", FLOAT, FN_AGG, SP_PERCENTILE, "25"),
    SPECIAL("percentile75", "f", FLOAT, FN_AGG, SP_PERCENTILE, "75"),
    SPECIAL("percentile90", "f", FLOAT, FN_AGG, SP_PERCENTILE, "90"),
    SPECIAL("percentile95", "f", FLOAT, FN_AGG, SP_PERCENTILE, "95"),
    AGG_INEXACT("stddev", "f", FLOAT, "stddev_pop($1)"),
    AGG_INEXACT("nnstddev", "f", FLOAT, "stddev_pop($1)"),
    AGG_INEXACT("ustddev", "f", FLOAT, "stddev_samp($1)"),
    AGG_INEXACT("nnustddev", "f", FLOAT, "stddev_samp($1)"),
    AGG_INEXACT("var", "f", FLOAT, "var_pop($1)"),
    AGG_INEXACT("nnvar", "f", FLOAT, "var_pop($1)"),
    AGG_INEXACT("uvar", "f", FLOAT, "var_samp($1)"),
    AGG_INEXACT("nnuvar", "f", FLOAT, "var_samp($1)"),

    /* text; positions count from 0 */
    SCALAR("lower", "s", STR, "lower($1)"),
    SCALAR("upper", "s", STR, "upper($1)"),
    SCALAR("trim", "s", STR, "trim($1, " BLANKS ")"),
    SCALAR("ltrim", "s", STR, "ltrim($1, " BLANKS ")"),
    SCALAR("rtrim", "s", STR, "rtrim($1, " BLANKS ")"),
    SCALAR("length", "s", INT, "length($1)"),
    SCALAR("length", "a", INT, "len($1)"),
    SCALAR("substring", "si", STR, "substring($1, 1 + " POSITION("$2") ")"),
    SCALAR("substring", "sii", STR, "substring($1, 1 + " POSITION("$2") ", " POSITION("$3") ")"),
    SCALAR("startswith", "ss", BOOL, "starts_with($1, $2)"),
    SCALAR("endswith", "ss", BOOL, "suffix($1, $2)"),
    SCALAR("indexof", "ss", INT, "(instr($1, $2) - 1)"),
    SCALAR("reverse", "s", STR, "reverse($1)"),
    SCALAR("replace", "sss", STR,
           "regexp_replace($1, regexp_escape($2), replace($3, '\\', '\\\\'))"),
    SCALAR("replaceall", "sss", STR, "replace($1, $2, $3)"),
    SCALAR("split", "ss", ARR, "string_split($1, $2)"),
    SCALAR("split", "ssI", STR, "string_split($1, $2)[1 + $3]"),
    SCALAR("eqic", "ss", BOOL, "(lower($1) = lower($2))"),
    SCALAR("levenshtein", "ss", INT, "levenshtein($1, $2)"),

    /* regular expressions */
    SPECIAL("re", "S", LINQ_REGEX, 0, SP_RE, ""),
    SCALAR("peek", "sr", STR, "CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2) END"),
    SCALAR("peek", "srI", STR,
           "CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2, $3) END"),

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
    SCALAR("int", "b", INT, "CAST($1 AS BIGINT)"),
    SCALAR("int", "t", INT, "epoch_ms(CAST($1 AS TIMESTAMP))"),
    SCALAR("int", "d", INT, "$1"),
    SCALAR("int", "p", INT, "$1"),
    SCALAR("float", "f", FLOAT, "CAST($1 AS DOUBLE)"),
    SCALAR("float", "s", FLOAT, "TRY_CAST($1 AS DOUBLE)"),
    SPECIAL("str", "*", STR, 0, SP_STR, ""),
    SCALAR("bool", "b", BOOL, "$1"),
    SCALAR("bool", "i", BOOL, "($1 <> 0)"),
    SCALAR("bool", "s", BOOL, "TRY_CAST($1 AS BOOLEAN)"),
    SCALAR("timestamp", "t", TS, "$1"),
    SCALAR("timestamp", "i", TS, "make_timestamp_ms($1)"),
    SCALAR("timestamp", "s", TS, "TRY_CAST($1 AS TIMESTAMP)"),
    SCALAR("duration", "d", DUR, "$1"),
    SCALAR("duration", "i", DUR, "CAST($1 AS BIGINT)"),

    /* addresses; an address is a number inside the query and text outside */
    SCALAR("ip4", "p", LINQ_IP4, "$1"),
    SPECIAL("ip4", "s", LINQ_IP4, 0, SP_IP4, ""),
    SCALAR("ip4", "i", LINQ_IP4,
           "CASE WHEN $1 BETWEEN 0 AND 4294967295 THEN CAST($1 AS BIGINT) END"),
    SCALAR("isprivate", "p", BOOL, "(" PRIVATE ")"),
    SCALAR("ispublic", "p", BOOL, "(NOT (" PRIVATE SPECIAL_USE "))"),

    /* time; in UTC unless a zone is given */
    SPECIAL("now", "", TS, 0, SP_NOW, ""),
    SPECIAL("today", "", TS, 0, SP_DAY, "0"),
    SPECIAL("tomorrow", "", TS, 0, SP_DAY, "1"),
    SPECIAL("yesterday", "", TS, 0, SP_DAY, "-1"),
    SCALAR("epoch", "t", INT, "epoch_ms(CAST($1 AS TIMESTAMP))"),
    SPECIAL("formatdate", "tS?Z", STR, 0, SP_FORMATDATE, "strftime($L, $2)"),
    SCALAR("period", "td", TS,
           "time_bucket(to_milliseconds(CASE WHEN $2 > 0 THEN $2 END), "
           " CAST($1 AS TIMESTAMP), TIMESTAMP '1970-01-01 00:00:00')"),
    SCALAR("year", "t?Z", INT, "year($L)"),
    SCALAR("month", "t?Z", INT, "(month($L) - 1)"),
    SCALAR("day", "", DUR, "CAST(86400000 AS BIGINT)"),
    SCALAR("day", "t?Z", INT, "day($L)"),
    SCALAR("hour", "", DUR, "CAST(3600000 AS BIGINT)"),
    SCALAR("hour", "t?Z", INT, "hour($L)"),
    SCALAR("minute", "", DUR, "CAST(60000 AS BIGINT)"),
    SCALAR("minute", "t?Z", INT, "minute($L)"),
    SCALAR("second", "", DUR, "CAST(1000 AS BIGINT)"),
    SCALAR("second", "t?Z", INT, "second($L)"),
    SCALAR("millisecond", "", DUR, "CAST(1 AS BIGINT)"),
    SCALAR("millisecond", "t?Z", INT, "(millisecond($L) % 1000)"),
    SCALAR("dayofweek", "t?Z", INT, "dayofweek($L)"),
    SCALAR("dayofyear", "t?Z", INT, "dayofyear($L)"),

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

    /* digests, in lower-case hex; base64 */
    SCALAR("md5", "s", STR, "md5($1)"),
    SCALAR("sha1", "s", STR, "sha1($1)"),
    SCALAR("sha256", "s", STR, "sha256($1)"),
    SCALAR("to64", "s", STR, "to_base64(encode($1))"),
};
/* clang-format on */

static const struct func_op OPS[] = {
    {"eq", OP_EQ, 2},         {"ne", OP_NE, 2},        {"lt", OP_LT, 2},
    {"le", OP_LE, 2},         {"gt", OP_GT, 2},        {"ge", OP_GE, 2},
    {"and", OP_AND, 0},       {"or", OP_OR, 0},        {"not", OP_NOT, 1},
    {"has", OP_HAS, 2},       {"weakhas", OP_IHAS, 2}, {"in", OP_IN, 2},
    {"matches", OP_MATCH, 2}, {"nvl", OP_ELSE, 2},     {"add", OP_ADD, 2},
    {"sub", OP_SUB, 2},       {"mul", OP_MUL, 2},      {"div", OP_DIV, 2},
    {"rdiv", OP_RDIV, 2},     {"rem", OP_REM, 2},      {"mod", OP_MOD, 2},
    {"band", OP_BAND, 2},     {"bor", OP_BOR, 2},      {"bxor", OP_BXOR, 2},
    {"bnot", OP_BNOT, 1},     {"lshift", OP_SHL, 2},   {"rshift", OP_SHR, 2},
    {"urshift", OP_USHR, 2},  {"at", OP_AT, 2},
};

const struct linq_func *
func_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(FUNCS); i++)
        if (strcasecmp(FUNCS[i].name, name) == 0)
            return &FUNCS[i];
    return NULL;
}

const struct linq_func *
func_next(const struct linq_func *f)
{
    if (f + 1 == FUNCS + ARRAY_LEN(FUNCS) || strcmp(f[1].name, f->name) != 0)
        return NULL;
    return f + 1;
}

const struct func_op *
func_find_op(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(OPS); i++)
        if (strcasecmp(OPS[i].name, name) == 0)
            return &OPS[i];
    return NULL;
}

void
func_arity(const struct linq_func *first, int *ret_min, int *ret_max)
{
    int lo = INT_MAX, hi = 0;

    for (const struct linq_func *f = first; f != NULL; f = func_next(f)) {
        int n = 0, min = -1;

        for (const char *p = f->args; *p != '\0'; p++) {
            if (*p == '?')
                min = n;
            else if (*p != '+')
                n++;
        }
        if (min < 0)
            min = n;
        if (min < lo)
            lo = min;
        if (strchr(f->args, '+') != NULL)
            hi = INT_MAX;
        else if (n > hi)
            hi = n;
    }
    *ret_min = lo;
    *ret_max = hi;
}

static const char *
letter_name(char c)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = {
        {'b', "bool"},           {'i', "int"},           {'f', "number"},   {'s', "str"},
        {'t', "timestamp"},      {'d', "duration"},      {'p', "ip4"},      {'a', "array"},
        {'r', "re(...)"},        {'*', "any"},           {'S', "\"text\""}, {'I', "literal int"},
        {'N', "literal number"}, {'Z', "\"time zone\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].letter == c)
            return names[i].name;
    return "?";
}

char *
func_signature(struct arena *a, const struct linq_func *first)
{
    struct buf out = BUF_INIT(4096);
    char *ret;

    for (const struct linq_func *f = first; f != NULL; f = func_next(f)) {
        const char *sep = "";
        bool optional = false;

        buf_printf(&out, "%s%s(", f != first ? " or " : "", f->name);
        for (const char *p = f->args; *p != '\0'; p++) {
            if (*p == '?') {
                buf_puts(&out, "[");
                optional = true;
            } else if (*p == '+') {
                buf_puts(&out, ", ...");
            } else {
                buf_printf(&out, "%s%s", sep, letter_name(*p));
                sep = ", ";
            }
        }
        buf_puts(&out, optional ? "])" : ")");
    }
    ret = arena_strdup(a, buf_str(&out));
    buf_done(&out);
    return ret;
}

size_t
func_served_count(void)
{
    return ARRAY_LEN(FUNCS) + ARRAY_LEN(OPS);
}

const char *
func_served_name(const void *ctx UNUSED, size_t i)
{
    return i < ARRAY_LEN(FUNCS) ? FUNCS[i].name : OPS[i - ARRAY_LEN(FUNCS)].name;
}
