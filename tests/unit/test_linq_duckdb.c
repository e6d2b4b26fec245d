/*
 * Translations executed by the engine: each query of the language beside SQL written by hand, over
 * one small table; the rows must be the same in the same order. Every row of the table of examples
 * of the language is here.
 */

#include "tests/unit/linq_duckdb_fixture.h"

#define ROW LINQ_ROW_WISE
#define MAT LINQ_MATERIALISED

static const struct {
    const char *query, *sql;
    enum linq_class class_;
    bool exact;
    const char *columns; /* name:type ..., NULL: not looked at */
    int time_index;
} CASES[] = {
    /* the table of examples */
    {"from demo.ecommerce.data", "SELECT *" R, ROW, true, NULL, 0},
    {E "select *", "SELECT *" R, ROW, true, NULL, 0},
    {E "select eventdate, statusCode, uri", "SELECT eventdate, \"statusCode\", uri" R, ROW, true,
     "eventdate:timestamp statusCode:int uri:str", 0},
    {E "where statusCode >= 500 select eventdate, clientIpAddress as client, statusCode",
     "SELECT eventdate, \"clientIpAddress\", \"statusCode\"" R "AND \"statusCode\" >= 500", ROW,
     true, "eventdate:timestamp client:str statusCode:int", 0},
    {E "where statusCode = 404, method = \"GET\"",
     "SELECT *" R "AND \"statusCode\" = 404 AND method = 'GET'", ROW, true, NULL, 0},
    {"select eventdate, uri from demo.ecommerce.data where uri -> \"GIFTS\"",
     "SELECT eventdate, uri" R "AND uri LIKE '%GIFTS%'", ROW, true, NULL, 0},
    {E "where uri ->> \"gifts\" and not userAgent -> \"bot\"",
     "SELECT *" R "AND uri ILIKE '%gifts%' AND \"userAgent\" NOT LIKE '%bot%'", ROW, true, NULL, 0},
    {E "where method in {\"POST\", \"PUT\"}",
     "SELECT *" R "AND (method = 'POST' OR method = 'PUT')", ROW, true, NULL, 0},
    {E "where ip4(clientIpAddress) in 10.0.0.0/8",
     "SELECT *" R "AND \"clientIpAddress\" LIKE '10.%'", ROW, true, NULL, 0},
    {E "where 400 <= statusCode < 500 select count() as n",
     "SELECT count(*)" R "AND \"statusCode\" BETWEEN 400 AND 499", MAT, true, "n:int", -1},
    {E "group every 5m by statusCode select count() as n",
     "SELECT to_timestamp(epoch(eventdate)::BIGINT // 300 * 300)::TIMESTAMP, \"statusCode\", "
     "count(*)" R "GROUP BY 1, 2 ORDER BY 1, 2",
     MAT, true, "eventdate:timestamp statusCode:int n:int", 0},
    {E "group by method, statusCode select count() as n, avg(timeTaken) as mean, "
       "percentile(timeTaken, 99) as p99",
     "SELECT method, \"statusCode\", count(*), sum(\"timeTaken\") / count(*), "
     "quantile_cont(\"timeTaken\", 0.99::DOUBLE)" R "GROUP BY 1, 2 ORDER BY 1, 2",
     MAT, true, "method:str statusCode:int n:int mean:float p99:float", -1},
    {E "group every 1h by host select hllppcount(clientIpAddress) as clients where clients > 5",
     "SELECT * FROM (SELECT date_trunc('hour', eventdate) h, host, "
     "approx_count_distinct(\"clientIpAddress\") c" R "GROUP BY 1, 2) WHERE c > 5 ORDER BY 1, 2",
     MAT, true, "eventdate:timestamp host:str clients:int", 0},
    {E "select peek(uri, re(\"category_id=([A-Z]+)\"), 1) as category group by category select "
       "count() as n",
     "SELECT CASE WHEN uri LIKE '%GIFTS' THEN 'GIFTS' WHEN uri LIKE '%TEDDY' THEN 'TEDDY' END c, "
     "count(*)" R "GROUP BY 1 ORDER BY 1 NULLS LAST",
     MAT, true, "category:str n:int", -1},
    {E "select ifthenelse(statusCode >= 400, \"bad\", \"good\") as outcome group every 10m by "
       "outcome select count() as n",
     "SELECT time_bucket(INTERVAL 10 MINUTE, eventdate) b, CASE WHEN \"statusCode\" >= 400 THEN "
     "'bad' "
     "ELSE 'good' END o, count(*)" R "GROUP BY 1, 2 ORDER BY 1, 2",
     MAT, true, NULL, 0},
    {E "group by clientIpAddress select count() as hits group select avg(hits) as mean_hits, "
       "max(hits) as most",
     "SELECT avg(n), max(n) FROM (SELECT count(*) n" R "GROUP BY \"clientIpAddress\")", MAT, true,
     "mean_hits:float most:int", -1},
    {E "where clientIpAddress in (from demo.ecommerce.data where statusCode = 500 group by "
       "clientIpAddress select clientIpAddress)",
     "SELECT *" R "AND \"clientIpAddress\" IN (SELECT \"clientIpAddress\"" R
     "AND \"statusCode\" = 500)",
     ROW, true, NULL, 0},
    {E "select epoch(eventdate) as t, formatdate(eventdate, \"YYYY-MM-DD\") as day, "
       "bytesTransferred / 1024 as kib, bytesTransferred \\ 1024 as kib_exact",
     "SELECT epoch(eventdate)::BIGINT * 1000, CAST(CAST(eventdate AS DATE) AS VARCHAR), "
     "floor(\"bytesTransferred\" / 1024)::BIGINT, \"bytesTransferred\" / 1024" R,
     ROW, true, "t:int day:str kib:int kib_exact:float", -1},
    {E "where isnotnull(referralUri) select split(referralUri, \"=\", 1) as term limit 100",
     "SELECT regexp_extract(\"referralUri\", 'q=([0-9])', 1)" R
     "AND \"referralUri\" IS NOT NULL LIMIT 100",
     ROW, true, "term:str", -1},
    {E "where eventdate >= now() - 1h pragma comment.user:\"someone\"",
     "SELECT *" R "AND eventdate >= '2019-01-01 22:40:00'", ROW, true, NULL, 0},
    {E "where userAgent ~ re(\"(?i)firefox/[0-9]+\")",
     "SELECT *" R "AND \"userAgent\" LIKE '%Firefox/6%'", ROW, true, NULL, 0},
    {E "select decode(method, \"GET\", \"read\", \"POST\", \"write\", \"other\") as kind group by "
       "kind every -  select sum(bytesTransferred) as bytes",
     "SELECT CASE method WHEN 'GET' THEN 'read' WHEN 'POST' THEN 'write' ELSE 'other' END k, "
     "sum(\"bytesTransferred\")" R "GROUP BY 1 ORDER BY 1",
     MAT, true, "kind:str bytes:int", -1},

    /* clauses as a pipeline */
    {E "select method select uri", "SELECT method, uri" R, ROW, true, "method:str uri:str", -1},
    {E "select *, length(uri) as n", "SELECT *, length(uri)" R, ROW, true, NULL, 0},
    {E "select lower(method) as method where method = \"get\" select uri",
     "SELECT lower(method), uri" R "AND method = 'GET'", ROW, true, "method:str uri:str", -1},
    {E "where method = \"GET\" select lower(method) as method, length(method) as n",
     "SELECT 'get', 3" R "AND method = 'GET'", ROW, true, NULL, -1},
    {E "select uri limit 10 where statusCode = 200",
     "SELECT uri FROM (SELECT *" R "LIMIT 10) WHERE \"statusCode\" = 200", ROW, true, NULL, -1},
    {E "select uri offset 5 limit 10", "SELECT uri" R "LIMIT 10 OFFSET 5", ROW, true, NULL, -1},
    {E "select uri limit 10 offset 5", "SELECT uri" R "LIMIT 5 OFFSET 5", ROW, true, NULL, -1},
    {E "group by host select count()", "SELECT host, count(*)" R "GROUP BY 1 ORDER BY 1", MAT, true,
     "host:str count():int", -1},
    {E "group by host select count( ) where count() > 135",
     "SELECT host, count(*) n" R "GROUP BY 1 HAVING n > 135 ORDER BY 1", MAT, true,
     "host:str count():int", -1},
    {E "group by host, method select count() as n, host",
     "SELECT count(*), host" R "GROUP BY host, method ORDER BY host, method", MAT, true,
     "n:int host:str", -1},
    {E "group by host where round(avg(timeTaken)) > 490 select round(avg(timeTaken)) + 1 as a",
     "SELECT host, round(avg(\"timeTaken\")) + 1" R
     "GROUP BY 1 HAVING round(avg(\"timeTaken\")) > 490 ORDER BY 1",
     MAT, true, "host:str a:float", -1},
    {E "group by lower(method) select count() as n where lower(method) = \"get\"",
     "SELECT lower(method), count(*) n" R "AND method = 'GET' GROUP BY 1", MAT, true,
     "lower(method):str n:int", -1},
    {E "group every 1h by host select count() as n group every 1d select count() as pairs, sum(n) "
       "as s",
     "SELECT TIMESTAMP '2019-01-01', count(*), sum(n)::BIGINT FROM (SELECT "
     "date_trunc('hour', eventdate), host, count(*) n" R "GROUP BY 1, 2)",
     MAT, true, "eventdate:timestamp pairs:int s:int", 0},
    {E "group every 5m by host every 1h select count() as n",
     "SELECT date_trunc('hour', eventdate), host, count(*)" R "GROUP BY 1, 2 ORDER BY 1, 2", MAT,
     true, NULL, 0},
    {E "group select count() as n, sum(bytesTransferred) as s where n > 100000",
     "SELECT 1, 2 WHERE false", MAT, true, "n:int s:int", -1},
    {E "where statusCode = 1 group select count() as n, max(uri) as m", "SELECT 0, NULL", MAT, true,
     NULL, -1},
    {E "where statusCode = 1 group by host select count() as n", "SELECT 0, NULL WHERE false", MAT,
     true, NULL, -1},
    {E "group by 1 as one, \"x\" as x select count() as n", "SELECT 1, 'x', count(*)" R, MAT, true,
     "one:int x:str n:int", -1},
    {E "group by host limit 2 select count() as n",
     "SELECT host, count(*)" R "GROUP BY 1 ORDER BY 1 LIMIT 2", MAT, true, NULL, -1},
    {E "group by clientIpAddress select count() as n order by n desc limit 5",
     "SELECT \"clientIpAddress\", count(*) n" R "GROUP BY 1 ORDER BY n DESC, 1 LIMIT 5", MAT, true,
     NULL, -1},
    {E "group by clientIpAddress order by count() desc, length(clientIpAddress)",
     "SELECT \"clientIpAddress\"" R "GROUP BY 1 ORDER BY count(*) DESC, "
     "length(\"clientIpAddress\"), 1",
     MAT, true, "clientIpAddress:str", -1},
    {E "select uri, ratio order by ratio desc",
     "SELECT uri, ratio" R "ORDER BY ratio DESC NULLS LAST, uri, ratio", MAT, true, NULL, -1},
    {E "select uri, ratio order by ratio",
     "SELECT uri, ratio" R "ORDER BY ratio ASC NULLS LAST, uri", MAT, true, NULL, -1},
    {E "order by statusCode limit 3 select uri",
     "SELECT uri" R "ORDER BY \"statusCode\", uri LIMIT 3", MAT, true, NULL, -1},
    {E "limit 50 group by host select count() as n",
     "SELECT host, count(*) FROM (SELECT *" R "LIMIT 50) GROUP BY 1 ORDER BY 1", MAT, false, NULL,
     -1},
    {E "group select sum(ratio) as s", "SELECT sum(ratio)" R, MAT, false, "s:float", -1},

    /* operators */
    {E "where {\"GIFTS\", \"TEDDY\"} in uri select uri",
     "SELECT uri" R "AND regexp_matches(uri, 'GIFTS|TEDDY')", ROW, true, NULL, -1},
    {E "where \"GIFTS\" in uri, \"GIFTS\" <- uri, uri -> \"GIFTS\" select uri",
     "SELECT uri" R "AND uri LIKE '%GIFTS%'", ROW, true, NULL, -1},
    {E "where method not in [\"GET\"] select method", "SELECT method" R "AND method <> 'GET'", ROW,
     true, NULL, -1},
    {E "where statusCode in {200, \"404\"} select statusCode",
     "SELECT \"statusCode\"" R "AND \"statusCode\" IN (200, 404)", ROW, true, NULL, -1},
    {E "where ip4(clientIpAddress) in {10.1.0.0/16, 192.0.2.7} select clientIpAddress",
     "SELECT \"clientIpAddress\"" R
     "AND (\"clientIpAddress\" LIKE '10.1.%' OR \"clientIpAddress\" = "
     "'192.0.2.7')",
     ROW, true, NULL, -1},
    {E "where ip4(clientIpAddress) = \"192.0.2.7\" select ip4(clientIpAddress) as ip",
     "SELECT \"clientIpAddress\"" R "AND \"clientIpAddress\" = '192.0.2.7'", ROW, true, "ip:ip4",
     -1},
    {E "where isprivate(ip4(clientIpAddress)) group by ip4(clientIpAddress) as ip select count() "
       "as n",
     "SELECT \"clientIpAddress\", count(*)" R
     "AND \"clientIpAddress\" LIKE '10.%' GROUP BY 1 ORDER BY "
     "split_part(\"clientIpAddress\", '.', 2)::INT, split_part(\"clientIpAddress\", '.', 4)::INT",
     MAT, true, "ip:ip4 n:int", -1},
    {E "where ispublic(ip4(clientIpAddress)) select clientIpAddress",
     "SELECT \"clientIpAddress\"" R "AND \"clientIpAddress\" NOT LIKE '10.%'", ROW, true, NULL, -1},
    {E "select isprivate(ip4(\"172.31.255.255\")) as a, isprivate(172.32.0.0) as b, "
       "ispublic(127.0.0.1) as "
       "c, ispublic(8.8.8.8) as d, ip4(\"1.2.3\") as e, ip4(\"256.1.1.1\") as f, 1.2.3.4 as g, "
       "str(1.2.3.4) + \"!\" as h limit 1",
     "SELECT true, false, false, true, NULL, NULL, '1.2.3.4', '1.2.3.4!'", ROW, true, NULL, -1},
    {E "where (from demo.ecommerce.data where statusCode = 500 select cookie) -> cookie select "
       "cookie",
     "SELECT cookie" R "AND \"statusCode\" = 500", ROW, true, NULL, -1},
    {E "where not clientIpAddress in (from demo.ecommerce.data where statusCode = 500 select "
       "clientIpAddress) select cookie",
     "SELECT cookie" R "AND \"clientIpAddress\" NOT IN (SELECT \"clientIpAddress\"" R
     "AND \"statusCode\" = 500)",
     ROW, true, NULL, -1},
    {E "where eventdate >= \"2019-01-01 12:00:00\", eventdate < \"2019-01-01 13:00:00\" select uri",
     "SELECT uri" R "AND hour(eventdate) = 12", ROW, true, NULL, -1},
    {E "where cookie != \"x\", \"2019-01-01\" <= eventdate < \"2019-01-01 00:10:00\" select cookie",
     "SELECT cookie" R "AND eventdate < '2019-01-01 00:10:00'", ROW, true, NULL, -1},
    {E "where length(str(statusCode)) = \"3\" and statusCode > \"499.5\" select statusCode",
     "SELECT \"statusCode\"" R "AND \"statusCode\" >= 500", ROW, true, NULL, -1},
    {E "where split(cookie, \"=\", 1) < 40 select cookie",
     "SELECT cookie" R "AND replace(cookie, 'JSESSIONID=', '')::INT < 40", ROW, true, NULL, -1},
    {E "select statusCode * 100000000 as a, 2147483647 + 1 as b, -statusCode as c",
     "SELECT \"statusCode\"::BIGINT * 100000000, 2147483648, -\"statusCode\"" R, ROW, true,
     "a:int b:int c:int", -1},
    {E "select 7 / 2 as a, -7 / 2 as b, 7 / 0 as c, 7 \\ 2 as d, 7.0 / 2 as e, 7 \\ 0 as f, "
       "-7 % 3 as g, -7 %% 3 as h, 7 % 0 as i limit 1",
     "SELECT 3, -3, NULL, 3.5::DOUBLE, 3.5::DOUBLE, NULL, -1, 2, NULL", ROW, true,
     "a:int b:int c:int d:float e:float f:float g:int h:int i:int", -1},
    {E "select 6 & 3 as a, 6 | 3 as b, 6 ^ 3 as c, ~6 as d, 1 << 4 as e, -8 >> 1 as f, -1 >>> 60 "
       "as g,"
       " -1 << 4 as h limit 1",
     "SELECT 2, 7, 5, -7, 16, -4, 15, -16", ROW, true, NULL, -1},
    {E "select null ?: 5 as a, 1 ?: 2.5 as b, [1, 2, 3][1] as c, [1, 2][5] as d, [1, 2] as e, "
       "split(\"a=b\", \"=\") as f limit 1",
     "SELECT 5, 1.0::DOUBLE, 2, NULL, '[1,2]', '[\"a\",\"b\"]'", ROW, true,
     "a:int b:float c:int d:int e:array f:array", -1},
    {E "where a = 2 select 1 + 1 as a limit 1 from demo.ecommerce.data", NULL, ROW, true, NULL, -1},
    {E "select 1 + 1 as a where a = 2 limit 1", "SELECT 2", ROW, true, "a:int", -1},
    {E
     "select 1 < 2 < 3 as a, 1 < 3 < 2 as b, not true as c, true and null as d, \"a\" + \"b\" as e "
     "limit 1",
     "SELECT true, false, false, NULL, 'ab'", ROW, true, NULL, -1},
    {E "where not referralUri -> \"q\" select referralUri", "SELECT NULL WHERE false", ROW, true,
     NULL, -1},
    {E "where flag, not flag = false select flag", "SELECT true" R "AND flag", ROW, true, NULL, -1},
    {E "where eq(statusCode, 200) and not (gt(timeTaken, 500) or flag) select cookie",
     "SELECT cookie" R "AND \"statusCode\" = 200 AND NOT (\"timeTaken\" > 500 OR flag)", ROW, true,
     NULL, -1},
    {E "select eventdate - 1h as a, eventdate - (eventdate - 90s) as b, 1h + eventdate as c, 2 * "
       "1h as d",
     "SELECT eventdate - INTERVAL 1 HOUR, 90000, eventdate + INTERVAL 1 HOUR, 7200000" R, ROW, true,
     "a:timestamp b:duration c:timestamp d:duration", -1},

    /* names and literals */
    {E "select `odd name` where `odd name` = 'it''s'", NULL, ROW, true, NULL, -1},
    {E "where `odd name` -> \"it's; \\\"x\\\" --\" select `odd name` as `a\"b;--`",
     "SELECT \"odd name\"" R, ROW, true, "a\"b;--:str", -1},
    {E "select \"'; DROP TABLE ecommerce; --\" as x, 'a\\b' as y, \"\\u0041\\n\" as z limit 1",
     "SELECT '''; DROP TABLE ecommerce; --', 'a\\b', E'A\\n'", ROW, true, NULL, -1},
    {E "// a comment\nselect uri // another\nlimit 1;", "SELECT uri" R "LIMIT 1", ROW, true, NULL,
     -1},
    {E "select Uri as x, uri as URI select uri", NULL, ROW, true, NULL, -1},
    {E "select uri as URI, uri where URI = uri limit 3", "SELECT uri, uri" R "LIMIT 3", ROW, true,
     "URI:str uri:str", -1},

    /* tuples and subqueries as functions */
    {E "where (host, method) in (from demo.ecommerce.data where statusCode = 500 select host, "
       "method) select cookie",
     "SELECT cookie FROM ecommerce e WHERE " IN_RANGE(
         "e.eventdate") " AND EXISTS (SELECT 1" R "AND \"statusCode\" = 500 AND ecommerce.host = "
                        "e.host AND ecommerce.method = e.method)",
     ROW, true, NULL, -1},
    {E "where (cookie, statusCode * 1.0, flag) in (from demo.ecommerce.data where flag select uri, "
       "cookie, statusCode, flag) select cookie",
     "SELECT cookie" R "AND flag", ROW, true, NULL, -1},
    {E "where not (cookie, referralUri) in (from demo.ecommerce.data select cookie, referralUri) "
       "select cookie",
     "SELECT cookie" R "AND (\"referralUri\" IS NULL AND false)", ROW, true, NULL, -1},
    {E "where has((from demo.ecommerce.data where statusCode = 500 select cookie), cookie) select "
       "cookie",
     "SELECT cookie" R "AND \"statusCode\" = 500", ROW, true, NULL, -1},
    {E "where (host, method) in (from demo.ecommerce.data select method) select cookie", NULL, ROW,
     true, NULL, -1},
    {E "where (host, 1) in (from demo.ecommerce.data select host, method) select cookie", NULL, ROW,
     true, NULL, -1},

    /* functions */
    {E "select substring(uri, 1, 7) as a, substring(uri, 9) as b, startswith(uri, \"/cat\") as c, "
       "endswith(uri, \"TEDDY\") as d, indexof(uri, \"screen\") as e, upper(uri) as f",
     "SELECT uri[2:8], uri[10:], uri LIKE '/cat%', uri LIKE '%TEDDY', position('screen' IN uri) - "
     "1, "
     "upper(uri)" R,
     ROW, true, "a:str b:str c:bool d:bool e:int f:str", -1},
    {E "select trim(\" \\t a b \\n\") as a, replace(\"a.b.c\", \".\", \"\\\\1\") as b, "
       "replaceall(\"a.b.c\","
       " \".\", \"-\") as c, length(\"a\\u00e9\") as d, isempty(\"\") as e, isempty(uri) as f "
       "limit 1",
     "SELECT 'a b', 'a\\1b.c', 'a-b-c', 2, true, false", ROW, true, NULL, -1},
    {E "select int(\"12.7\") as a, int(-1.9) as b, int(\"x\") as c, float(\"1.5\") as d, str(5) as "
       "e, "
       "str(eventdate) as f, bool(\"true\") as g, int(\"9007199254740993\") as h limit 1",
     "SELECT 12, -1, NULL, 1.5::DOUBLE, '5', '2019-01-01 00:03:18.000', true, 9007199254740993",
     ROW, true, "a:int b:int c:int d:float e:str f:str g:bool h:int", -1},
    {E "select nvl(referralUri, \"none\") as a, isnull(referralUri) as b, ifthenelse(flag, 1, 2.5) "
       "as c,"
       " ifthenelse(flag, 1) as d, decode(statusCode, 200, \"ok\", 404, \"gone\") as e",
     "SELECT coalesce(\"referralUri\", 'none'), \"referralUri\" IS NULL, CASE WHEN flag THEN 1.0 "
     "ELSE "
     "2.5 END::DOUBLE, CASE WHEN flag THEN 1 END, CASE \"statusCode\" WHEN 200 THEN 'ok' WHEN 404 "
     "THEN "
     "'gone' END" R,
     ROW, true, "a:str b:bool c:float d:int e:str", -1},
    {E "select year(eventdate) as y, month(eventdate) as m, day(eventdate) as d, hour(eventdate) "
       "as h, "
       "minute(eventdate) as i, second(eventdate) as s, dayofweek(eventdate) as w, "
       "hour(eventdate, \"Europe/Madrid\") as hm, hour(eventdate, \"GMT-2\") as h2",
     "SELECT 2019, 0, 1, extract(hour FROM eventdate), extract(minute FROM eventdate), "
     "extract(second FROM eventdate)::BIGINT, 2, extract(hour FROM eventdate + INTERVAL 1 HOUR), "
     "extract(hour FROM eventdate - INTERVAL 2 HOUR)" R,
     ROW, true, NULL, -1},
    {E
     "select formatdate(eventdate, \"DD/MM/YY hh:mm:ss.SSS a 'on' % EEE\", \"Europe/Madrid\") as f",
     "SELECT strftime(eventdate + INTERVAL 1 HOUR, '%d/%m/%y %I:%M:%S.%g %p on %% %a')" R, ROW,
     true, NULL, -1},
    {E "select now() as a, today() as b, yesterday() as c, period(eventdate, 1h) as d limit 1",
     "SELECT TIMESTAMP '2019-01-01 23:40:00', TIMESTAMP '2019-01-01', TIMESTAMP '2018-12-31', "
     "TIMESTAMP '2019-01-01'",
     ROW, true, NULL, -1},
    {E "select abs(-5) as a, round(2.567, 2) as b, floor(2.7) as c, ceil(2.1) as d, sqrt(9) as e, "
       "sqrt(-1) as f, log(0) as g, log10(1000) as h, exp(0) as i, pow(2, 10) as j limit 1",
     "SELECT 5, 2.57::DOUBLE, 2.0::DOUBLE, 3.0::DOUBLE, 3.0::DOUBLE, NULL, NULL, 3.0::DOUBLE, "
     "1.0::DOUBLE, 1024.0::DOUBLE",
     ROW, true, NULL, -1},
    {E "select md5(\"a\") as a, sha1(\"a\") as b, sha256(\"a\") as c limit 1",
     "SELECT '0cc175b9c0f1b6a831c399e269772661', '86f7e437faa5a7fce15d1ddcb9eaeaea377667b8', "
     "'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb'",
     ROW, true, NULL, -1},
    {E "group by host select min(eventdate) as a, max(ratio) as b, median(timeTaken) as c, "
       "count(referralUri) as d, nnavg(timeTaken) as e, percentile95(timeTaken) as f",
     "SELECT host, min(eventdate), max(ratio), quantile_cont(\"timeTaken\", 0.5), "
     "count(\"referralUri\"), avg(\"timeTaken\"), quantile_cont(\"timeTaken\", 0.95::DOUBLE)" R
     "GROUP BY 1 ORDER BY 1",
     MAT, true, "host:str a:timestamp b:float c:float d:int e:float f:float", -1},
    {E "group select first(cookie) as a, last(cookie) as b, stddev(flag ?: true) as c", NULL, MAT,
     false, NULL, -1},
    {E "group select first(cookie) as a, last(cookie) as b",
     "SELECT arg_min(cookie, eventdate), arg_max(cookie, eventdate)" R, MAT, false, NULL, -1},
};

/* Queries of CASES whose hand-written SQL is NULL are refused; the words must hold this. */
static const struct {
    const char *query, *words;
} REFUSED[] = {
    {E "where a = 2 select 1 + 1 as a limit 1 from demo.ecommerce.data", "a second 'from'"},
    {E "select `odd name` where `odd name` = 'it''s'", "found ''s''"},
    {E "select Uri as x, uri as URI select uri", "unknown column 'Uri'; did you mean 'uri'"},
    {E "where (host, method) in (from demo.ecommerce.data select method) select cookie",
     "the subquery has 1 columns, 2 are needed"},
    {E "where (host, 1) in (from demo.ecommerce.data select host, method) select cookie",
     "cannot look for 1 (int) among values of 'method' (str)"},
    {E "group select first(cookie) as a, last(cookie) as b, stddev(flag ?: true) as c",
     "stddev(bool) does not fit: it is called as stddev(number)"},
};

static bool
columns_match(const char *query, const struct linq_sql *s, const char *want)
{
    struct buf got = BUF_INIT(65536);
    bool same;

    for (size_t i = 0; i < s->column_count; i++)
        buf_printf(&got, "%s%s:%s", i == 0 ? "" : " ", s->columns[i].name,
                   linq_type_name(s->columns[i].type));
    same = strcmp(buf_str(&got), want) == 0;
    if (!same)
        print_error("%s\n  got columns %s\n  want        %s\n", query, buf_str(&got), want);
    buf_done(&got);
    return same;
}

static bool
case_holds(size_t i)
{
    struct linq_sql s = {0};
    struct linq_error err;
    char *got, *want;
    bool ok;

    if (translate(CASES[i].query, &BINDING, &s, &err) < 0) {
        if (CASES[i].sql != NULL)
            print_error("%s\n  got %s, want a translation\n", CASES[i].query, err.msg);
        return CASES[i].sql == NULL;
    }
    got = run(s.sql);
    want = run(CASES[i].sql != NULL ? CASES[i].sql : "SELECT 'a refusal'");
    ok = strcmp(got, want) == 0;
    if (!ok)
        print_error("%s\n  sql %s\n  got\n%.400s\n  want\n%.400s\n", CASES[i].query, s.sql, got,
                    want);
    if (s.class_ != CASES[i].class_ || s.exact != CASES[i].exact ||
        s.time_index != CASES[i].time_index) {
        print_error("%s\n  got class %d exact %d time %d, want %d %d %d\n", CASES[i].query,
                    s.class_, s.exact, s.time_index, CASES[i].class_, CASES[i].exact,
                    CASES[i].time_index);
        ok = false;
    }
    if (CASES[i].columns != NULL)
        ok = columns_match(CASES[i].query, &s, CASES[i].columns) && ok;
    free(got);
    free(want);
    linq_sql_done(&s);
    return ok;
}

static void
test_cases(void **state UNUSED)
{
    size_t failed = 0;

    for (size_t i = 0; i < ARRAY_LEN(CASES); i++)
        failed += !case_holds(i);
    assert_int_equal(failed, 0);
}

static void
test_refused(void **state UNUSED)
{
    for (size_t i = 0; i < ARRAY_LEN(REFUSED); i++) {
        struct linq_sql s = {0};
        struct linq_error err;

        assert_true(translate(REFUSED[i].query, &BINDING, &s, &err) < 0);
        if (strstr(err.msg, REFUSED[i].words) == NULL)
            fail_msg("%s: got %s, want %s", REFUSED[i].query, err.msg, REFUSED[i].words);
    }
}

/* The request's skip and limit work behind everything of the text. */
static void
test_request_cut(void **state UNUSED)
{
    static const struct {
        const char *query, *sql;
        int64_t skip, limit;
    } cases[] = {
        {E "select uri", "SELECT uri" R "LIMIT 7 OFFSET 3", 3, 7},
        {E "select uri limit 5", "SELECT uri" R "LIMIT 2 OFFSET 3", 3, 7},
        {E "select uri", "SELECT uri" R "OFFSET 400", 400, -1},
        {E "select uri", "SELECT uri" R "LIMIT 0", 0, 0},
        {E "group by clientIpAddress select count() as n",
         "SELECT \"clientIpAddress\", count(*)" R "GROUP BY 1 ORDER BY 1 LIMIT 4 OFFSET 2", 2, 4},
        {E "select uri order by uri desc limit 9",
         "SELECT uri" R "ORDER BY uri DESC LIMIT 4 OFFSET 2", 2, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct linq_binding b = BINDING;
        struct linq_sql s;
        struct linq_error err;
        char *got, *want;

        b.skip = cases[i].skip;
        b.limit = cases[i].limit;
        if (translate(cases[i].query, &b, &s, &err) < 0)
            fail_msg("%s: %s", cases[i].query, err.msg);
        got = run(s.sql);
        want = run(cases[i].sql);
        if (strcmp(got, want) != 0)
            fail_msg("%s: %s\ngot\n%s\nwant\n%s", cases[i].query, s.sql, got, want);
        free(got);
        free(want);
        linq_sql_done(&s);
    }
}

/* Days of buckets and today() begin at midnight of the request's zone. */
static void
test_zone(void **state UNUSED)
{
    struct linq_binding b = BINDING;
    struct linq_sql s;
    struct linq_error err;
    char *got;

    b.tz_offset_min = 120;
    if (translate(E "where eventdate > \"2019-01-01 21:30:00\" group every 1d select today() as t, "
                    "min(eventdate) > t as later",
                  &b, &s, &err) < 0)
        fail_msg("%s", err.msg);
    got = run(s.sql);
    assert_string_equal(got, "2018-12-31 22:00:00|2019-01-01 22:00:00|false\n"
                             "2019-01-01 22:00:00|2019-01-01 22:00:00|true\n");
    free(got);
    linq_sql_done(&s);
}

/* Long flat conditions reach the engine whole. */
static void
test_long_query(void **state UNUSED)
{
    struct buf q = BUF_INIT(LINQ_TEXT_MAX);
    struct linq_sql s;
    struct linq_error err;
    char *got;

    buf_puts(&q, E "where 1 = 1");
    for (int i = 0; i < 2000; i++)
        buf_printf(&q, " and timeTaken != %d", 2000 + i);
    buf_puts(&q, " select count() as n");
    if (translate(buf_str(&q), &BINDING, &s, &err) < 0)
        fail_msg("%s", err.msg);
    got = run(s.sql);
    assert_string_equal(got, "409\n");
    free(got);
    linq_sql_done(&s);
    buf_done(&q);
}

/* Rows that are looked for in a larger table keep the order of their own. */
static void
test_order_with_subquery(void **state UNUSED)
{
    struct linq_sql s;
    struct linq_error err;
    char *got, *want;

    free(run(
        "CREATE TABLE more AS SELECT TIMESTAMP '2019-01-01' AS eventdate, 'JSESSIONID=' || (i * "
        "7919) % 100000 AS cookie FROM range(100000) t(i)"));
    if (translate(E "where cookie in (from demo.ecommerce.more select cookie) select cookie",
                  &BINDING, &s, &err) < 0)
        fail_msg("%s", err.msg);
    got = run(s.sql);
    want = run("SELECT cookie" R);
    if (strcmp(got, want) != 0)
        fail_msg("%s\ngot\n%.200s\nwant\n%.200s", s.sql, got, want);
    free(got);
    free(want);
    linq_sql_done(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),       cmocka_unit_test(test_refused),
        cmocka_unit_test(test_request_cut), cmocka_unit_test(test_zone),
        cmocka_unit_test(test_long_query),  cmocka_unit_test(test_order_with_subquery),
    };

    return cmocka_run_group_tests_name("linq_duckdb", tests, setup, teardown);
}
