#include "uploader/upload_judge.h"

#include "common/base/errinfo.h"

#include <errno.h>
#include <inttypes.h>

#define MS_PER_MIN 60000

void
upload_metadata_fill(const struct chunk_record *chunk, struct upload_metadata *ret)
{
    const struct {
        const char *name;
        const char *text; /* NULL: number */
        int64_t number;
    } entries[UPLOAD_METADATA_MAX] = {
        {"bl-job", chunk->job, 0},
        {"bl-index", NULL, chunk->index},
        {"bl-start", NULL, chunk->start},
        {"bl-end", NULL, chunk->end},
        {"bl-events", NULL, chunk->end - chunk->start},
        {"bl-content-sha256", chunk->content_sha256, 0},
        {"bl-last-row-sha256", chunk->last_row_sha256, 0},
    };
    size_t i, n = 0;

    for (i = 0; i < ARRAY_LEN(entries); i++) {
        if (entries[i].text != NULL && entries[i].text[0] == '\0')
            continue; /* a file of the header alone has no last row */
        if (entries[i].text != NULL)
            snprintf(ret->values[n], sizeof(ret->values[n]), "%s", entries[i].text);
        else
            snprintf(ret->values[n], sizeof(ret->values[n]), "%" PRId64, entries[i].number);
        ret->list[n] = (struct s3_header){entries[i].name, ret->values[n]};
        n++;
    }
    ret->count = n;
}

static const struct {
    const char *header, *param;
    size_t at;
} asked_headers[UPLOAD_HEADERS_MAX] = {
    {"x-amz-server-side-encryption", "aws.sse", offsetof(struct job_spec, sse)},
    {"x-amz-server-side-encryption-aws-kms-key-id", "aws.kmskeyid",
     offsetof(struct job_spec, kms_key_id)},
    {"x-amz-storage-class", "aws.storageclass", offsetof(struct job_spec, storage_class)},
    {"x-amz-tagging", "aws.tags", offsetof(struct job_spec, tags)},
};

static const char *
asked_at(const struct job_spec *spec, size_t i)
{
    return *(char *const *)(const void *)((const char *)spec + asked_headers[i].at);
}

size_t
upload_headers_fill(const struct job_spec *spec, struct s3_header ret[UPLOAD_HEADERS_MAX])
{
    size_t i, n = 0;

    for (i = 0; i < UPLOAD_HEADERS_MAX; i++) {
        if (asked_at(spec, i)[0] != '\0')
            ret[n++] = (struct s3_header){asked_headers[i].header, asked_at(spec, i)};
    }
    return n;
}

void
upload_headers_words(const struct job_spec *spec, char *out, size_t size)
{
    struct buf words = BUF_INIT(8192);
    size_t i;

    for (i = 0; i < UPLOAD_HEADERS_MAX; i++) {
        if (asked_at(spec, i)[0] != '\0')
            buf_printf(&words, "%s%s = %.60s", words.len > 0 ? ", " : "", asked_headers[i].param,
                       asked_at(spec, i));
    }
    snprintf(out, size, "%s", buf_str(&words));
    buf_done(&words);
}

const char *
upload_content_type(const char *format)
{
    static const struct {
        const char *format, *type;
    } types[] = {{"gzip", "application/gzip"}, {"zip", "application/zip"}, {"plain", "text/csv"}};
    size_t i;

    for (i = 0; i < ARRAY_LEN(types); i++) {
        if (strcmp(format, types[i].format) == 0)
            return types[i].type;
    }
    return "application/octet-stream";
}

/* --- whose object is it --------------------------------------------------------------------- */

/* Digits only; false for anything that is no row number. */
static bool
meta_number(const struct s3_object_info *object, const char *name, int64_t *ret)
{
    const char *s = s3_object_metadata(object, name);
    long long v;

    if (s == NULL || s[0] == '\0' || strspn(s, "0123456789") != strlen(s))
        return false;
    errno = 0;
    v = strtoll(s, NULL, 10);
    *ret = v;
    return errno == 0;
}

static bool
meta_hash(const struct s3_object_info *object, const char *name, char ret[DIGEST_SHA256_HEX + 1])
{
    const char *s = s3_object_metadata(object, name);

    if (s == NULL || strlen(s) != DIGEST_SHA256_HEX ||
        strspn(s, "0123456789abcdef") != DIGEST_SHA256_HEX)
        return false;
    memcpy(ret, s, DIGEST_SHA256_HEX + 1);
    return true;
}

enum upload_match
upload_compare(const struct chunk_record *chunk, const struct s3_object_info *object,
               int64_t *ret_end, char ret_content[DIGEST_SHA256_HEX + 1],
               char ret_last_row[DIGEST_SHA256_HEX + 1])
{
    const char *job = s3_object_metadata(object, "bl-job");
    char content[DIGEST_SHA256_HEX + 1], last_row[DIGEST_SHA256_HEX + 1] = "";
    int64_t index, start, end;

    if (job == NULL || strcmp(job, chunk->job) != 0 || !meta_number(object, "bl-index", &index) ||
        index != (int64_t)chunk->index || !meta_number(object, "bl-start", &start) ||
        start != chunk->start || !meta_number(object, "bl-end", &end) || end < start ||
        !meta_hash(object, "bl-content-sha256", content))
        return UPLOAD_FOREIGN;
    if (end == chunk->end)
        return strcmp(content, chunk->content_sha256) == 0 ? UPLOAD_SAME : UPLOAD_FOREIGN;
    /* To go on at its end, the hash of its last row is needed. */
    if (!meta_hash(object, "bl-last-row-sha256", last_row) && end > start)
        return UPLOAD_FOREIGN;
    *ret_end = end;
    memcpy(ret_content, content, sizeof(content));
    memcpy(ret_last_row, last_row, sizeof(last_row));
    return UPLOAD_OTHER_END;
}

/* --- what a person can do ------------------------------------------------------------------- */

#define NEW_KEYS "start the job with new keys"
#define OTHER    "post the query again with the right one"

static const struct {
    const char *code;
    const char *advice;
    bool keys; /* the keys are at fault */
} advices[] = {
    {"InvalidAccessKeyId", "start the job with a known aws.accesskey and its aws.secretkey", true},
    {"SignatureDoesNotMatch", "start the job with the right aws.secretkey", true},
    {"ExpiredToken", "the keys have expired; " NEW_KEYS, true},
    {"InvalidToken", "aws.sessiontoken is not valid; " NEW_KEYS, true},
    {"InvalidSecurity", "the keys are not valid; " NEW_KEYS, true},
    {"TokenRefreshRequired", "the keys have expired; " NEW_KEYS, true},
    {"AccessDenied", "allow these keys to put objects into the bucket, or " NEW_KEYS, true},
    {"AllAccessDisabled", "the store has closed this bucket; ask its owner", false},
    {"AccountProblem", "the account of these keys is blocked; ask its owner", false},
    {"NotSignedUp", "the account of these keys has no S3; " NEW_KEYS, true},
    {"NoSuchBucket", "create the bucket, then start the job", false},
    {"InvalidBucketName", "aws.bucket is no bucket name; " OTHER, false},
    {"PermanentRedirect", "the bucket is in another region than aws.region; " OTHER, false},
    {"AuthorizationHeaderMalformed", "aws.region is not the bucket's; " OTHER, false},
    {"IllegalLocationConstraintException", "aws.region is not the bucket's; " OTHER, false},
    {"QuotaExceeded", "make room in the bucket, then start the job", false},
    {"EntityTooLarge", "post the query again with a smaller retention.size", false},
    {"KeyTooLongError", "aws.prefix and s3.fileName are too long together; " OTHER, false},
    {"RequestTimeTooSkewed", "the clock of this server is wrong: tell its operator", false},
    {"MethodNotAllowed", "the store does not take uploads at this address", false},
};

/* What a store says when it does not take one of asked_headers. Some of these have other causes,
 * so the words leave that open. */
static const char *const refusals[] = {
    "InvalidArgument",
    "InvalidRequest",
    "InvalidStorageClass",
    "InvalidTag",
    "NotImplemented",
    "InvalidEncryptionAlgorithmError",
    "KMS.NotFoundException",
    "KMS.DisabledException",
    "KMS.InvalidStateException",
    "KMS.InvalidKeyUsageException",
};

/* Advice for a refusal of what was asked; false: it is none, or nothing was asked. */
static bool
asked_advice(const struct upload_case *c, const char *code, char *out, size_t size)
{
    size_t i;

    if (c->asked == NULL || c->asked[0] == '\0')
        return false;
    for (i = 0; i < ARRAY_LEN(refusals) && strcmp(code, refusals[i]) != 0; i++)
        continue;
    if (i == ARRAY_LEN(refusals))
        return false;
    snprintf(out, size,
             "the store may not serve what this job asks of its objects (%s): post the query again "
             "without it",
             c->asked);
    return true;
}

static const char *
advice_for(const struct upload_case *c, const char *code)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(advices); i++) {
        if (strcmp(code, advices[i].code) != 0)
            continue;
        if (advices[i].keys && c->default_store)
            return "the operator of the default store has to set its keys right; then start the "
                   "job";
        return advices[i].advice;
    }
    return "put this right, then start the job; new keys may be given with it";
}

static void
set_words(struct upload_verdict *v, enum upload_action action, const struct upload_case *c,
          const char *words, const char *advice)
{
    v->action = action;
    if (advice[0] != '\0')
        snprintf(v->words, sizeof(v->words), "file %u: %.600s: %.300s", c->chunk->index, words,
                 advice);
    else
        snprintf(v->words, sizeof(v->words), "file %u: %.900s", c->chunk->index, words);
}

void
upload_verdict_fail(struct upload_verdict *v, const struct upload_case *c, const char *words)
{
    memset(v, 0, sizeof(*v));
    set_words(v, UPLOAD_FAIL, c, words, "");
}

/* --- the table of outcomes ------------------------------------------------------------------ */

static void
retry(const struct upload_case *c, const struct s3_result *res, struct upload_verdict *v)
{
    const int64_t min = c->tried_ms / MS_PER_MIN;
    char advice[160];

    if (c->tried_ms < c->give_up_ms) {
        set_words(v, UPLOAD_RETRY, c, res->message, "");
        return;
    }
    snprintf(advice, sizeof(advice),
             "given up %" PRId64 " %s after the first try; start the job when the store is back",
             min < 120 ? min : min / 60, min < 120 ? "min" : "h");
    set_words(v, UPLOAD_FAIL, c, res->message, advice);
}

void
upload_judge_put(const struct upload_case *c, const struct s3_result *res,
                 struct upload_verdict *ret)
{
    char advice[300];

    memset(ret, 0, sizeof(*ret));
    ret->unanswered = res->unanswered_put;
    switch (res->outcome) {
    case S3_OK:
        ret->action = UPLOAD_DONE;
        ret->verified = true;
        return;
    case S3_EXISTS:
        ret->action = UPLOAD_LOOK;
        return;
    case S3_RETRY_LATER:
        retry(c, res, ret);
        return;
    case S3_CANCELLED: /* by us, to hand it back */
        set_words(ret, UPLOAD_RETRY, c, res->message, "");
        return;
    case S3_FILE_ERROR:
        set_words(ret, UPLOAD_FAIL, c, res->message,
                  "the file in the spool is damaged: tell the operator of this server");
        return;
    case S3_USER_ERROR:
    case S3_NOT_FOUND:
        set_words(ret, UPLOAD_FAIL, c, res->message,
                  asked_advice(c, res->code, advice, sizeof(advice)) ? advice
                                                                     : advice_for(c, res->code));
        return;
    }
}

/* The object is there and is not, or may not be, this chunk. */
static void
object_in_the_way(const struct upload_case *c, const char *why, struct upload_verdict *v)
{
    char words[700];

    snprintf(words, sizeof(words), "object exists: '%.250s' in bucket '%.80s' %s", c->key,
             c->bucket, why);
    set_words(v, UPLOAD_FAIL, c, words, "move or remove it, then start the job");
}

static void
judge_object(const struct upload_case *c, const struct s3_object_info *object,
             struct upload_verdict *v)
{
    switch (upload_compare(c->chunk, object, &v->end, v->content_sha256, v->last_row_sha256)) {
    case UPLOAD_SAME:
        v->action = UPLOAD_DONE;
        v->verified = true;
        return;
    case UPLOAD_OTHER_END:
        v->action = UPLOAD_ADOPT;
        return;
    case UPLOAD_FOREIGN:
        object_in_the_way(c, "is not of this job, or holds other rows", v);
        return;
    }
}

void
upload_judge_head(const struct upload_case *c, const struct s3_result *res,
                  const struct s3_object_info *object, struct upload_verdict *ret)
{
    memset(ret, 0, sizeof(*ret));
    /* What may have arrived before the look may still have. */
    ret->unanswered = c->put_unanswered;
    if (res->outcome == S3_OK && object != NULL) {
        judge_object(c, object, ret);
        return;
    }
    if (res->outcome == S3_CANCELLED) {
        set_words(ret, UPLOAD_RETRY, c, res->message, "");
        return;
    }
    if (res->outcome == S3_RETRY_LATER) {
        retry(c, res, ret);
        return;
    }
    /* Keys that may only put. The 412 before this look showed that they are right and that there
     * is an object; without a file there was none, and the 403 may mean anything. */
    if (res->http_status == 403 && c->put_unanswered && c->no_file == NULL) {
        ret->action = UPLOAD_DONE;
        ret->verified = false;
        return;
    }
    if (c->no_file != NULL) {
        set_words(ret, UPLOAD_FAIL, c, c->no_file, "");
        return;
    }
    if (res->outcome == S3_NOT_FOUND) {
        /* Removed between the 412 and the look. */
        retry(c, res, ret);
        return;
    }
    if (res->http_status == 403) {
        object_in_the_way(c, "and these keys may not look whose it is", ret);
        return;
    }
    set_words(ret, UPLOAD_FAIL, c, res->message, advice_for(c, res->code));
}
