/*
 * ecommerce DATA_DIR [ROWS]
 *
 * Writes the demo's table demo.ecommerce.data: ROWS (2,000,000 by default) lines of a web shop's
 * log, as Parquet files DATA_DIR/demo/ecommerce/data/part-NNN.parquet. They are in time order,
 * spread evenly over [FIRST_S, LAST_S): the range that the API's own example asks for.
 *
 * Deterministic: everything follows from the row number by whole-number arithmetic, so the same
 * ROWS give the same rows with every version of the engine (its hash() might change, this cannot).
 * The files appear all at once, by renaming the folder, or not at all.
 */

#include <duckdb.h>

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FIRST_S      1546083949LL
#define LAST_S       1546947949LL
#define ROWS_DEFAULT 2000000LL
#define ROWS_MAX     1000000000LL
#define PART_ROWS    500000LL

#define NEW_DIR ".ecommerce.new"
#define OLD_DIR ".ecommerce.old"
#define TABLE   "demo/ecommerce/data"

/*
 * pick(i, k): a number below 2^31 from row i and a salt k, by two multiplicative generators one
 * after the other. Every product stays below 2^63 for i < 10^9.
 */
static const char pick_sql[] =
    "CREATE MACRO pick(i, k) AS"
    "  (((i * 2654435761 + k * 97561733 + 12345) % 4294967296) * 48271) % 2147483647";

static const char one_of_sql[] = "CREATE MACRO one_of(list, n) AS list[1 + n % len(list)]";

/* Rows first (included) to last (not) of a log of total rows over span_ms from start_ms. */
static const char shop_sql[] =
    "CREATE MACRO shop(first, last, total, start_ms, span_ms) AS TABLE"
    " WITH lists AS (SELECT"
    "   ['shop1', 'shop2', 'shop3', 'm.shop1'] AS hosts,"
    "   ['GIFTS', 'TEDDY', 'FLOWERS', 'SURPRISE', 'CANDY', 'BOOKS, USED'] AS categories,"
    "   ['RP-LI-02', 'AV-SB-02', 'K9-CW-01', 'FL-DSH-01', 'AV-CB-01', 'RP-SN-01', 'FI-SW-01'] AS"
    "     products,"
    "   ['addtocart', 'view', 'remove', 'purchase', 'changequantity'] AS actions,"
    "   [200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 200, 302, 304, 400, 404, 404,"
    "    408, 500, 503] AS codes,"
    "   ['Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/71.0.3578.98 Safari/537.36',"
    "    'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_2) AppleWebKit/605.1.15 (KHTML, like Gecko)"
    " Version/12.0.2 Safari/605.1.15',"
    "    'Mozilla/5.0 (X11; Linux x86_64; rv:64.0) Gecko/20100101 Firefox/64.0',"
    "    'Mozilla/5.0 (iPhone; CPU iPhone OS 12_1_2 like Mac OS X) AppleWebKit/605.1.15 (KHTML,"
    " like Gecko) Mobile/15E148',"
    "    'ShopKiosk/2.1 (\"touch\", hall 4)',"
    "    'Caf\u00e9Bot/1.0 (+http://bots.example/caf\u00e9)'] AS agents,"
    "   ['http://www.google.example/search?q=gifts', 'http://www.bing.example/',"
    "    'http://shop1.example/cart.do', 'http://blog.example/10-ideas,part-2'] AS referrals),"
    " numbers AS (SELECT i, pick(i, 1) AS a, pick(i, 2) AS b, pick(i, 3) AS c, pick(i, 4) AS d,"
    "   format('SD{}SL{}FF{}', pick(i // 7, 5) % 10, pick(i // 7, 6) % 10,"
    "          10000 + pick(i // 7, 7) % 90000) AS session"
    "   FROM range(first, last) AS r(i))"
    " SELECT"
    "   make_timestamp((start_ms + i * span_ms // total) * 1000) AS eventdate,"
    "   one_of(hosts, a) AS host,"
    "   CASE WHEN b % 5 = 0 THEN 'POST' WHEN b % 97 = 0 THEN 'HEAD' ELSE 'GET' END AS method,"
    "   CASE c % 4"
    "     WHEN 0 THEN format('/category.screen?category_id={}&JSESSIONID={}',"
    "                        one_of(categories, c // 4), session)"
    "     WHEN 1 THEN format('/product.screen?product_id={}&JSESSIONID={}',"
    "                        one_of(products, c // 4), session)"
    "     WHEN 2 THEN format('/cart.do?action={}&itemId=EST-{}&product_id={}&JSESSIONID={}',"
    "                        one_of(actions, c // 4), c // 16 % 30, one_of(products, c // 8),"
    "                        session)"
    "     ELSE format('/oldlink?item_id=EST-{}&JSESSIONID={}', c // 4 % 30, session)"
    "   END AS uri,"
    "   CASE WHEN d % 10 < 7 THEN 'HTTP 1.1' ELSE 'HTTP 2.0' END AS protocol,"
    "   one_of(codes, a // 4)::INTEGER AS statusCode,"
    "   (200 + b % 3900 + CASE WHEN b % 1000 = 0 THEN 3000000000 ELSE 0 END)::BIGINT"
    "     AS bytesTransferred,"
    "   (10 + d % 990)::INTEGER AS timeTaken,"
    "   format('{}.{}.{}.{}', 12 + a % 200, b % 256, c % 256, 1 + d % 254) AS clientIpAddress,"
    "   one_of(agents, b // 3) AS userAgent,"
    "   CASE WHEN d % 4 = 0 THEN NULL ELSE one_of(referrals, d // 4) END AS referralUri,"
    "   CASE WHEN c % 11 = 0 THEN '' ELSE format('JSESSIONID={}; basket=\"{}\"', session,"
    "                                            a % 9) END AS cookie"
    " FROM numbers, lists ORDER BY i";

static void die(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

static void
die(const char *fmt, ...)
{
    va_list ap;

    fputs("ecommerce: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void
run(duckdb_connection con, const char *sql)
{
    duckdb_result res;

    if (duckdb_query(con, sql, &res) == DuckDBError)
        die("%s", duckdb_result_error(&res));
    duckdb_destroy_result(&res);
}

static void
write_part(duckdb_connection con, long long part, long long rows)
{
    char sql[512];
    long long first = part * PART_ROWS;
    long long last = first + PART_ROWS < rows ? first + PART_ROWS : rows;

    snprintf(sql, sizeof(sql),
             "COPY (FROM shop(%lld, %lld, %lld, %lld, %lld)) TO '" NEW_DIR "/part-%03lld.parquet'"
             " (FORMAT parquet, COMPRESSION snappy)",
             first, last, rows, FIRST_S * 1000, (LAST_S - FIRST_S) * 1000, part);
    run(con, sql);
}

/* Removes a folder of plain files; one that is not there is removed already. */
static void
remove_folder(const char *folder)
{
    struct dirent *e;
    DIR *d = opendir(folder);

    if (d == NULL)
        return;
    while ((e = readdir(d)) != NULL)
        unlinkat(dirfd(d), e->d_name, 0); /* of "." and ".." it does not take */
    closedir(d);
    rmdir(folder);
}

static void
make_folder(const char *name)
{
    if (mkdir(name, 0755) < 0 && errno != EEXIST)
        die("cannot make the folder '%s': %s", name, strerror(errno));
}

static void
write_parts(long long rows, long long parts)
{
    duckdb_database db = NULL;
    duckdb_connection con = NULL;
    long long part;

    if (duckdb_open(NULL, &db) == DuckDBError || duckdb_connect(db, &con) == DuckDBError)
        die("cannot open the engine");
    run(con, "SET preserve_insertion_order = true");
    run(con, "SET memory_limit = '1GB'");
    run(con, pick_sql);
    run(con, one_of_sql);
    run(con, shop_sql);
    for (part = 0; part < parts; part++)
        write_part(con, part, rows);
    duckdb_disconnect(&con);
    duckdb_close(&db);
}

int
main(int argc, char **argv)
{
    long long rows = ROWS_DEFAULT, parts;
    char *end = NULL;

    errno = 0;
    if (argc == 3)
        rows = strtoll(argv[2], &end, 10);
    if (argc < 2 || argc > 3 || (end != NULL && *end != '\0') || errno != 0 || rows < 1 ||
        rows > ROWS_MAX)
        die("usage: ecommerce DATA_DIR [ROWS], rows from 1 to %lld", ROWS_MAX);
    if (chdir(argv[1]) < 0)
        die("cannot enter '%s': %s", argv[1], strerror(errno));
    make_folder("demo");
    make_folder("demo/ecommerce");
    remove_folder(NEW_DIR); /* of a run that was broken off */
    make_folder(NEW_DIR);

    parts = (rows + PART_ROWS - 1) / PART_ROWS;
    write_parts(rows, parts);

    remove_folder(OLD_DIR);
    if (rename(TABLE, OLD_DIR) < 0 && errno != ENOENT)
        die("cannot move the old " TABLE " away: %s", strerror(errno));
    if (rename(NEW_DIR, TABLE) < 0)
        die("cannot put the new " TABLE " in place: %s", strerror(errno));
    remove_folder(OLD_DIR);
    printf("%lld rows in %lld files in %s/" TABLE "\n", rows, parts, argv[1]);
    return 0;
}
