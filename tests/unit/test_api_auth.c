/* What authentication computes: signatures (vectors made with openssl dgst -hmac), tokens, clocks
 * and the tables a credential may read. */

#include "api/auth.h"
#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

static void
test_sign(void **state)
{
    static const struct {
        const char *name, *body, *want;
    } rows[] = {
        {"python's body", "{\"query\": \"from a select *\", \"from\": \"1h\"}",
         "60b742671a38eb8a7693bc1abbc23b7dbe5eb0919c52395675f2dd2472781341"},
        {"no body", "", "458a0f23b53103063eb152ccdc4493f0b808082d983e30ddfd5c9575685d5658"},
        {"bytes as received", "{\"q\":\"\xc3\xa4\\u00e4\"}",
         "e5c32c78fecd1a5e17aff19847b603679d3635641164b22a3c4ff4b148fbce2c"},
    };
    char got[AUTH_SIGN_HEX + 1];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        auth_sign("aKey", "s3cret", rows[i].body, strlen(rows[i].body), "1546947949000", got);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: got %s, want %s", rows[i].name, got, rows[i].want);
    }
}

static void
test_token(void **state)
{
    static const struct {
        const char *header, *want;
    } rows[] = {
        {"Bearer abc", "abc"},
        {"bearer abc", "abc"},
        {"BEARER  abc", "abc"},
        {"abc", "abc"},
        {"bearerabc", "bearerabc"},
        {"a.b-c_d~e+f/g=", "a.b-c_d~e+f/g="},
        {"", NULL},
        {"Bearer", NULL},
        {"Bearer ", NULL},
        {"Basic dTpw", NULL},
        {"jwt a.b.c", NULL},
        {"Bearer a b", NULL},
        {"Bearer a,b", NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        const char *got = auth_token(rows[i].header);
        if ((got == NULL) != (rows[i].want == NULL) ||
            (got != NULL && strcmp(got, rows[i].want) != 0))
            fail_msg("'%s': got '%s', want '%s'", rows[i].header, got != NULL ? got : "(none)",
                     rows[i].want != NULL ? rows[i].want : "(none)");
    }
}

static void
test_clock(void **state)
{
    static const struct {
        const char *text;
        enum auth_clock want;
    } rows[] = {
        {"1000000", AUTH_CLOCK_OK},
        {"1300000", AUTH_CLOCK_OK},
        {"700000", AUTH_CLOCK_OK},
        {"1300001", AUTH_CLOCK_STALE},
        {"699999", AUTH_CLOCK_STALE},
        {"0", AUTH_CLOCK_STALE},
        {"1000", AUTH_CLOCK_STALE},
        {"", AUTH_CLOCK_BAD},
        {"-1000000", AUTH_CLOCK_BAD},
        {"+1000000", AUTH_CLOCK_BAD},
        {" 1000000", AUTH_CLOCK_BAD},
        {"1000000.5", AUTH_CLOCK_BAD},
        {"1000000x", AUTH_CLOCK_BAD},
        {"0x10", AUTH_CLOCK_BAD},
        {"9999999999999999999", AUTH_CLOCK_BAD},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        enum auth_clock got = auth_clock(rows[i].text, 1000000, 300000);
        if (got != rows[i].want)
            fail_msg("'%s': got %d, want %d", rows[i].text, (int)got, (int)rows[i].want);
    }
}

static void
test_globs(void **state)
{
    static const struct {
        const char *glob, *table;
        bool want;
    } rows[] = {
        {"**", "demo.flights.data", true},
        {"**", "x", true},
        {"demo.flights.data", "demo.flights.data", true},
        {"demo.flights.data", "demo.flights.data2", false},
        {"demo.flights.data", "demo.flights", false},
        {"demo.flights", "demo.flights.data", false},
        {"demo.**", "demo.flights.data", true},
        {"demo.**", "demo", true},
        {"demo.**", "demon.x", false},
        {"demo.**", "other.demo.x", false},
        {"demo.*", "demo.flights", true},
        {"demo.*", "demo.flights.data", false},
        {"demo.*", "demo", false},
        {"*", "demo", true},
        {"*", "demo.x", false},
        {"demo.*.data", "demo.flights.data", true},
        {"demo.*.data", "demo.a.b.data", false},
        {"demo.**.data", "demo.a.b.data", true},
        {"demo.**.data", "demo.data", true},
        {"demo.**.data", "demo.data.x", false},
        {"**.data", "demo.flights.data", true},
        {"**.data", "data", true},
        {"**.a.**.b", "x.a.y.z.b", true},
        {"**.a.**.b", "x.a.y.z.c", false},
        {"fire*.for*net", "firewall.fortinet", true},
        {"fire*.for*net", "firewall.fortinets", false},
        {"*a*b*", "xxaxxbxx", true},
        {"*a*b*", "xxbxxaxx", false},
        {"", "demo", false},
        {"Demo.x", "demo.x", false},
        {"**.**.**.**.x", "a.b.c.d.e.f.g.h.i.j", false},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        bool got = auth_glob_match(rows[i].glob, rows[i].table);
        if (got != rows[i].want)
            fail_msg("'%s' on '%s': got %d, want %d", rows[i].glob, rows[i].table, got,
                     rows[i].want);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign),
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_globs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
