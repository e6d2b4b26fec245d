#include "uploader/upload_judge.h"

#include "common/base/errinfo.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What the uploader makes of S3's answers: whose object it is, and what the job is told. */

#define JOB   "16cea1dd-43a4-4a0b-9f36-28bf3eb71e5c"
#define OTHER "26cea1dd-43a4-4a0b-9f36-28bf3eb71e5c"
#define H1    "1111111111111111111111111111111111111111111111111111111111111111"
#define H2    "2222222222222222222222222222222222222222222222222222222222222222"
#define H3    "3333333333333333333333333333333333333333333333333333333333333333"

static const struct chunk_record chunk = {
    .job = JOB,
    .index = 3,
    .start = 100,
    .end = 250,
    .bytes = 4000,
    .content_sha256 = H1,
    .last_row_sha256 = H2,
};

static struct s3_object_info
object_of(const struct upload_metadata *m)
{
    return (struct s3_object_info){.bytes = 4000, .metadata = m->list, .metadata_count = m->count};
}

static void
change(struct upload_metadata *m, const char *name, const char *value)
{
    size_t i, n = 0;

    for (i = 0; i < m->count; i++) {
        if (strcmp(m->list[i].name, name) != 0)
            m->list[n++] = m->list[i];
    }
    if (value != NULL)
        m->list[n++] = (struct s3_header){name, value};
    m->count = n;
}

static void
metadata(void **state)
{
    struct upload_metadata m;
    struct chunk_record empty = chunk;
    static const char *const want[][2] = {
        {"bl-job", JOB},
        {"bl-index", "3"},
        {"bl-start", "100"},
        {"bl-end", "250"},
        {"bl-events", "150"},
        {"bl-content-sha256", H1},
        {"bl-last-row-sha256", H2},
    };
    size_t i;

    (void)state;
    upload_metadata_fill(&chunk, &m);
    assert_int_equal(m.count, ARRAY_LEN(want));
    for (i = 0; i < m.count; i++) {
        assert_string_equal(m.list[i].name, want[i][0]);
        assert_string_equal(m.list[i].value, want[i][1]);
    }
    empty.start = empty.end = 0;
    empty.last_row_sha256[0] = '\0';
    upload_metadata_fill(&empty, &m);
    assert_int_equal(m.count, ARRAY_LEN(want) - 1); /* no header with an empty value */
}

static void
what_the_job_asks(void **state)
{
    static char none[] = "", kms[] = "aws:kms", id[] = "key-1", tags[] = "a=b&c=d";
    const struct job_spec plain = {
        .sse = none, .kms_key_id = none, .storage_class = none, .tags = none};
    const struct job_spec asks = {
        .sse = kms, .kms_key_id = id, .storage_class = none, .tags = tags};
    static const struct {
        const char *code;
        bool ours;
    } codes[] = {{"InvalidArgument", true},       {"NotImplemented", true},
                 {"KMS.NotFoundException", true}, {"InvalidStorageClass", true},
                 {"AccessDenied", false},         {"NoSuchBucket", false}};
    struct s3_header h[UPLOAD_HEADERS_MAX];
    struct upload_verdict v;
    char words[200];
    size_t i;

    (void)state;
    assert_int_equal(upload_headers_fill(&plain, h), 0);
    upload_headers_words(&plain, words, sizeof(words));
    assert_string_equal(words, "");
    assert_int_equal(upload_headers_fill(&asks, h), 3);
    assert_string_equal(h[0].name, "x-amz-server-side-encryption");
    assert_string_equal(h[0].value, "aws:kms");
    assert_string_equal(h[1].name, "x-amz-server-side-encryption-aws-kms-key-id");
    assert_string_equal(h[2].name, "x-amz-tagging");
    assert_string_equal(h[2].value, "a=b&c=d");
    upload_headers_words(&asks, words, sizeof(words));
    assert_string_equal(words, "aws.sse = aws:kms, aws.kmskeyid = key-1, aws.tags = a=b&c=d");
    for (i = 0; i < ARRAY_LEN(codes); i++) {
        struct upload_case c = {.chunk = &chunk, .bucket = "b", .key = "k", .asked = words};
        struct s3_result res = {.outcome = S3_USER_ERROR, .http_status = 400};

        snprintf(res.code, sizeof(res.code), "%s", codes[i].code);
        upload_judge_put(&c, &res, &v);
        assert_int_equal(v.action, UPLOAD_FAIL);
        if ((strstr(v.words, "(aws.sse = aws:kms, aws.kmskeyid") != NULL) != codes[i].ours)
            fail_msg("%s: got '%s'", codes[i].code, v.words);
        c.asked = "";
        upload_judge_put(&c, &res, &v);
        assert_null(strstr(v.words, "asks of its objects"));
    }
}

static void
whose_object(void **state)
{
    static const struct {
        const char *what, *name, *value;
        enum upload_match want;
    } cases[] = {
        {"the same", "bl-job", JOB, UPLOAD_SAME},
        {"other count of events only", "bl-events", "1", UPLOAD_SAME},
        {"other last row only", "bl-last-row-sha256", NULL, UPLOAD_SAME},
        {"another job", "bl-job", OTHER, UPLOAD_FOREIGN},
        {"no job", "bl-job", NULL, UPLOAD_FOREIGN},
        {"another index", "bl-index", "4", UPLOAD_FOREIGN},
        {"index no number", "bl-index", "3x", UPLOAD_FOREIGN},
        {"another start", "bl-start", "99", UPLOAD_FOREIGN},
        {"another content", "bl-content-sha256", H3, UPLOAD_FOREIGN},
        {"no content", "bl-content-sha256", NULL, UPLOAD_FOREIGN},
        {"longer", "bl-end", "300", UPLOAD_OTHER_END},
        {"shorter", "bl-end", "101", UPLOAD_OTHER_END},
        {"nothing in it", "bl-end", "100", UPLOAD_OTHER_END},
        {"end before start", "bl-end", "99", UPLOAD_FOREIGN},
        {"negative end", "bl-end", "-1", UPLOAD_FOREIGN},
        {"end too large", "bl-end", "99999999999999999999", UPLOAD_FOREIGN},
        {"no end", "bl-end", NULL, UPLOAD_FOREIGN},
        {"empty end", "bl-end", "", UPLOAD_FOREIGN},
    };
    char content[65], last[65];
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        struct upload_metadata m;
        struct s3_object_info info;
        int64_t end = 0;
        enum upload_match got;

        upload_metadata_fill(&chunk, &m);
        change(&m, cases[i].name, cases[i].value);
        info = object_of(&m);
        got = upload_compare(&chunk, &info, &end, content, last);
        if (got != cases[i].want)
            fail_msg("%s: got %d, want %d", cases[i].what, (int)got, (int)cases[i].want);
        if (got == UPLOAD_OTHER_END && (end != strtoll(cases[i].value, NULL, 10) ||
                                        strcmp(content, H1) != 0 || strcmp(last, H2) != 0))
            fail_msg("%s: got end %lld", cases[i].what, (long long)end);
    }
}

static void
adopting_needs_the_last_row(void **state)
{
    struct upload_metadata m;
    struct s3_object_info info;
    char content[65], last[65];
    int64_t end;

    (void)state;
    upload_metadata_fill(&chunk, &m);
    change(&m, "bl-end", "300");
    change(&m, "bl-last-row-sha256", NULL);
    info = object_of(&m);
    assert_int_equal(upload_compare(&chunk, &info, &end, content, last), UPLOAD_FOREIGN);
    change(&m, "bl-last-row-sha256", "zz");
    info = object_of(&m);
    assert_int_equal(upload_compare(&chunk, &info, &end, content, last), UPLOAD_FOREIGN);
}

struct judged {
    const char *what;
    enum s3_outcome outcome;
    int http;
    const char *code, *message;
    bool unanswered, default_store;
    const char *no_file;
    int64_t tried_ms;
    enum upload_action want;
    const char *words; /* part of them */
};

static void
fill_case(const struct judged *j, struct upload_case *c, struct s3_result *res)
{
    *c = (struct upload_case){
        .chunk = &chunk,
        .bucket = "buck",
        .key = "k_003.csv.gz",
        .default_store = j->default_store,
        .put_unanswered = j->unanswered,
        .no_file = j->no_file,
        .tried_ms = j->tried_ms,
        .give_up_ms = 7200000,
    };
    *res = (struct s3_result){.outcome = j->outcome, .http_status = j->http};
    if (j->code != NULL)
        snprintf(res->code, sizeof(res->code), "%s", j->code);
    if (j->message != NULL)
        snprintf(res->message, sizeof(res->message), "%s", j->message);
}

static void
check(const struct judged *j, const struct upload_verdict *v)
{
    if (v->action != j->want)
        fail_msg("%s: got %d, want %d (%s)", j->what, (int)v->action, (int)j->want, v->words);
    if (j->words != NULL && strstr(v->words, j->words) == NULL)
        fail_msg("%s: got '%s', want '%s' in it", j->what, v->words, j->words);
    if ((v->action == UPLOAD_FAIL || v->action == UPLOAD_RETRY) &&
        strncmp(v->words, "file 3: ", 8) != 0)
        fail_msg("%s: got '%s', want the file's number", j->what, v->words);
}

static void
put_answers(void **state)
{
    static const struct judged cases[] = {
        {"sent", S3_OK, 200, .want = UPLOAD_DONE},
        {"exists", S3_EXISTS, 412, "PreconditionFailed", .want = UPLOAD_LOOK},
        {"away", S3_RETRY_LATER, 0, "", "put: refused", .want = UPLOAD_RETRY, .words = "refused"},
        {"away for hours", S3_RETRY_LATER, 503, "SlowDown", "put: 503 SlowDown",
         .tried_ms = 7200000, .want = UPLOAD_FAIL, .words = "given up 2 h"},
        {"wrong key", S3_USER_ERROR, 403, "InvalidAccessKeyId", "put: 403 InvalidAccessKeyId",
         .want = UPLOAD_FAIL,
         .words = "403 InvalidAccessKeyId: start the job with a known aws.accesskey"},
        {"wrong secret", S3_USER_ERROR, 403, "SignatureDoesNotMatch", "put: 403 S",
         .want = UPLOAD_FAIL, .words = "start the job with the right aws.secretkey"},
        {"wrong secret of ours", S3_USER_ERROR, 403, "SignatureDoesNotMatch", "put: 403 S",
         .default_store = true, .want = UPLOAD_FAIL, .words = "the operator of the default store"},
        {"no bucket", S3_USER_ERROR, 404, "NoSuchBucket", "put in bucket 'b': 404 NoSuchBucket",
         .want = UPLOAD_FAIL, .words = "bucket 'b': 404 NoSuchBucket: create the bucket"},
        {"unknown code", S3_USER_ERROR, 400, "Odd", "put: 400 Odd", .want = UPLOAD_FAIL,
         .words = "then start the job"},
        {"damaged", S3_FILE_ERROR, 400, "BadDigest", "put: 400 BadDigest", .want = UPLOAD_FAIL,
         .words = "damaged"},
        {"cancelled late", S3_CANCELLED, 0, "", "cancelled", .tried_ms = 7200000,
         .want = UPLOAD_RETRY},
    };
    struct upload_verdict v;
    struct upload_case c;
    struct s3_result res;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        fill_case(&cases[i], &c, &res);
        upload_judge_put(&c, &res, &v);
        check(&cases[i], &v);
        if (v.action == UPLOAD_DONE)
            assert_true(v.verified);
    }
    fill_case(&cases[2], &c, &res);
    res.unanswered_put = true;
    upload_judge_put(&c, &res, &v);
    assert_true(v.unanswered);
}

static void
head_answers(void **state)
{
    static const char gone[] = "its file is gone";
    static const struct judged cases[] = {
        {"ours", S3_OK, 200, .want = UPLOAD_DONE},
        {"may not look", S3_USER_ERROR, 403, "", "head: 403", .want = UPLOAD_FAIL,
         .words = "object exists: 'k_003.csv.gz' in bucket 'buck'"},
        {"may not look, put unanswered", S3_USER_ERROR, 403, "", "head: 403", .unanswered = true,
         .want = UPLOAD_DONE},
        {"may not look, put unanswered, no file", S3_USER_ERROR, 403, "", "head: 403",
         .unanswered = true, .no_file = gone, .want = UPLOAD_FAIL, .words = gone},
        {"vanished", S3_NOT_FOUND, 404, "", "head: 404", .want = UPLOAD_RETRY},
        {"no file, no object", S3_NOT_FOUND, 404, "", "head: 404", .no_file = gone,
         .want = UPLOAD_FAIL, .words = gone},
        {"no file, object is there", S3_OK, 200, .no_file = gone, .want = UPLOAD_DONE},
        {"away", S3_RETRY_LATER, 503, "", "head: 503", .no_file = gone, .want = UPLOAD_RETRY},
        {"away too long", S3_RETRY_LATER, 503, "", "head: 503", .tried_ms = 7200000,
         .want = UPLOAD_FAIL, .words = "given up"},
    };
    struct upload_metadata m;
    struct s3_object_info info;
    struct upload_verdict v;
    struct upload_case c;
    struct s3_result res;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        upload_metadata_fill(&chunk, &m);
        info = object_of(&m);
        fill_case(&cases[i], &c, &res);
        upload_judge_head(&c, &res, res.outcome == S3_OK ? &info : NULL, &v);
        check(&cases[i], &v);
        if (v.action == UPLOAD_DONE && v.verified != (res.outcome == S3_OK))
            fail_msg("%s: got verified %d", cases[i].what, v.verified);
    }
    fill_case(&cases[0], &c, &res);
    change(&m, "bl-end", "260");
    info = object_of(&m);
    upload_judge_head(&c, &res, &info, &v);
    assert_int_equal(v.action, UPLOAD_ADOPT);
    assert_int_equal(v.end, 260);
    assert_string_equal(v.content_sha256, H1);
    assert_string_equal(v.last_row_sha256, H2);
    m.count = 0;
    info = object_of(&m);
    upload_judge_head(&c, &res, &info, &v);
    assert_int_equal(v.action, UPLOAD_FAIL);
    assert_non_null(strstr(v.words, "object exists"));
}

static void
content_types(void **state)
{
    (void)state;
    assert_string_equal(upload_content_type("gzip"), "application/gzip");
    assert_string_equal(upload_content_type("zip"), "application/zip");
    assert_string_equal(upload_content_type("plain"), "text/csv");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_job_asks),
        cmocka_unit_test(metadata),
        cmocka_unit_test(whose_object),
        cmocka_unit_test(put_answers),
        cmocka_unit_test(adopting_needs_the_last_row),
        cmocka_unit_test(head_answers),
        cmocka_unit_test(content_types),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
