/*
 * Functions of time, and aggregates, executed by the engine.
 */

#include "tests/unit/linq_duckdb_fixture.h"

static const struct pair TIME[] = {
    {"minuteofday(eventdate)", "date_diff('minute', TIMESTAMP '2019-01-01', eventdate)"},
    {"secondofday(eventdate)", "date_diff('second', TIMESTAMP '2019-01-01', eventdate)"},
    {"minuteofday(eventdate, \"GMT+1\")",
     "(date_diff('minute', TIMESTAMP '2019-01-01', eventdate) + 60) % 1440"},
    {"secondofday(eventdate, \"Europe/Madrid\")",
     "(date_diff('second', TIMESTAMP '2019-01-01', eventdate) + 3600) % 86400"},
    {"dayname(eventdate)", "'Tuesday'"},
    {"dayname(eventdate, \"GMT-12\")",
     "CASE WHEN eventdate < '2019-01-01 12:00:00' THEN 'Monday' ELSE 'Tuesday' END"},
    {"monthname(eventdate)", "'January'"},
    {"monthname(eventdate - 1d)", "'December'"},
    {"weekofyear(eventdate)", "1"},
    {"weekofyear(timestamp(\"2021-01-01\"))", "53"},
    {"weekofyear(timestamp(\"2020-12-27 23:30:00\"), \"GMT+1\")", "53"},
    {"isleapyear(2000)", "true"},
    {"isleapyear(1900)", "false"},
    {"isleapyear(2024)", "true"},
    {"isleapyear(eventdate)", "false"},
    {"isleapyear(timestamp(\"2019-12-31 23:30:00\"), \"GMT+1\")", "true"},
    {"isleapyear(null)", "NULL"},
    {"midnight(eventdate)", "TIMESTAMP '2019-01-01'"},
    {"midnight(eventdate, \"GMT+2\")",
     "CASE WHEN eventdate < '2019-01-01 22:00:00' THEN TIMESTAMP '2018-12-31 22:00:00' ELSE "
     "TIMESTAMP '2019-01-01 22:00:00' END"},
    {"midnight(timestamp(\"2019-07-01 12:00:00\"), \"Europe/Madrid\")",
     "TIMESTAMP '2019-06-30 22:00:00'"},
    {"midnight(null)", "NULL"},
    {"parsedate(\"2019-01-02 03:04:05.678\", \"YYYY-MM-DD HH:mm:ss.SSS\")",
     "TIMESTAMP '2019-01-02 03:04:05.678'"},
    {"parsedate(\"x\", \"YYYY\")", "NULL"},
    {"parsedate(\"02/01/19\", \"DD/MM/YY\")", "TIMESTAMP '2019-01-02'"},
    {"parsedate(\"2019-07-01\", \"YYYY-MM-DD\", \"Europe/Madrid\")",
     "TIMESTAMP '2019-06-30 22:00:00'"},
    {"parsedate(\"2019-07-01 10\", \"YYYY-MM-DD HH\", \"GMT-3\")",
     "TIMESTAMP '2019-07-01 13:00:00'"},
    {"parsedate(\"2019-13-01\", \"YYYY-MM-DD\")", "NULL"},
    {"parsedate(null, \"YYYY\")", "NULL"},
    {"parsedate(formatdate(eventdate, \"YYYY-MM-DD HH:mm:ss\", \"Europe/Madrid\"), \"YYYY-MM-DD "
     "HH:mm:ss\", \"Europe/Madrid\")",
     "eventdate"},
    {"dayofyear(timestamp(\"2020-12-31\"))", "366"},
    {"dayofweek(timestamp(\"2019-01-06\"))", "0"},
    {"millisecond(timestamp(\"2019-01-01 00:00:00.123\"))", "123"},
    {"epoch(timestamp(\"1969-12-31 23:59:59\"))", "-1000"},
    {"tomorrow() - yesterday()", "172800000"},
    {"day() + hour() + minute() + second() + millisecond()", "90061001"},
    {"period(eventdate, 15m)", "time_bucket(INTERVAL 15 MINUTE, eventdate)"},
    {"month(eventdate, \"GMT-12\")", "CASE WHEN hour(eventdate) < 12 THEN 11 ELSE 0 END"},
    {"year(eventdate, \"GMT-12\")", "CASE WHEN hour(eventdate) < 12 THEN 2018 ELSE 2019 END"},
    {"timestamp(\"2019-01-01 10:00:00\") - timestamp(\"2019-01-01\")", "36000000"},
};

static const struct pair TIME_REFUSED[] = {
    {"midnight(eventdate, \"Nowhere/Land\")", "does not fit"},
    {"parsedate(\"a\", \"QQ\")", "parsedate: 'QQ' is no part of a date"},
    {"weekofmonth(eventdate)", "not documented"},
};

static void
test_time(void **state UNUSED)
{
    pairs_hold(TIME, ARRAY_LEN(TIME));
    pairs_refused(TIME_REFUSED, ARRAY_LEN(TIME_REFUSED));
}

/* Aggregates beside SQL by hand, of groups by host. */
static const struct {
    const char *linq, *sql;
    bool exact;
} AGGREGATES[] = {
    {"sizedistinct(clientIpAddress)", "len(list_distinct(list(\"clientIpAddress\")))", true},
    {"sizedistinct(referralUri)", "count(DISTINCT \"referralUri\")", true},
    {"collectdistinct(method)", "to_json(list_sort(list_distinct(list(method))))", true},
    {"collectdistinct(statusCode)", "'[200,301,404,500,503]'", true},
    {"collectdistinct(flag)", "'[false,true]'", true},
    {"collectdistinct(ratio)", "to_json(list_sort(list_distinct(list(ratio))))", true},
    {"collectsorted(timeTaken)",
     "'[' || string_agg(\"timeTaken\"::VARCHAR, ',' ORDER BY \"timeTaken\") || ']'", true},
    {"size(collectsorted(referralUri))", "count(\"referralUri\")", true},
    {"size(collect(cookie))", "count(*)", false},
    {"join(sort(collect(cookie)), \",\")", "string_agg(cookie, ',' ORDER BY cookie)", false},
    {"at0(collectsorted(cookie))", "min(cookie)", true},
    {"atend(collectsorted(bytesTransferred))", "max(\"bytesTransferred\")", true},
    {"sum2(bytesTransferred)", "sum(\"bytesTransferred\" * \"bytesTransferred\")::DOUBLE", true},
    {"sum(eventdate - eventdate)", "0::BIGINT", true},
    {"percentile5(timeTaken)", "quantile_cont(\"timeTaken\", 0.05::DOUBLE)", true},
    {"percentile10(timeTaken)", "quantile_cont(\"timeTaken\", 0.1::DOUBLE)", true},
    {"percentile25(timeTaken)", "quantile_cont(\"timeTaken\", 0.25::DOUBLE)", true},
    {"percentile75(timeTaken)", "quantile_cont(\"timeTaken\", 0.75::DOUBLE)", true},
    {"percentile90(timeTaken)", "quantile_cont(\"timeTaken\", 0.9::DOUBLE)", true},
    {"round(stddev(timeTaken), 6)",
     "round(sqrt(avg(\"timeTaken\"::DOUBLE * \"timeTaken\") - pow(avg(\"timeTaken\"), 2)), 6)",
     false},
    {"round(uvar(timeTaken), 4)",
     "round((avg(\"timeTaken\"::DOUBLE * \"timeTaken\") - pow(avg(\"timeTaken\"), 2)) * count(*) / "
     "(count(*) - 1), 4)",
     false},
    {"round(nnvar(timeTaken), 4)",
     "round(avg(\"timeTaken\"::DOUBLE * \"timeTaken\") - pow(avg(\"timeTaken\"), 2), 4)", false},
    {"round(nnustddev(timeTaken), 6)",
     "round(sqrt((avg(\"timeTaken\"::DOUBLE * \"timeTaken\") - pow(avg(\"timeTaken\"), 2)) * "
     "count(*) / (count(*) - 1)), 6)",
     false},
    {"nnfirst(cookie)", "arg_min(cookie, eventdate)", false},
    {"nnlast(referralUri)",
     "arg_max(\"referralUri\", eventdate) FILTER (WHERE \"referralUri\" IS NOT NULL)", false},
    {"last(referralUri)", "arg_max_null(\"referralUri\", eventdate)", false},
    {"min(md5(cookie))", "min(md5(cookie))", true},
    {"hllpp(method)", "approx_count_distinct(method)", true},
};

static void
test_aggregates(void **state UNUSED)
{
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(AGGREGATES); i++) {
        struct buf query = BUF_INIT(4096), sql = BUF_INIT(4096);
        struct linq_sql s = {0};
        struct linq_error err;
        char *got, *want;

        buf_printf(&query, E "group by host select %s as v", AGGREGATES[i].linq);
        buf_printf(&sql, "SELECT host, %s" R "GROUP BY 1 ORDER BY 1", AGGREGATES[i].sql);
        if (translate(buf_str(&query), &BINDING, &s, &err) < 0)
            fail_msg("%s: %s", AGGREGATES[i].linq, err.msg);
        got = run(s.sql);
        want = run(buf_str(&sql));
        if (strcmp(got, want) != 0 || strncmp(got, "engine error", 12) == 0 ||
            s.exact != AGGREGATES[i].exact || s.class_ != LINQ_MATERIALISED) {
            print_error("%s (exact %d)\n  sql %s\n  got\n%.300s\n  want\n%.300s\n",
                        AGGREGATES[i].linq, s.exact, s.sql, got, want);
            failed++;
        }
        free(got);
        free(want);
        linq_sql_done(&s);
        buf_done(&query);
        buf_done(&sql);
    }
    assert_int_equal(failed, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_aggregates),
    };

    return cmocka_run_group_tests_name("linq_duckdb_time", tests, setup, teardown);
}
