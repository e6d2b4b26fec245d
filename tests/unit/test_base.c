/* common/base: what user input and stored text meet first. */

#include "common/base/backoff.h"
#include "common/base/buf.h"
#include "common/base/clock.h"
#include "common/base/config.h"
#include "common/base/digest.h"
#include "common/base/errinfo.h"
#include "common/base/fs.h"
#include "common/base/ids.h"
#include "common/base/json.h"
#include "common/base/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/bucketline-test-XXXXXX";

static int
make_dir(void **state)
{
    (void)state;
    return mkdtemp(dir) == NULL;
}

static int
remove_dir(void **state)
{
    struct errinfo ei;

    (void)state;
    return fs_remove_tree(AT_FDCWD, dir, true, &ei);
}

static char *
in_dir(const char *name)
{
    return mem_printf("%s/%s", dir, name);
}

/* 200,000 keys, the last one twice: seconds, not minutes, even under the sanitizers. */
static void
json_many_keys(void)
{
    struct buf b = BUF_INIT(8u << 20);
    struct errinfo ei = ERRINFO_INIT;
    struct json *j;
    int64_t start = clock_mono_ms();
    int i;

    for (i = 0; i <= 200000; i++)
        buf_printf(&b, "%s\"k%d\":1", i == 0 ? "{" : ",", i < 200000 ? i : i - 1);
    buf_putc(&b, '}');
    assert_int_equal(json_parse(b.data, b.len, &j, &ei), E_INVALID);
    assert_non_null(strstr(ei.msg, "\"k199999\" is there twice"));
    assert_in_range(clock_mono_ms() - start, 0, 5000);
    buf_done(&b);
}

static void
json_refusals(void **state)
{
    static const struct {
        const char *name, *text, *want;
    } table[] = {
        {"cut off", "{\"a\":1", "syntax error"},
        {"trailing", "{} x", "text behind"},
        {"nul", "{\"a\":\"\\u0000\"}", "\\u0000"},
        {"twice", "{\"a\":1,\"b\":{\"c\":1,\"c\":2}}", "\"c\" is there twice"},
        {"utf-8", "{\"a\":\"\xff\"}", "UTF-8"},
        {"overlong", "{\"a\":\"\xc0\x80\"}", "UTF-8"},
        {"surrogate", "{\"a\":\"\xed\xa0\x80\"}", "UTF-8"},
        {"control", "{\"a\":\"\n\"}", "control character"},
        {"empty", "", "syntax error"},
    };
    struct json *j = NULL;
    struct errinfo ei;
    struct buf deep = BUF_INIT(1000);
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(table); i++) {
        ei.msg[0] = '\0';
        if (json_parse(table[i].text, strlen(table[i].text), &j, &ei) != E_INVALID ||
            strstr(ei.msg, table[i].want) == NULL)
            fail_msg("%s: got '%s', want '%s'", table[i].name, ei.msg, table[i].want);
    }
    for (i = 0; i < 65; i++)
        buf_putc(&deep, '[');
    assert_int_equal(json_parse(deep.data, deep.len, &j, &ei), E_INVALID);
    assert_non_null(strstr(ei.msg, "nested"));
    buf_done(&deep);
    json_many_keys();
}

static void
json_round_trip(void **state)
{
    const char *text = "{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa4\",\"n\":-12,\"d\":1.5,\"b\":true,"
                       "\"z\":null,\"l\":[1,\"2\",{}]}";
    struct buf out = BUF_INIT(4096);
    struct json_writer w;
    struct json *j;
    struct errinfo ei;

    (void)state;
    assert_int_equal(json_parse(text, strlen(text), &j, &ei), E_OK);
    assert_string_equal(json_get_string(j, "s", ""), "a\"\\\n\x01\xc3\xa4");
    assert_int_equal(json_get_int(j, "n", 0), -12);
    assert_int_equal(json_get_int(j, "missing", 7), 7);
    assert_int_equal(json_count(json_get(j, "l")), 3);
    json_w_init(&w, &out);
    json_w_node(&w, j);
    assert_string_equal(buf_str(&out), text);
    buf_reset(&out);
    json_w_init(&w, &out);
    json_w_object(&w);
    json_w_kv_string(&w, "s", json_get_string(j, "s", ""));
    json_w_kv_string(&w, "none", NULL);
    json_w_key(&w, "bad");
    json_w_string(&w, "\xff");
    json_w_object_end(&w);
    assert_string_equal(buf_str(&out),
                        "{\"s\":\"a\\\"\\\\\\n\\u0001\xc3\xa4\",\"bad\":\"\xef\xbf\xbd\"}");
    buf_done(&out);
    json_free(j);
}

static void
config_errors_name_the_place(void **state)
{
    static const struct {
        const char *file, *want;
    } table[] = {
        {"[job]\nlease_s = 0\n", "conf:2: job.lease_s = '0': should be a whole number of s from 2"},
        {"[job]\nlease_s = 1e3\n", "conf:2: job.lease_s = '1e3'"},
        {"\n[spool]\nlimit = 20X\n", "conf:3: spool.limit = '20X'"},
        {"[redis]\nrequire_noeviction = yes\n", "should be true or false"},
        {"[log]\nlevel = loud\n", "should be one of error|warn|info|debug"},
        {"[log]\nlevl = info\n", "there is no option log.levl"},
        {"[log\n", "a section is written [name]"},
        {"[log]\nnonsense\n", "expected key = value"},
    };
    struct config *c;
    struct errinfo ei;
    char *path = in_dir("conf");
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(table); i++) {
        c = config_new();
        assert_int_equal(fs_replace_file(path, table[i].file, strlen(table[i].file), 0600, &ei),
                         E_OK);
        ei.msg[0] = '\0';
        if (config_load_file(c, path, &ei) != E_INVALID || strstr(ei.msg, table[i].want) == NULL)
            fail_msg("got '%s', want '%s'", ei.msg, table[i].want);
        config_free(c);
    }
    free(path);
}

static void
config_later_sources_win(void **state)
{
    char *env[] = {"BUCKETLINE_URL=x", "BUCKETLINE__SPOOL__LIMIT=2G", NULL};
    char *wrong[] = {"BUCKETLINE__SPOOL__NOPE=1", NULL};
    const char *text = "# comment\n[spool]\nlimit = 1G\ndir = /a b\n"
                       "[duckdb]\ntime_columns = a.b=t , c=d\n";
    struct config *c = config_new();
    struct errinfo ei;
    char *path = in_dir("conf2"), *col, item[32];

    (void)state;
    assert_int_equal(config_int(c, "spool.limit"), 20LL << 30);
    assert_int_equal(fs_replace_file(path, text, strlen(text), 0600, &ei), E_OK);
    assert_int_equal(config_load_file(c, path, &ei), E_OK);
    assert_int_equal(config_int(c, "spool.limit"), 1LL << 30);
    assert_string_equal(config_str(c, "spool.dir"), "/a b");
    assert_int_equal(config_load_env(c, env, &ei), E_OK);
    assert_int_equal(config_int(c, "spool.limit"), 2LL << 30);
    assert_int_equal(config_load_env(c, wrong, &ei), E_INVALID);
    assert_int_equal(config_set(c, "spool.limit=3G", &ei), E_OK);
    assert_int_equal(config_int(c, "spool.limit"), 3LL << 30);
    assert_int_equal(config_set(c, "spool.limit", &ei), E_INVALID);
    col = config_lookup(c, "duckdb.time_columns", "a.b");
    assert_string_equal(col, "t");
    assert_true(config_item(c, "duckdb.time_columns", 1, item, sizeof(item)));
    assert_string_equal(item, "c=d");
    assert_false(config_item(c, "duckdb.time_columns", 2, item, sizeof(item)));
    free(col);
    free(path);
    config_free(c);
}

static void
seal_is_bound_to_its_place(void **state)
{
    char *key = in_dir("master"), *other = in_dir("other"), *sealed, *plain, mark[2][65];
    struct seal *s, *s2;
    struct errinfo ei;

    (void)state;
    assert_int_equal(seal_make_key(key, &ei), E_OK);
    assert_int_equal(seal_make_key(key, &ei), E_CONFLICT);
    assert_int_equal(seal_make_key(other, &ei), E_OK);
    assert_int_equal(seal_open(key, &s, &ei), E_OK);
    assert_int_equal(seal_open(other, &s2, &ei), E_OK);
    sealed = seal_text(s, "s3cret/+=", "job|d|1");
    assert_null(strstr(sealed, "s3cret"));
    assert_int_equal(seal_parse(s, sealed, "job|d|1", &plain, &ei), E_OK);
    assert_string_equal(plain, "s3cret/+=");
    mem_wipe_free(plain);
    assert_int_equal(seal_parse(s, sealed, "job|d|2", &plain, &ei), E_DENIED);
    assert_int_equal(seal_parse(s2, sealed, "job|d|1", &plain, &ei), E_DENIED);
    assert_non_null(strstr(ei.msg, "another master key"));
    sealed[20] = sealed[20] == 'A' ? 'B' : 'A';
    assert_int_equal(seal_parse(s, sealed, "job|d|1", &plain, &ei), E_DENIED);
    assert_int_equal(seal_parse(s, "v1.", "job|d|1", &plain, &ei), E_DENIED);
    free(sealed);
    seal_fingerprint(s, "body", 4, mark[0]);
    seal_fingerprint(s, "body", 4, mark[1]);
    assert_string_equal(mark[0], mark[1]);
    seal_fingerprint(s2, "body", 4, mark[1]);
    assert_string_not_equal(mark[0], mark[1]);
    sealed = seal_text(s, "", "x");
    assert_int_equal(seal_parse(s, sealed, "x", &plain, &ei), E_OK);
    assert_string_equal(plain, "");
    free(plain);
    free(sealed);
    seal_close(s);
    seal_close(s2);
    assert_int_equal(fs_replace_file(key, "abc\n", 4, 0600, &ei), E_OK);
    assert_int_equal(seal_open(key, &s, &ei), E_INVALID);
    free(key);
    free(other);
}

static void
publish_never_replaces(void **state)
{
    struct errinfo ei;
    int d = open(dir, O_RDONLY | O_DIRECTORY);
    char *a = in_dir("a"), *b = in_dir("b");

    (void)state;
    assert_int_equal(fs_replace_file(a, "1", 1, 0600, &ei), E_OK);
    assert_int_equal(fs_replace_file(b, "2", 1, 0600, &ei), E_OK);
    assert_int_equal(fs_publish(d, "a", d, "b", &ei), E_CONFLICT);
    assert_int_equal(fs_publish(d, "a", d, "c", &ei), E_OK);
    assert_int_equal(access(a, F_OK), -1);
    assert_int_equal(fs_remove(d, "c", &ei), E_OK);
    assert_int_equal(fs_remove(d, "c", &ei), E_OK);
    close(d);
    free(a);
    free(b);
}

static void
buf_has_a_ceiling(void **state)
{
    struct buf b = BUF_INIT(8);

    (void)state;
    buf_puts(&b, "12345");
    buf_puts(&b, "6789");
    assert_true(b.failed);
    assert_string_equal(buf_str(&b), "12345");
    buf_consume(&b, 2);
    assert_string_equal(buf_str(&b), "345");
    buf_done(&b);
}

static void
digests_match_the_standards(void **state)
{
    unsigned char mac[DIGEST_SHA256_LEN], raw[16];
    char hex[65], *b64;
    size_t n;

    (void)state;
    digest_sha256_hex("abc", 3, hex); /* FIPS 180-4 example */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    digest_sha1_hex("abc", 3, hex);
    assert_string_equal(hex, "a9993e364706816aba3e25717850c26c9cd0d89d");
    digest_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, mac); /* RFC 4231 case 2 */
    digest_hex(mac, sizeof(mac), hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    b64 = digest_base64("foob", 4); /* RFC 4648 section 10 */
    assert_string_equal(b64, "Zm9vYg==");
    assert_int_equal(digest_base64_parse(b64, raw, &n), E_OK);
    assert_int_equal(n, 4);
    assert_int_equal(digest_base64_parse("Zm9vYg=", raw, &n), E_INVALID);
    assert_int_equal(digest_base64_parse("Zm9v!g==", raw, &n), E_INVALID);
    free(b64);
    assert_true(digest_equal("ab", "ab"));
    assert_false(digest_equal("ab", "ac"));
    assert_false(digest_equal("ab", "abc"));
}

static void
small_things(void **state)
{
    char id[IDS_UUID_LEN + 1], now[32];
    struct errinfo ei;
    int i;

    (void)state;
    ids_uuid(id);
    assert_true(ids_is_uuid(id));
    assert_false(ids_is_uuid("pataticas"));
    assert_false(ids_is_uuid("00000000-0000-0000-0000-00000000000G"));
    clock_format_iso(1546083949123, now);
    assert_string_equal(now, "2018-12-29T11:45:49.123Z");
    clock_format_iso(-1, now);
    assert_string_equal(now, "1969-12-31T23:59:59.999Z");
    for (i = 0; i < 100; i++)
        assert_in_range(backoff_ms(3, 100, 500), 0, 500);
    assert_int_equal(errinfo_errno(&ei, ENOSPC, "write '%s'", "x"), E_NOSPACE);
    assert_int_equal(errinfo_prepend(&ei, "chunk %d", 3), E_NOSPACE);
    assert_string_equal(ei.msg, "chunk 3: write 'x': No space left on device");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_refusals),
        cmocka_unit_test(json_round_trip),
        cmocka_unit_test(config_errors_name_the_place),
        cmocka_unit_test(config_later_sources_win),
        cmocka_unit_test(seal_is_bound_to_its_place),
        cmocka_unit_test(publish_never_replaces),
        cmocka_unit_test(buf_has_a_ceiling),
        cmocka_unit_test(digests_match_the_standards),
        cmocka_unit_test(small_things),
    };

    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
