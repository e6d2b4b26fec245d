#include "api/client/s3_sign.h"

#include "common/base/json.h"
#include "common/s3/sigv4.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* `bucketline s3 sign`: the worked examples of the S3 API Reference, "Signature Calculations for
 * the Authorization Header" and "Authenticating Requests: Using Query Parameters"; what is refused
 * before anything is signed. Against another signer: tests/integration/test_cli_s3.py. */

#define KEYS                                                                                       \
    "\"region\":\"us-east-1\",\"access_key\":\"AKIAIOSFODNN7EXAMPLE\","                            \
    "\"secret_key\":\"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\",\"time\":\"20130524T000000Z\""
#define HOST     "https://examplebucket.s3.amazonaws.com"
#define EMPTY    "\"x-amz-content-sha256\":\"" SIGV4_EMPTY_HASH "\""
#define PUT_HASH "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"

static char *
member(const char *line, const char *name)
{
    struct json *root = NULL;
    char *value;

    assert_int_equal(json_parse(line, strlen(line), &root, NULL), E_OK);
    value = mem_strdup(json_get_string(root, name, ""));
    json_free(root);
    return value;
}

static void
test_examples(void **state)
{
    static const struct {
        const char *name, *request, *signature;
    } cases[] = {
        {"get object",
         "\"url\":\"" HOST "/test.txt\",\"headers\":{\"Range\":\"bytes=0-9\"," EMPTY "}",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"its date is that of time",
         "\"url\":\"" HOST ":443/test.txt\",\"headers\":{\"Range\":\"bytes=0-9\"," EMPTY
         ",\"X-Amz-Date\":\"19700101T000000Z\"}",
         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
        {"put object, by its body",
         "\"method\":\"PUT\",\"url\":\"" HOST "/test$file.text\",\"headers\":{"
         "\"Date\":\"Fri, 24 May 2013 00:00:00 GMT\",\"x-amz-storage-class\":"
         "\"REDUCED_REDUNDANCY\",\"x-amz-content-sha256\":\"" PUT_HASH "\"},"
         "\"body\":\"Welcome to Amazon S3.\"",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"put object, by its hash, encoded path",
         "\"method\":\"PUT\",\"url\":\"" HOST "/test%24file.text\",\"headers\":{"
         "\"Date\":\"Fri, 24 May 2013 00:00:00 GMT\",\"x-amz-storage-class\":"
         "[\"REDUCED_REDUNDANCY\"],\"x-amz-content-sha256\":\"" PUT_HASH "\"},"
         "\"payload_hash\":\"" PUT_HASH "\"",
         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
        {"get bucket lifecycle", "\"url\":\"" HOST "/?lifecycle\",\"headers\":{" EMPTY "}",
         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
        {"list objects", "\"url\":\"" HOST "?max-keys=%32&prefix=J\",\"headers\":{" EMPTY "}",
         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
        {"presigned get", "\"url\":\"" HOST "/test.txt\",\"presign_seconds\":86400",
         "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_INIT(1 << 20);
        struct errinfo ei = ERRINFO_INIT;
        char *text = mem_printf("{" KEYS ",%s}", cases[i].request), *got, *shown;
        bool url = strstr(cases[i].request, "presign") != NULL;

        if (client_s3_sign(text, strlen(text), &out, &ei) < 0)
            fail_msg("%s: %s", cases[i].name, ei.msg);
        got = member(buf_str(&out), "signature");
        if (strcmp(got, cases[i].signature) != 0)
            fail_msg("%s: got %s, want %s; %s", cases[i].name, got, cases[i].signature,
                     buf_str(&out));
        shown = member(buf_str(&out), url ? "url" : "authorization");
        assert_non_null(strstr(shown, cases[i].signature));
        assert_true(!url ||
                    strncmp(shown, HOST "/test.txt?X-Amz-", strlen(HOST "/test.txt?X-Amz-")) == 0);
        assert_null(strstr(buf_str(&out), "wJalr"));
        free(shown);
        free(got);
        free(text);
        buf_done(&out);
    }
}

static void
test_refusals(void **state)
{
    static const struct {
        const char *name, *text, *words;
    } cases[] = {
        {"no json", "{", "byte"},
        {"a list", "[]", "must be a JSON object"},
        {"no url", "{" KEYS "}", "url is missing"},
        {"no keys", "{\"url\":\"http://h/\",\"region\":\"r\"}", "access_key is missing"},
        {"misspelt", "{" KEYS ",\"url\":\"http://h/\",\"header\":{}}", "no member 'header'"},
        {"wrong type", "{" KEYS ",\"url\":1}", "url must be a string"},
        {"no scheme", "{" KEYS ",\"url\":\"h/k\"}", "http(s)://"},
        {"no host", "{" KEYS ",\"url\":\"http:///k\"}", "no usable host"},
        {"a user", "{" KEYS ",\"url\":\"http://u@h/k\"}", "no usable host"},
        {"a fragment", "{" KEYS ",\"url\":\"http://h/k#f\"}", "http(s)://"},
        {"nul", "{" KEYS ",\"url\":\"http://h/?a=%00\"}", "%00"},
        {"header of another type", "{" KEYS ",\"url\":\"http://h/\",\"headers\":{\"a\":1}}",
         "must be a string"},
        {"line end in a header", "{" KEYS ",\"url\":\"http://h/\",\"headers\":{\"a\":\"b\\nc\"}}",
         "visible ASCII"},
        {"too long", "{" KEYS ",\"url\":\"http://h/\",\"presign_seconds\":604801}", "604800"},
        {"negative", "{" KEYS ",\"url\":\"http://h/\",\"presign_seconds\":-1}", "604800"},
        {"time",
         "{\"region\":\"r\",\"access_key\":\"a\",\"secret_key\":\"s\",\"url\":\"http://h/\","
         "\"time\":\"2013-05-24\"}",
         "20130524T000000Z"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf out = BUF_INIT(1 << 20);
        struct errinfo ei = ERRINFO_INIT;
        int rc = client_s3_sign(cases[i].text, strlen(cases[i].text), &out, &ei);

        if (rc != E_INVALID || strstr(ei.msg, cases[i].words) == NULL)
            fail_msg("%s: got %d '%s', want words '%s'", cases[i].name, rc, ei.msg, cases[i].words);
        assert_int_equal(out.len, 0);
        buf_done(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
