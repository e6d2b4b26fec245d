#include "api/client/client.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* The signature of a request: lower-case hex of HMAC-SHA256 under the API secret over API key,
 * body bytes and timestamp. The vectors come from Python's hmac. */

static void
vectors(void **state)
{
    static const struct {
        const char *name, *key, *secret, *body;
        size_t len;
        int64_t now_ms;
        const char *want;
    } cases[] = {
        {"no body", "key", "secret", "", 0, 1500000000000,
         "04bdeaa388ff41eefeeeb380fba4755a7aecd6f9a0a04727a6863187307fc2d5"},
        {"json", "k3yABC", "s3cret/+=", "{\"query\":\"from a.b.c\",\"from\":\"1h\"}", 34,
         1541152006165, "8133735267075c41d8a6802f012aec8e107eee7b1a9606aa26cdf1823918be27"},
        {"utf-8, line ends", "k", "ünïcödé", "ü\n{ }", 6, 1,
         "0df294beee6ffa44362d831e68004ae43764f9e62507bef144e8c9701cd07b00"},
        {"zero bytes", "key",
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
         "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
         "\0\1\2", 3, 1500000000000,
         "0e08a93f20b0423d9b28628b32253e3806b1a1c9309866598ee8b5dc7bd266ba"},
    };
    char lines[3][256], want[3][256];
    struct errinfo ei = ERRINFO_INIT;
    size_t i, k;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        setenv("BUCKETLINE_API_KEY", cases[i].key, 1);
        setenv("BUCKETLINE_API_SECRET", cases[i].secret, 1);
        snprintf(want[0], 256, "x-logtrust-apikey: %s", cases[i].key);
        snprintf(want[1], 256, "x-logtrust-timestamp: %lld", (long long)cases[i].now_ms);
        snprintf(want[2], 256, "x-logtrust-sign: %s", cases[i].want);
        if (client_sign(cases[i].body, cases[i].len, cases[i].now_ms, lines, &ei) < 0)
            fail_msg("%s: %s", cases[i].name, ei.msg);
        for (k = 0; k < 3; k++) {
            if (strcmp(lines[k], want[k]) != 0)
                fail_msg("%s: got '%s', want '%s'", cases[i].name, lines[k], want[k]);
        }
    }
}

static void
refusals(void **state)
{
    static const struct {
        const char *name, *key, *secret, *words;
    } cases[] = {
        {"nothing set", NULL, NULL, "not in the environment"},
        {"no secret", "key", NULL, "not in the environment"},
        {"empty key", "", "secret", "not in the environment"},
    };
    char lines[3][256], long_key[300];
    struct errinfo ei;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        unsetenv("BUCKETLINE_API_KEY");
        unsetenv("BUCKETLINE_API_SECRET");
        if (cases[i].key != NULL)
            setenv("BUCKETLINE_API_KEY", cases[i].key, 1);
        if (cases[i].secret != NULL)
            setenv("BUCKETLINE_API_SECRET", cases[i].secret, 1);
        if (client_sign("", 0, 1, lines, &ei) != E_INVALID)
            fail_msg("%s: got a signature, want E_INVALID", cases[i].name);
        if (strstr(ei.msg, cases[i].words) == NULL)
            fail_msg("%s: got '%s', want '%s'", cases[i].name, ei.msg, cases[i].words);
    }
    memset(long_key, 'k', sizeof(long_key) - 1);
    long_key[sizeof(long_key) - 1] = '\0';
    setenv("BUCKETLINE_API_KEY", long_key, 1);
    setenv("BUCKETLINE_API_SECRET", "s3cret-text", 1);
    assert_int_equal(client_sign("", 0, 1, lines, &ei), E_INVALID);
    assert_null(strstr(ei.msg, "s3cret-text"));
}

static void
words_of_others(void **state)
{
    char *got = client_printable("a\033[2Jb\tc\x7f\xc3\xbc\n");

    (void)state;
    assert_string_equal(got, "a [2Jb c \xc3\xbc ");
    free(got);
}

static void
job_ids(void **state)
{
    static const struct {
        const char *text;
        bool want;
    } cases[] = {
        {"16cea1dd-43a4-4a0b-9f36-28bf3eb71e5c", true},
        {"pataticas", true}, /* the service answers 404 */
        {"", false},
        {"../jobs", false},
        {"a?b", false},
        {"a b", false},
        {"%2e", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        if (client_is_job_id(cases[i].text) != cases[i].want)
            fail_msg("'%s': got %d, want %d", cases[i].text, !cases[i].want, cases[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(refusals),
        cmocka_unit_test(words_of_others),
        cmocka_unit_test(job_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
