/* Functions of time. One row, one line where it fits; neighbours of one name belong together. */
#include "common/linq/function_rows.h"

/* clang-format off */
const struct linq_func func_rows_time[] = {
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
    SCALAR("minuteofday", "t?Z", INT, "(hour($L) * 60 + minute($L))"),
    SCALAR("secondofday", "t?Z", INT, "(hour($L) * 3600 + minute($L) * 60 + second($L))"),
    SCALAR("dayname", "t?Z", STR, "dayname($L)"),
    SCALAR("monthname", "t?Z", STR, "monthname($L)"),
    SCALAR("weekofyear", "t?Z", INT, "weekofyear($L)"),
    SCALAR("isleapyear", "i", BOOL, "($1 % 4 = 0 AND ($1 % 100 <> 0 OR $1 % 400 = 0))"),
    SCALAR("isleapyear", "t?Z", BOOL,
           "(year($L) % 4 = 0 AND (year($L) % 100 <> 0 OR year($L) % 400 = 0))"),
    SPECIAL("midnight", "t?Z", TS, 0, SP_MIDNIGHT, "date_trunc('day', $L)"),
    SPECIAL("parsedate", "sS?Z", TS, 0, SP_PARSEDATE, "try_strptime($1, $2)"),
    {.name = NULL},
};
/* clang-format on */
