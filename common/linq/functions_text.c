/* Functions of text. One row, one line where it fits; neighbours of one name belong together. */
#include "common/linq/function_rows.h"

/* What trim takes away: the blanks of the language, not the space alone. */
#define BLANKS "E' \\t\\n\\r\\f\\x0b'"

/* Distances count characters, the engine's functions bytes: the characters of both texts are
 * mapped to ASCII ones where some are wider. More than 127 different ones have no such map. */
#define CHARS "list_aggregate(list_distinct(string_split($1 || $2, '')), 'string_agg', '')"
#define ASCII_MAP                                                                                  \
    "array_to_string(list_transform(range(1, 128), lambda c: chr(CAST(c AS INTEGER))), '')"
#define NARROW(s) "translate(" s ", " CHARS ", " ASCII_MAP ")"
#define DISTANCE(f)                                                                                \
    "CASE WHEN strlen($1) = length($1) AND strlen($2) = length($2) THEN " f "($1, $2)"             \
    " WHEN length(" CHARS ") <= 127 THEN " f "(" NARROW("$1") ", " NARROW("$2") ") END"

/* A token is a run of anything but ASCII's blanks, signs and control characters. */
#define APART      "[\\x00-/:-@\\[-`{-\\x7f]"
#define LEFT_EDGE  "CASE WHEN regexp_matches($2, '^" APART "') THEN '' ELSE '(?:^|" APART ")' END"
#define RIGHT_EDGE "CASE WHEN regexp_matches($2, '" APART "$') THEN '' ELSE '(?:" APART "|$)' END"
#define TOKEN(l, r, flags)                                                                         \
    "($2 <> '' AND regexp_matches($1, " l " || regexp_escape($2) || " r ", '" flags "'))"
#define OPEN(n, edge) "CASE WHEN " n " THEN '' ELSE " edge " END"
#define TOKEN_ROWS(name, flags)                                                                    \
    SCALAR(name, "ss", BOOL, TOKEN(LEFT_EDGE, RIGHT_EDGE, flags)),                                 \
        SCALAR(name, "ssb", BOOL, TOKEN(OPEN("$3", LEFT_EDGE), RIGHT_EDGE, flags)),                \
        SCALAR(name, "ssbb", BOOL, TOKEN(OPEN("$3", LEFT_EDGE), OPEN("$4", RIGHT_EDGE), flags))

/* clang-format off */
const struct linq_func func_rows_text[] = {
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
    SCALAR("levenshtein", "ss", INT, DISTANCE("levenshtein")),
    SCALAR("damerau", "ss", INT, DISTANCE("damerau_levenshtein")),
    SCALAR("hamming", "ss", INT,
           "CASE WHEN $1 = '' AND $2 = '' THEN 0 WHEN length($1) = length($2) THEN "
           DISTANCE("hamming") " END"),
    SCALAR("shannonentropy", "s", FLOAT, "list_aggregate(string_split($1, ''), 'entropy')"),
    TOKEN_ROWS("toktains", "c"),
    TOKEN_ROWS("weaktoktains", "i"),

    /* regular expressions */
    SPECIAL("re", "S", LINQ_REGEX, 0, SP_RE, ""),
    SCALAR("peek", "sr", STR, "CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2) END"),
    SCALAR("peek", "srI", STR,
           "CASE WHEN regexp_matches($1, $2) THEN regexp_extract($1, $2, $3) END"),
    SCALAR("splitre", "sr", ARR, "string_split_regex($1, $2)"),
    SCALAR("splitre", "srI", STR, "string_split_regex($1, $2)[1 + $3]"),
    SPECIAL("template", "S", LINQ_UNKNOWN, 0, SP_TEMPLATE, ""),
    SPECIAL("subs", "srm", STR, 0, SP_SUBS, "regexp_replace($1, $2, $3)"),
    SPECIAL("subs", "srms", STR, 0, SP_SUBS,
            "CASE WHEN regexp_matches($1, $2) THEN regexp_replace($1, $2, $3) ELSE $4 END"),
    SPECIAL("subsall", "srm", STR, 0, SP_SUBS, "regexp_replace($1, $2, $3, 'g')"),
    SPECIAL("subsall", "srms", STR, 0, SP_SUBS,
            "CASE WHEN regexp_matches($1, $2) THEN regexp_replace($1, $2, $3, 'g') ELSE $4 END"),
    {.name = NULL},
};
/* clang-format on */
