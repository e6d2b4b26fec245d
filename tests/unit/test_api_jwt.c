/* Signed tokens at a fixed clock. The first was made outside of this code (openssl dgst -hmac). */

#include "api/jwt.h"
#include "common/base/buf.h"
#include "common/base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEY "0123456789abcdef0123456789abcdef"
#define NOW INT64_C(1800000000000)
#define FIXED                                                                                      \
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkb21haW4iOiJhY21lIiwidGFibGVzIjpbImEiXSw"             \
    "iZXhwIjoxODAwMDAwMDAxLCJyZWFkT25seSI6dHJ1ZSwic3ViIjoiYW5uIn0.Nv9kfziLVuoXpUpOMVi"             \
    "SmNJGDeCf0yVqQLmbiWaYDUM"

static char *
base64url(const void *p, size_t n)
{
    char *text = digest_base64(p, n), *c;

    for (c = text; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    text[strcspn(text, "=")] = '\0';
    return text;
}

static char *
make_token(const char *header, const char *claims)
{
    char *h = base64url(header, strlen(header)), *c = base64url(claims, strlen(claims));
    char *text = mem_printf("%s.%s", h, c), *s, *token;
    unsigned char mac[DIGEST_SHA256_LEN];

    digest_hmac_sha256(KEY, strlen(KEY), text, strlen(text), mac);
    s = base64url(mac, sizeof(mac));
    token = mem_printf("%s.%s", text, s);
    free(h);
    free(c);
    free(text);
    free(s);
    return token;
}

#define HS256 "{\"alg\":\"HS256\"}"
#define GOOD  "\"domain\":\"acme\",\"tables\":[\"a.*\",\"b\"],\"exp\":1800000001"

static void
test_claims(void **state)
{
    static const struct {
        const char *name, *header, *claims, *want; /* want NULL: good; else a word of the refusal */
    } rows[] = {
        {"good", HS256, "{" GOOD "}", NULL},
        {"a fraction of a second left", HS256,
         "{\"domain\":\"acme\",\"tables\":\"a.*,b\",\"exp\":1800000000.5}", NULL},
        {"over now", HS256, "{\"domain\":\"acme\",\"tables\":\"a\",\"exp\":1800000000}", "expired"},
        {"nbf within the leeway", HS256, "{" GOOD ",\"nbf\":1800000030}", NULL},
        {"nbf beyond it", HS256, "{" GOOD ",\"nbf\":1800000031}", "yet"},
        {"exp negative", HS256, "{\"domain\":\"acme\",\"tables\":\"a\",\"exp\":-1}", "exp"},
        {"exp huge", HS256, "{\"domain\":\"acme\",\"tables\":\"a\",\"exp\":1e300}", "exp"},
        {"a claim twice", HS256, "{" GOOD ",\"domain\":\"other\"}", "claims"},
        {"alg none", "{\"alg\":\"none\"}", "{" GOOD "}", "alg"},
        {"alg in another case", "{\"alg\":\"hs256\"}", "{" GOOD "}", "alg"},
        {"no alg", "{}", "{" GOOD "}", "alg"},
        {"header no object", "[]", "{" GOOD "}", "header"},
        {"domain with a colon", HS256, "{\"domain\":\"a:b\",\"tables\":\"a\",\"exp\":1800000001}",
         "domain"},
        {"an empty glob", HS256, "{\"domain\":\"a\",\"tables\":[\"\"],\"exp\":1800000001}",
         "tables"},
        {"sub with a blank", HS256, "{" GOOD ",\"sub\":\"a b\"}", "sub"},
    };
    struct jwt_claims c;
    struct errinfo ei;
    char *token;
    size_t i;
    int rc;

    (void)state;
    for (i = 0; i < ARRAY_LEN(rows); i++) {
        ei = (struct errinfo)ERRINFO_INIT;
        token = make_token(rows[i].header, rows[i].claims);
        rc = jwt_verify(token, KEY, NOW, &c, &ei);
        free(token);
        if (rc != (rows[i].want == NULL ? E_OK : E_DENIED) ||
            (rows[i].want != NULL && strstr(ei.msg, rows[i].want) == NULL))
            fail_msg("%s: got %d '%s', want '%s'", rows[i].name, rc, ei.msg,
                     rows[i].want != NULL ? rows[i].want : "ok");
        if (rc == E_OK) {
            assert_string_equal(c.domain, "acme");
            assert_string_equal(c.tables, "a.*,b");
            jwt_claims_done(&c);
        }
    }
}

/* Each byte of a good token, changed, is refused. */
static void
test_any_change_is_refused(void **state)
{
    char *token = make_token(HS256, "{" GOOD "}");
    struct errinfo ei = ERRINFO_INIT;
    struct jwt_claims c;
    size_t i;
    char was;

    (void)state;
    for (i = 0; token[i] != '\0'; i++) {
        was = token[i];
        token[i] = was == 'A' ? 'B' : 'A';
        if (jwt_verify(token, KEY, NOW, &c, &ei) != E_DENIED)
            fail_msg("byte %zu changed: got ok, want a refusal", i);
        token[i] = was;
    }
    assert_int_equal(jwt_verify(token, KEY "x", NOW, &c, &ei), E_DENIED);
    free(token);
}

static void
test_token_made_elsewhere(void **state)
{
    struct errinfo ei = ERRINFO_INIT;
    struct jwt_claims c;

    (void)state;
    if (jwt_verify(FIXED, KEY, NOW, &c, &ei) != E_OK)
        fail_msg("got '%s', want ok", ei.msg);
    assert_string_equal(c.subject, "ann");
    assert_true(c.read_only);
    assert_true(c.expires_ms == NOW + 1000);
    jwt_claims_done(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_claims),
        cmocka_unit_test(test_any_change_is_refused),
        cmocka_unit_test(test_token_made_elsewhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
