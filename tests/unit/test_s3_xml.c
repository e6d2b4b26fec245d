/* Answers of S3 in XML: what real stores send, and what must be refused. */

#include "common/s3/s3_xml.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

static void
test_errors(void **state)
{
    static const struct {
        const char *name, *xml, *code, *message, *region;
    } cases[] = {
        {"aws",
         "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NoSuchBucket</Code><Message>The "
         "specified bucket does not exist</Message><BucketName>b</BucketName><RequestId>1"
         "</RequestId><HostId>x=</HostId></Error>",
         "NoSuchBucket", "The specified bucket does not exist", ""},
        {"ceph",
         "<?xml version=\"1.0\"?><Error><Code>NoSuchBucket</Code><Message></Message></Error>",
         "NoSuchBucket", "", ""},
        {"empty element", "<Error><Code>A</Code><Message/></Error>", "A", "", ""},
        {"region",
         "<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region 'us-east-1' is "
         "wrong; "
         "expecting 'eu-west-1'</Message><Region>eu-west-1</Region></Error>",
         "AuthorizationHeaderMalformed", "the region 'us-east-1' is wrong; expecting 'eu-west-1'",
         "eu-west-1"},
        {"entities",
         "<Error><Code>A</Code><Message>&lt;&amp;&gt;&quot;&apos;&#65;&#x42;&#xe9;"
         "</Message></Error>",
         "A", "<&>\"'AB\xc3\xa9", ""},
        {"cdata", "<Error><Code>A</Code><Message><![CDATA[<x>&]]></Message></Error>", "A", "<x>&",
         ""},
        {"comment, blanks", "  \n<!-- c --><Error >\n <Code a='1'>A</Code>\n</Error >\n", "A", "",
         ""},
        {"namespace", "<Error xmlns=\"http://x/\"><Code>A</Code></Error>", "A", "", ""},
        {"line end in words", "<Error><Code>A</Code><Message>a\nb&#10;c</Message></Error>", "A",
         "a b c", ""},
        {"nested Code is not it", "<Error><Code>A</Code><X><Code>B</Code></X></Error>", "A", "",
         ""},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_xml_error e;
        struct errinfo ei = ERRINFO_INIT;
        int rc = s3_xml_error_parse(cases[i].xml, strlen(cases[i].xml), &e, &ei);

        if (rc != E_OK)
            fail_msg("%s: %s", cases[i].name, ei.msg);
        if (strcmp(e.code, cases[i].code) != 0 || strcmp(e.message, cases[i].message) != 0 ||
            strcmp(e.region, cases[i].region) != 0)
            fail_msg("%s: got '%s' '%s' '%s', want '%s' '%s' '%s'", cases[i].name, e.code,
                     e.message, e.region, cases[i].code, cases[i].message, cases[i].region);
    }
}

#define UPLOADS(list)                                                                              \
    "<ListMultipartUploadsResult><Prefix>a</Prefix>" list "</ListMultipartUploadsResult>"

static void
test_uploads(void **state)
{
    static const char key[] = "<Key>a&amp;b</Key>", id[] = "<UploadId>u</UploadId>",
                      at[] = "<Initiated>2026-11-22T21:04:10.123Z</Initiated>";
    static const struct {
        const char *name, *parts[3];
        int rc;
        size_t count;
    } cases[] = {
        {"one", {key, id, at}, E_OK, 1},
        {"another order", {at, id, key}, E_OK, 1},
        {"without a fraction", {key, id, "<Initiated>2026-11-22T21:04:10Z</Initiated>"}, E_OK, 1},
        {"a longer key", {"<Key>a&amp;bc</Key>", id, at}, E_OK, 0},
        {"no key", {"", id, at}, E_INVALID, 0},
        {"no id", {key, "", at}, E_INVALID, 0},
        {"empty id", {key, "<UploadId></UploadId>", at}, E_INVALID, 0},
        {"no time", {key, id, ""}, E_INVALID, 0},
        {"odd time", {key, id, "<Initiated>yesterday</Initiated>"}, E_INVALID, 0},
        {"no zone", {key, id, "<Initiated>2026-11-22T21:04:10</Initiated>"}, E_INVALID, 0},
        {"cut off", {key, id, "<Initiated>"}, E_INVALID, 0},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        const char *const *p = cases[i].parts;
        struct s3_xml_uploads u = {0};
        struct errinfo ei = ERRINFO_INIT;
        char *xml = mem_printf(UPLOADS("<Upload>%s%s%s</Upload>"), p[0], p[1], p[2]);
        int rc = s3_xml_uploads_parse(xml, strlen(xml), "a&b", &u, &ei);

        if (rc != cases[i].rc || u.count != cases[i].count)
            fail_msg("%s: got %d (%s), %zu uploads, want %d, %zu", cases[i].name, rc, ei.msg,
                     u.count, cases[i].rc, cases[i].count);
        if (u.count == 1) {
            assert_string_equal(u.list[0].id, "u");
            assert_int_equal(u.list[0].initiated_ms, 1795381450000);
        }
        s3_xml_uploads_done(&u);
        free(xml);
    }
}

#define NEST4(s) "<a><a><a><a>" s "</a></a></a></a>"

static void
test_refused(void **state)
{
    static const struct {
        const char *name, *xml;
    } cases[] = {
        {"empty", ""},
        {"no xml", "Internal Server Error"},
        {"html", "<!DOCTYPE html><html></html>"},
        {"other root", "<html></html>"},
        {"doctype", "<!DOCTYPE Error [<!ENTITY a \"b\">]><Error><Code>&a;</Code></Error>"},
        {"own entity", "<Error><Code>&a;</Code></Error>"},
        {"cut off", "<Error><Code>A</Code>"},
        {"cut in a tag", "<Error><Code"},
        {"cut in an entity", "<Error>&am"},
        {"cut in a reference", "<Error>&#6"},
        {"crossed", "<Error><a><b></a></b></Error>"},
        {"end without start", "</Error>"},
        {"longer end tag", "<Error></Errors>"},
        {"text before", "x<Error></Error>"},
        {"text behind", "<Error></Error>x"},
        {"two roots", "<Error></Error><Error></Error>"},
        {"processing", "<Error><?php ?></Error>"},
        {"reference to nul", "<Error>&#0;</Error>"},
        {"reference too high", "<Error>&#x110000;</Error>"},
        {"surrogate", "<Error>&#xd800;</Error>"},
        {"hex without x", "<Error>&#4f;</Error>"},
        {"attribute without value", "<Error a></Error>"},
        {"attribute without quote", "<Error a=b></Error>"},
        {"attribute glued", "<Error a='1'b='2'></Error>"},
        {"attribute open", "<Error a='1></Error>"},
        {"comment open", "<Error><!-- </Error>"},
        {"cdata open", "<Error><![CDATA[ </Error>"},
        {"too deep", "<Error>" NEST4(NEST4(NEST4(NEST4("")))) "</Error>"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct s3_xml_error e;
        struct errinfo ei = ERRINFO_INIT;

        if (s3_xml_error_parse(cases[i].xml, strlen(cases[i].xml), &e, &ei) != E_INVALID)
            fail_msg("%s: accepted", cases[i].name);
    }
}

static void
test_initiate(void **state)
{
    const char good[] = "<?xml version=\"1.0\"?><InitiateMultipartUploadResult xmlns=\"http://s3."
                        "amazonaws.com/doc/2006-03-01/\"><Bucket>b</Bucket><Key>k</Key><UploadId>2~"
                        "abc_def.-</UploadId></InitiateMultipartUploadResult>";
    const char none[] = "<InitiateMultipartUploadResult><UploadId></UploadId>"
                        "</InitiateMultipartUploadResult>";
    struct errinfo ei = ERRINFO_INIT;
    char *id = NULL;

    (void)state;
    assert_int_equal(s3_xml_initiate_parse(good, strlen(good), &id, &ei), E_OK);
    assert_string_equal(id, "2~abc_def.-");
    free(id);
    assert_int_equal(s3_xml_initiate_parse(none, strlen(none), &id, &ei), E_INVALID);
}

static void
test_parts(void **state)
{
    const char one[] =
        "<ListPartsResult><NextPartNumberMarker>2</NextPartNumberMarker><IsTruncated>"
        "true</IsTruncated><Part><PartNumber>1</PartNumber><ETag>&quot;a&quot;</ETag>"
        "<Size>5242880</Size></Part><Part><Size>7</Size><PartNumber>2</PartNumber>"
        "<ETag>\"b\"</ETag></Part></ListPartsResult>";
    const char two[] = "<ListPartsResult><IsTruncated>false</IsTruncated><Part><PartNumber>3"
                       "</PartNumber><ETag>c</ETag><Size>1</Size></Part></ListPartsResult>";
    const char *const refused[] = {
        "<ListPartsResult><Part><PartNumber>-1</PartNumber></Part></ListPartsResult>",
        "<ListPartsResult><Part><PartNumber>10001</PartNumber></Part></ListPartsResult>",
        "<ListPartsResult><Part><Size>99999999999999999999</Size></Part></ListPartsResult>",
        "<ListPartsResult><Part><Size>1x</Size></Part></ListPartsResult>",
        "<ListPartsResult><IsTruncated>true</IsTruncated></ListPartsResult>",
        "<Error><Code>A</Code></Error>",
    };
    struct s3_xml_parts parts = {0};
    struct errinfo ei = ERRINFO_INIT;
    size_t i;

    (void)state;
    assert_int_equal(s3_xml_parts_parse(one, strlen(one), &parts, &ei), E_OK);
    assert_true(parts.truncated);
    assert_int_equal(parts.next_marker, 2);
    assert_int_equal(s3_xml_parts_parse(two, strlen(two), &parts, &ei), E_OK);
    assert_false(parts.truncated);
    assert_int_equal(parts.count, 3);
    assert_int_equal(parts.list[0].bytes, 5242880);
    assert_string_equal(parts.list[0].etag, "\"a\"");
    assert_int_equal(parts.list[1].number, 2);
    assert_int_equal(parts.list[1].bytes, 7);
    assert_string_equal(parts.list[2].etag, "c");
    s3_xml_parts_done(&parts);
    for (i = 0; i < ARRAY_LEN(refused); i++) {
        if (s3_xml_parts_parse(refused[i], strlen(refused[i]), &parts, &ei) != E_INVALID)
            fail_msg("accepted: %s", refused[i]);
        s3_xml_parts_done(&parts);
    }
}

static void
test_complete(void **state)
{
    const char good[] = "\n   \n<?xml version=\"1.0\"?><CompleteMultipartUploadResult><ETag>\"x-3\""
                        "</ETag></CompleteMultipartUploadResult>";
    const char ceph[] = "<CompleteMultipartUploadResult><Location>l</Location><ETag></ETag>"
                        "</CompleteMultipartUploadResult>";
    const char error[] = "  <?xml version=\"1.0\"?>\n\n<Error><Code>InternalError</Code></Error>";
    struct s3_xml_complete c;
    struct errinfo ei = ERRINFO_INIT;

    (void)state;
    assert_int_equal(s3_xml_complete_parse(good, strlen(good), &c, &ei), E_OK);
    assert_false(c.failed);
    assert_string_equal(c.etag, "\"x-3\"");
    assert_int_equal(s3_xml_complete_parse(ceph, strlen(ceph), &c, &ei), E_OK);
    assert_false(c.failed);
    assert_string_equal(c.etag, "");
    assert_int_equal(s3_xml_complete_parse(error, strlen(error), &c, &ei), E_OK);
    assert_true(c.failed);
    assert_string_equal(c.error.code, "InternalError");
    assert_int_equal(s3_xml_complete_parse(" ", 1, &c, &ei), E_INVALID);
}

/* No input may crash the reader, or make it read outside: every prefix and every changed byte. */
static void
test_damaged(void **state)
{
    const char xml[] =
        "<?xml version=\"1.0\"?><Error a='b'><Code>A&#x42;</Code><!-- c --><M><![CDATA["
        "x]]></M>&amp;</Error>";
    size_t n = strlen(xml), i;
    int c;

    (void)state;
    for (i = 0; i < n; i++) {
        char *copy = mem_strndup(xml, i); /* exactly as long, for ASan */
        struct s3_xml_error e;

        assert_int_equal(s3_xml_error_parse(copy, i, &e, NULL), E_INVALID);
        free(copy);
        for (c = 0; c < 256; c += 3) {
            copy = mem_strndup(xml, n);
            copy[i] = (char)c;
            if (s3_xml_error_parse(copy, n, &e, NULL) == E_OK)
                assert_true(memchr(e.code, '\0', sizeof(e.code)) != NULL);
            free(copy);
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_initiate), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_uploads),  cmocka_unit_test(test_complete),
        cmocka_unit_test(test_damaged),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
