/* URLs of objects and the rules of names, as users see them: s3_target_url and its errors. */

#include "common/s3/s3_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct url_case {
    const char *name;
    struct s3_target target;
    const char *key;
    const char *want;  /* the URL, or NULL */
    const char *error; /* part of the words */
};

#define LONG64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

#define AWS(b, r)                                                                                  \
    {                                                                                              \
        .bucket = (b), .region = (r)                                                               \
    }
#define OWN(b, r, e)                                                                               \
    {                                                                                              \
        .bucket = (b), .region = (r), .endpoint = (e)                                              \
    }

static const struct url_case url_cases[] = {
    {"virtual host", AWS("bkt", "eu-west-1"), "k", "https://bkt.s3.eu-west-1.amazonaws.com/k",
     NULL},
    {"us-east-1", AWS("bkt", "us-east-1"), "k", "https://bkt.s3.us-east-1.amazonaws.com/k", NULL},
    {"bucket only", AWS("bkt", "eu-west-1"), NULL, "https://bkt.s3.eu-west-1.amazonaws.com/", NULL},
    {"china", AWS("bkt", "cn-north-1"), "k", "https://bkt.s3.cn-north-1.amazonaws.com.cn/k", NULL},
    {"gov", AWS("bkt", "us-gov-west-1"), "k", "https://bkt.s3.us-gov-west-1.amazonaws.com/k", NULL},
    {"iso", AWS("bkt", "us-iso-east-1"), "k", "https://bkt.s3.us-iso-east-1.c2s.ic.gov/k", NULL},
    {"iso b", AWS("bkt", "us-isob-east-1"), "k", "https://bkt.s3.us-isob-east-1.sc2s.sgov.gov/k",
     NULL},
    {"iso e", AWS("bkt", "eu-isoe-west-1"), "k", "https://bkt.s3.eu-isoe-west-1.cloud.adc-e.uk/k",
     NULL},
    {"iso f", AWS("bkt", "us-isof-south-1"), "k", "https://bkt.s3.us-isof-south-1.csp.hci.ic.gov/k",
     NULL},
    {"eusc", AWS("bkt", "eusc-de-east-1"), "k", "https://bkt.s3.eusc-de-east-1.amazonaws.eu/k",
     NULL},
    {"dots", AWS("a.b.c", "eu-west-1"), "k", "https://s3.eu-west-1.amazonaws.com/a.b.c/k", NULL},
    {"path style",
     {.bucket = "bkt", .region = "eu-west-1", .endpoint = NULL, .path_style = true},
     "k",
     "https://s3.eu-west-1.amazonaws.com/bkt/k",
     NULL},
    {"path style, bucket",
     {.bucket = "bkt", .region = "eu-west-1", .endpoint = "", .path_style = true},
     NULL,
     "https://s3.eu-west-1.amazonaws.com/bkt",
     NULL},
    {"dual stack",
     {.bucket = "bkt", .region = "eu-west-1", .dualstack = true},
     "k",
     "https://bkt.s3.dualstack.eu-west-1.amazonaws.com/k",
     NULL},
    {"fips",
     {.bucket = "bkt", .region = "us-east-2", .fips = true},
     "k",
     "https://bkt.s3-fips.us-east-2.amazonaws.com/k",
     NULL},
    {"fips and dual stack",
     {.bucket = "bkt", .region = "us-east-2", .fips = true, .dualstack = true},
     "k",
     "https://bkt.s3-fips.dualstack.us-east-2.amazonaws.com/k",
     NULL},
    {"no fips in china",
     {.bucket = "bkt", .region = "cn-north-1", .fips = true},
     "k",
     NULL,
     "FIPS"},
    {"no dual stack in iso",
     {.bucket = "bkt", .region = "us-iso-east-1", .dualstack = true},
     "k",
     NULL,
     "dual-stack"},
    {"fips with endpoint",
     {.bucket = "bkt", .region = "us-east-1", .endpoint = "http://h.test", .fips = true},
     "k",
     NULL,
     "FIPS"},
    {"custom host", OWN("bkt", "x", "https://s3.example.com"), "k", "https://bkt.s3.example.com/k",
     NULL},
    {"custom host, slash", OWN("bkt", "x", "https://s3.example.com/"), "k",
     "https://bkt.s3.example.com/k", NULL},
    {"custom, default port", OWN("bkt", "x", "https://s3.example.com:443"), "k",
     "https://bkt.s3.example.com/k", NULL},
    {"custom, other port", OWN("bkt", "x", "http://s3.example.com:443"), "k",
     "http://bkt.s3.example.com:443/k", NULL},
    {"custom IP", OWN("bkt", "x", "http://10.0.0.1:9000"), "k", "http://10.0.0.1:9000/bkt/k", NULL},
    {"custom IPv6", OWN("bkt", "x", "http://[::1]:9000"), "k", "http://[::1]:9000/bkt/k", NULL},
    {"custom one label", OWN("bkt", "x", "http://minio:9000"), "k", "http://minio:9000/bkt/k",
     NULL},
    {"custom, dots", OWN("a.b.c", "x", "https://s3.example.com"), "k",
     "https://s3.example.com/a.b.c/k", NULL},
    {"endpoint without scheme", OWN("bkt", "x", "s3.example.com"), "k", NULL, "http://"},
    {"endpoint ftp", OWN("bkt", "x", "ftp://s3.example.com"), "k", NULL, "http://"},
    {"endpoint with path", OWN("bkt", "x", "http://s3.example.com/a"), "k", NULL, "more than host"},
    {"endpoint with user", OWN("bkt", "x", "http://u:p@s3.example.com"), "k", NULL,
     "more than host"},
    {"endpoint with query", OWN("bkt", "x", "http://s3.example.com?x"), "k", NULL,
     "more than host"},
    {"endpoint fragment", OWN("bkt", "x", "http://s3.example.com#"), "k", NULL, "more than host"},
    {"endpoint port 0", OWN("bkt", "x", "http://h.test:0"), "k", NULL, "port"},
    {"endpoint port 65536", OWN("bkt", "x", "http://h.test:65536"), "k", NULL, "port"},
    {"endpoint port word", OWN("bkt", "x", "http://h.test:80a"), "k", NULL, "port"},
    {"endpoint port empty", OWN("bkt", "x", "http://h.test:"), "k", NULL, "port"},
    {"endpoint bad v6", OWN("bkt", "x", "http://[::g]"), "k", NULL, "IPv6"},
    {"endpoint open v6", OWN("bkt", "x", "http://[::1"), "k", NULL, "']'"},
    {"endpoint v6 tail", OWN("bkt", "x", "http://[::1]x"), "k", NULL, "port"},
    {"endpoint bad label", OWN("bkt", "x", "http://-a.test"), "k", NULL, "host name"},
    {"endpoint empty label", OWN("bkt", "x", "http://a..test"), "k", NULL, "host name"},
    {"endpoint no host", OWN("bkt", "x", "http://"), "k", NULL, "host name"},
    {"endpoint 256.1.1.1", OWN("bkt", "x", "http://256.1.1.1"), "k", NULL, "host name"},
    {"endpoint line end", OWN("bkt", "x", "http://a.test\r\nX: y"), "k", NULL, "host name"},
    {"region empty", AWS("bkt", ""), "k", NULL, "region is empty"},
    {"region absent", AWS("bkt", NULL), "k", NULL, "region is empty"},
    {"region unknown", AWS("bkt", "mars-north-1"), "k", NULL, "no region of a known"},
    {"region no number", AWS("bkt", "eu-west"), "k", NULL, "no region of a known"},
    {"region number only", AWS("bkt", "1"), "k", NULL, "no region of a known"},
    {"region injected", AWS("bkt", "us-east-1.evil.com/"), "k", NULL, "region"},
    {"region upper case", AWS("bkt", "EU-WEST-1"), "k", NULL, "region"},
    {"region long", AWS("bkt", LONG64), "k", NULL, "region"},
    {"region of custom, blank", OWN("bkt", "a b", "http://h.test"), "k", NULL, "region"},
    {"bucket empty", AWS("", "eu-west-1"), "k", NULL, "empty"},
    {"bucket short", AWS("ab", "eu-west-1"), "k", NULL, "3 to 63"},
    {"bucket long", AWS(LONG64, "eu-west-1"), "k", NULL, "3 to 63"},
    {"bucket upper", AWS("Bucket", "eu-west-1"), "k", NULL, "lower-case"},
    {"bucket up", AWS("../x", "eu-west-1"), "k", NULL, "lower-case"},
    {"bucket hash", AWS("example.com#", "eu-west-1"), "k", NULL, "lower-case"},
    {"bucket slash", AWS("a/b/c", "eu-west-1"), "k", NULL, "lower-case"},
    {"bucket underscore", AWS("a_b_c", "eu-west-1"), "k", NULL, "lower-case"},
    {"bucket hyphen end", AWS("abc-", "eu-west-1"), "k", NULL, "begin and end"},
    {"bucket dot first", AWS(".abc", "eu-west-1"), "k", NULL, "begin and end"},
    {"bucket dots", AWS("a..b", "eu-west-1"), "k", NULL, "two dots"},
    {"bucket ip", AWS("192.168.0.1", "eu-west-1"), "k", NULL, "IP address"},
    {"bucket xn--", AWS("xn--abc", "eu-west-1"), "k", NULL, "xn--"},
    {"bucket alias", AWS("abc-s3alias", "eu-west-1"), "k", NULL, "-s3alias"},
    {"bucket ol", AWS("abc--ol-s3", "eu-west-1"), "k", NULL, "--ol-s3"},
    {"bucket express", AWS("abc--x-s3", "eu-west-1"), "k", NULL, "--x-s3"},
    {"key encoded once", AWS("bkt", "eu-west-1"), "dir/a b+\xc3\xbc%41.csv.gz",
     "https://bkt.s3.eu-west-1.amazonaws.com/dir/a%20b%2B%C3%BC%2541.csv.gz", NULL},
    {"key odd", AWS("bkt", "eu-west-1"), "a~b-c_d.e/(f)*'!",
     "https://bkt.s3.eu-west-1.amazonaws.com/a~b-c_d.e/%28f%29%2A%27%21", NULL},
    {"key slashes", AWS("bkt", "eu-west-1"), "/a//b/",
     "https://bkt.s3.eu-west-1.amazonaws.com//a//b/", NULL},
    {"key inner dots", AWS("bkt", "eu-west-1"), "a/../b",
     "https://bkt.s3.eu-west-1.amazonaws.com/a/../b", NULL},
    {"key climbs", AWS("bkt", "eu-west-1"), "../b", NULL, "climbs out"},
    {"key climbs later", AWS("bkt", "eu-west-1"), "a/../../b", NULL, "climbs out"},
    {"key empty", AWS("bkt", "eu-west-1"), "", NULL, "empty"},
    {"key soap", AWS("bkt", "eu-west-1"), "soap", NULL, "soap"},
    {"key control", AWS("bkt", "eu-west-1"), "a\nb", NULL, "control"},
    {"key not utf-8", AWS("bkt", "eu-west-1"), "a\xff", NULL, "UTF-8"},
    {"key overlong utf-8", AWS("bkt", "eu-west-1"), "a\xc0\x80", NULL, "UTF-8"},
    {"key surrogate", AWS("bkt", "eu-west-1"), "\xed\xa0\x80", NULL, "UTF-8"},
    {"key cut utf-8", AWS("bkt", "eu-west-1"), "\xe2\x82", NULL, "UTF-8"},
};

static void
test_urls(void **state)
{
    unsigned failed = 0;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(url_cases); i++) {
        const struct url_case *c = &url_cases[i];
        struct errinfo ei = ERRINFO_INIT;
        struct buf out;
        int rc;

        buf_init(&out, 4096);
        rc = s3_target_url(&c->target, c->key, &out, &ei);
        if (c->want != NULL && (rc != E_OK || strcmp(buf_str(&out), c->want) != 0)) {
            print_error("%s: got '%s' (%s), want '%s'\n", c->name, buf_str(&out), ei.msg, c->want);
            failed++;
        }
        if (c->want == NULL && (rc != E_INVALID || strstr(ei.msg, c->error) == NULL)) {
            print_error("%s: got %d '%s' '%s', want E_INVALID with '%s'\n", c->name, rc,
                        buf_str(&out), ei.msg, c->error);
            failed++;
        }
        buf_done(&out);
    }
    assert_int_equal(failed, 0);
}

static void
test_key_length(void **state)
{
    struct s3_target t = {
        .bucket = "bkt", .region = "eu-west-1", .access_key = "A", .secret_key = "S"};
    struct errinfo ei = ERRINFO_INIT;
    char key[1026];

    (void)state;
    memset(key, 'k', sizeof(key));
    key[1024] = '\0';
    assert_int_equal(s3_target_check(&t, key, &ei), E_OK);
    key[1024] = 'k';
    key[1025] = '\0';
    assert_int_equal(s3_target_check(&t, key, &ei), E_INVALID);
    assert_non_null(strstr(ei.msg, "1024"));
}

static void
test_credentials(void **state)
{
    static const struct {
        const char *name, *access, *secret, *token, *error;
    } cases[] = {
        {"good", "AKIA", "secret/+", NULL, NULL},
        {"good token", "AKIA", "s", "abc+/==", NULL},
        {"no access key", "", "s", NULL, "access key is empty"},
        {"no secret", "AKIA", NULL, NULL, "secret key is empty"},
        {"header split", "AKIA\r\nX: y", "s", NULL, "access key holds"},
        {"scope split", "AK/IA", "s", NULL, "access key holds"},
        {"token split", "AKIA", "s", "a\nb", "session token holds"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_target t = {.bucket = "bkt",
                              .region = "eu-west-1",
                              .access_key = cases[i].access,
                              .secret_key = cases[i].secret,
                              .session_token = cases[i].token};
        struct errinfo ei = ERRINFO_INIT;
        int rc = s3_target_check(&t, "k", &ei);

        if ((rc == E_OK) != (cases[i].error == NULL) ||
            (cases[i].error != NULL && strstr(ei.msg, cases[i].error) == NULL))
            fail_msg("%s: got %d '%s', want '%s'", cases[i].name, rc, ei.msg,
                     cases[i].error != NULL ? cases[i].error : "ok");
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_key_length),
        cmocka_unit_test(test_credentials),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
