/*
 * Functions of text, regular expressions, URLs and addresses, executed by the engine.
 */

#include "tests/unit/linq_duckdb_fixture.h"

static const struct pair TEXT[] = {
    {"levenshtein(\"kitten\", \"sitting\")", "3"},
    {"levenshtein(\"\\u00e9t\\u00e9\", \"ete\")", "2"},
    {"levenshtein(\"\", \"abc\")", "3"},
    {"levenshtein(\"\\u00e9\", \"\")", "1"},
    {"levenshtein(null, \"a\")", "NULL"},
    {"levenshtein(cookie, \"JSESSIONID=\")", "length(cookie) - 11"},
    {"damerau(\"ab\", \"ba\")", "1"},
    {"damerau(\"ca\", \"abc\")", "2"},
    {"damerau(\"\\u00e9a\", \"a\\u00e9\")", "1"},
    {"hamming(\"karolin\", \"kathrin\")", "3"},
    {"hamming(\"\", \"\")", "0"},
    {"hamming(\"ab\", \"abc\")", "NULL"},
    {"hamming(\"\\u00e9a\", \"ea\")", "1"},
    {"hamming(method, \"GET\")", "CASE method WHEN 'GET' THEN 0 WHEN 'PUT' THEN 2 END"},
    {"shannonentropy(\"aabb\")", "1.0::DOUBLE"},
    {"shannonentropy(\"\")", "0.0::DOUBLE"},
    {"shannonentropy(\"\\u00e9\\u00e9ab\")", "1.5::DOUBLE"},
    {"shannonentropy(\"aaaa\")", "0.0::DOUBLE"},
    {"toktains(uri, \"screen\")", "uri LIKE '%.screen?%'"},
    {"toktains(uri, \"scree\")", "false"},
    {"toktains(uri, \"scree\", false, true)", "true"},
    {"toktains(uri, \"creen\", true)", "true"},
    {"toktains(uri, \"reen?\", true)", "true"},
    {"toktains(\"a foo.bar b\", \"foo.bar\")", "true"},
    {"toktains(\"a xfoo.bar b\", \"foo.bar\")", "false"},
    {"toktains(\"\\u00e9foo\", \"foo\")", "false"},
    {"toktains(\"x.*y\", \".*\")", "true"},
    {"toktains(\"x\", \"\")", "false"},
    {"toktains(\"a Foo\", \"foo\")", "false"},
    {"weaktoktains(\"a Foo\", \"fOO\")", "true"},
    {"weaktoktains(userAgent, \"googlebot\")", "userAgent LIKE 'Google%'"},
    {"toktains(referralUri, \"q\")", "CASE WHEN \"referralUri\" IS NOT NULL THEN true END"},
    {"splitre(\"a1b22c\", re(\"[0-9]+\"))", "'[\"a\",\"b\",\"c\"]'"},
    {"splitre(\"a1b22c\", re(\"[0-9]+\"), 2)", "'c'"},
    {"splitre(\"a1b\", re(\"[0-9]+\"), 7)", "NULL"},
    {"splitre(referralUri, re(\"[=?]\"), 2)",
     "CASE WHEN \"referralUri\" IS NOT NULL THEN substr(\"referralUri\", 17, 1) END"},
    {"subs(\"abcabc\", re(\"(b)(c)\"), template(\"<\\\\2\\\\1>\"))", "'a<cb>abc'"},
    {"subsall(\"abcabc\", re(\"b(c)\"), \"\\\\1.\\\\0\")", "'ac.bcac.bc'"},
    {"subs(\"abc\", re(\"x\"), \"y\")", "'abc'"},
    {"subs(\"abc\", re(\"x\"), \"y\", \"none\")", "'none'"},
    {"subsall(\"aXbX\", re(\"X\"), \"$\")", "'a$b$'"},
    {"subsall(\"aXb\", re(\"Z\"), \"\", \"-\")", "'-'"},
    {"subs(\"a\\u00e9b\", re(\"[^a-z]\"), \"\")", "'ab'"},
    {"subs(uri, re(\"^/([a-z]+).*\"), \"\\\\1\")", "split_part(substr(uri, 2), '.', 1)"},
    {"eqic(method, \"get\")", "method = 'GET'"},
    {"reverse(reverse(uri))", "uri"},
    {"reverse(\"\")", "''"},
    {"indexof(\"abc\", \"z\")", "-1"},
    {"indexof(\"\\u00e9b\", \"b\")", "1"},
    {"ltrim(\"  a \")", "'a '"},
    {"rtrim(\"  a \")", "'  a'"},
    {"substring(\"a\\u00e9b\", 1, 1)", "'é'"},
    {"substring(\"abc\", 5)", "''"},
    {"replaceall(uri, \"screen\", \"\")", "array_to_string(string_split(uri, 'screen'), '')"},
    {"weakhas(userAgent, \"FIREFOX\")", "userAgent ILIKE '%firefox%'"},
    {"has(uri, \"GIFTS\")", "uri LIKE '%GIFTS%'"},
    {"nvl(referralUri, \"-\")", "coalesce(\"referralUri\", '-')"},
    {"matches(uri, re(\"^/c\"))", "substr(uri, 1, 2) = '/c'"},
    {"has(uri, \"GIFTS\", \"TEDDY\")", "regexp_matches(uri, 'GIFTS|TEDDY')"},
    {"weakhas(uri, \"gifts\", \"teddy\", \"x\")", "regexp_matches(uri, '(?i)gifts|teddy|x')"},
    {"has(referralUri, null, \"q\")", "CASE WHEN \"referralUri\" IS NOT NULL THEN true END"},
    {"peek(\"k=v\", re(\"(.)=(.)\"), 2)", "'v'"},
    {"isempty(ltrim(\" \"))", "true"},
};

static const struct pair TEXT_REFUSED[] = {
    {"subs(\"a\", re(\"(a)\"), \"\\\\2\")", "names group 2, the regular expression has 1"},
    {"subs(\"a\", re(\"a\"), \"$1\")", "names groups as"},
    {"subs(\"a\", re(\"a\"), \"\\\\x\")", "a digit or a backslash"},
    {"osa(\"a\", \"b\")", "no exact form"},
    {"locate(\"a\", \"b\")", "not documented"},
    {"rand()", "rows have no number"},
    {"rootdomain(uri)", "public suffixes"},
    {"toktains(uri)", "toktains"},
    {"has(statusCode, \"a\", \"b\")", "searched for in a text only"},
    {"has(uri, 1, \"b\")", "is searched for texts only"},
    {"has(uri)", "has(any, any, ...)"},
};

static void
test_text(void **state UNUSED)
{
    pairs_hold(TEXT, ARRAY_LEN(TEXT));
    pairs_refused(TEXT_REFUSED, ARRAY_LEN(TEXT_REFUSED));
}

static const struct pair URL[] = {
    {"urischeme(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'http'"},
    {"urissp(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")",
     "'//user:pw@example.org:8080/a/b%20c?x=1&y=2'"},
    {"uriauthority(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")",
     "'user:pw@example.org:8080'"},
    {"uriuser(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'user:pw'"},
    {"urihost(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'example.org'"},
    {"uriport(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "8080"},
    {"uripath(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'/a/b%20c'"},
    {"uriquery(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'x=1&y=2'"},
    {"urifragment(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "'frag'"},
    {"absoluteuri(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "true"},
    {"opaqueuri(\"http://user:pw@example.org:8080/a/b%20c?x=1&y=2#frag\")", "false"},
    {"urischeme(\"mailto:a@b.org\")", "'mailto'"},
    {"uriauthority(\"mailto:a@b.org\")", "NULL"},
    {"urihost(\"mailto:a@b.org\")", "NULL"},
    {"uriport(\"mailto:a@b.org\")", "NULL"},
    {"uriuser(\"mailto:a@b.org\")", "NULL"},
    {"uriquery(\"mailto:a@b.org\")", "NULL"},
    {"urifragment(\"mailto:a@b.org\")", "NULL"},
    {"opaqueuri(\"mailto:a@b.org\")", "true"},
    {"urissp(\"mailto:a@b.org\")", "'a@b.org'"},
    {"urihost(\"https://[2001:db8::1]:443/\")", "'[2001:db8::1]'"},
    {"uriport(\"https://[2001:db8::1]:443/\")", "443"},
    {"uriport(\"http://a/\")", "NULL"},
    {"uriport(\"http://a:99999999999999999999/\")", "NULL"},
    {"urihost(\"http://a?x=http://b/\")", "'a'"},
    {"urischeme(\"/x:y\")", "NULL"},
    {"uripath(uri)", "split_part(uri, '?', 1)"},
    {"uriquery(uri)", "split_part(uri, '?', 2)"},
    {"urihost(referralUri)", "CASE WHEN \"referralUri\" IS NULL THEN NULL ELSE 'x.org' END"},
    {"absoluteuri(\"a/b\")", "false"},
    {"urifragment(\"#\")", "''"},
    {"uriquery(\"a?\")", "''"},
    {"urischeme(\"\")", "NULL"},
    {"urldecode(\"a%20b+c%C3%A9\")", "'a b cé'"},
    {"urldecode(\"%zz\")", "NULL"},
    {"urldecode(\"100%\")", "NULL"},
    {"urldecode(\"%ff\")", "NULL"},
    {"urldecode(\"\")", "''"},
    {"urldecode(\"%2525\")", "'%25'"},
    {"urldecode(null)", "NULL"},
    {"httpstatusdescription(statusCode)",
     "CASE \"statusCode\" WHEN 200 THEN 'OK' WHEN 404 THEN 'Not Found' WHEN 500 THEN 'Internal "
     "Server Error' WHEN 503 THEN 'Service Unavailable' ELSE 'Moved Permanently' END"},
    {"httpstatusdescription(299)", "NULL"},
    {"httpstatustype(statusCode)",
     "CASE substr(\"statusCode\"::VARCHAR, 1, 1) WHEN '2' THEN 'Successful' WHEN '3' THEN "
     "'Redirection' WHEN '4' THEN 'Client Error' ELSE 'Server Error' END"},
    {"httpstatustype(-100)", "NULL"},
    {"httpstatustype(600)", "NULL"},
    {"isip4(clientIpAddress)", "true"},
    {"isip4(\"1.2.3\")", "false"},
    {"isip4(\"256.1.1.1\")", "false"},
    {"isip4(\" 1.2.3.4\")", "false"},
    {"isip4(null)", "NULL"},
    {"isip4(method)", "false"},
};

static void
test_url(void **state UNUSED)
{
    pairs_hold(URL, ARRAY_LEN(URL));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_url),
    };

    return cmocka_run_group_tests_name("linq_duckdb_text", tests, setup, teardown);
}
