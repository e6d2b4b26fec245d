#include "common/store/job_spec.h"

#include "common/base/json.h"

#include <stdlib.h>
#include <string.h>

#define SPEC_MAX   (8 * 1024 * 1024)
#define EXACT_MAX  9007199254740992LL /* 2^53: JSON numbers are exact up to here */
#define GLOBS_MAX  10000
#define TZ_MAX_MIN (24 * 60)

/* `since` is the version of the spec that brought the member. Members of versions above 1 are
 * written only where they differ from what a missing one means: text `missing`, 0, false. */
struct string_member {
    const char *key;
    size_t at;
    bool required;
    const char *choices; /* separated by |; NULL = any */
    int since;
    const char *missing;
    size_t max; /* bytes; 0 = any */
};

#define SPEC(key, member, required, choices)                                                       \
    {                                                                                              \
        key, offsetof(struct job_spec, member), required, choices, 1, "", 0                        \
    }
#define SPEC_2(key, member, choices, missing, max)                                                 \
    {                                                                                              \
        key, offsetof(struct job_spec, member), false, choices, 2, missing, max                    \
    }
static const struct string_member spec_strings[] = {
    SPEC("query", query, true, NULL),
    SPEC("engine", engine, true, NULL),
    SPEC("destination", destination, true, "s3|donothing"),
    SPEC("format", format, true, "gzip|zip|plain"),
    SPEC("compression", compression, true, "fast|balanced|best"),
    SPEC("keyStem", key_stem, false, NULL),
    SPEC("entryStem", entry_stem, false, NULL),
    SPEC("bucket", bucket, false, NULL),
    SPEC("region", region, false, NULL),
    SPEC("endpoint", endpoint, false, NULL),
    SPEC_2("csvDelimiter", csv_delimiter, NULL, ",", 1),
    SPEC_2("csvNull", csv_null, NULL, "", CSV_NULL_MAX),
    SPEC_2("zipEncryption", zip_encryption, "aes256|zipcrypto", "aes256", 0),
    SPEC_2("sse", sse, "AES256|aws:kms", "", 0),
    SPEC_2("kmsKeyId", kms_key_id, NULL, "", 0),
    SPEC_2("storageClass", storage_class, NULL, "", 0),
    SPEC_2("bucketOwner", bucket_owner, NULL, "", 12),
    SPEC_2("tags", tags, NULL, "", 0),
    SPEC_2("overwrite", overwrite, "never|replace", "never", 0),
    SPEC_2("notifyEmail", notify_email, NULL, "", 254),
};

#define SECRET(key, member)                                                                        \
    {                                                                                              \
        key, offsetof(struct job_secrets, member), false, NULL, 1, NULL, 0                         \
    }
static const struct string_member secret_strings[] = {
    SECRET("accessKey", access_key),
    SECRET("secretKey", secret_key),
    SECRET("sessionToken", session_token),
    SECRET("password", password),
};

#define NUMBER(key, member, min, max, since)                                                       \
    {                                                                                              \
        key, offsetof(struct job_spec, member), min, max, since                                    \
    }
static const struct {
    const char *key;
    size_t at;
    int64_t min, max;
    int since;
} spec_numbers[] = {
    NUMBER("fromMs", from_ms, -EXACT_MAX, EXACT_MAX, 1),
    NUMBER("toMs", to_ms, -EXACT_MAX, EXACT_MAX, 1),
    NUMBER("nowMs", now_ms, -EXACT_MAX, EXACT_MAX, 1),
    NUMBER("limit", limit, -1, EXACT_MAX, 1),
    NUMBER("skip", skip, 0, EXACT_MAX, 1),
    NUMBER("maxFileMs", max_file_ms, 0, EXACT_MAX, 1),
    NUMBER("maxFileRows", max_file_rows, 0, EXACT_MAX, 2),
};

static const struct {
    const char *key;
    size_t at;
    int since;
} spec_bools[] = {
    {"isoDates", offsetof(struct job_spec, iso_dates), 1},
    {"multiplefile", offsetof(struct job_spec, multiplefile), 1},
    {"pathStyle", offsetof(struct job_spec, path_style), 1},
    {"defaultStore", offsetof(struct job_spec, default_store), 1},
    {"csvBom", offsetof(struct job_spec, csv_bom), 2},
    {"csvFormulaguard", offsetof(struct job_spec, csv_formulaguard), 2},
};

static void *
at(const void *base, size_t offset)
{
    return (char *)(uintptr_t)base + offset;
}

/* Numbers beyond 2^53 mean "no bound" in every place here. */
static int64_t
exact(int64_t v)
{
    return v > EXACT_MAX ? EXACT_MAX : v < -EXACT_MAX ? -EXACT_MAX : v;
}

/* The three give the version that the members need. */
static int
write_strings(struct json_writer *w, const struct job_spec *s)
{
    const struct string_member *m;
    const char *v;
    size_t i;
    int version = 1;

    for (i = 0; i < ARRAY_LEN(spec_strings); i++) {
        m = &spec_strings[i];
        v = *(char *const *)at(s, m->at);
        if (m->since > 1 && (v == NULL || strcmp(v, m->missing) == 0))
            continue;
        json_w_kv_string(w, m->key, v);
        version = m->since > version ? m->since : version;
    }
    return version;
}

static int
write_numbers(struct json_writer *w, const struct job_spec *s)
{
    int64_t v;
    size_t i;
    int version = 1;

    for (i = 0; i < ARRAY_LEN(spec_numbers); i++) {
        v = *(const int64_t *)at(s, spec_numbers[i].at);
        if (spec_numbers[i].since > 1 && v == 0)
            continue;
        json_w_kv_int(w, spec_numbers[i].key, exact(v));
        version = spec_numbers[i].since > version ? spec_numbers[i].since : version;
    }
    return version;
}

static int
write_bools(struct json_writer *w, const struct job_spec *s)
{
    bool v;
    size_t i;
    int version = 1;

    for (i = 0; i < ARRAY_LEN(spec_bools); i++) {
        v = *(const bool *)at(s, spec_bools[i].at);
        if (spec_bools[i].since > 1 && !v)
            continue;
        json_w_kv_bool(w, spec_bools[i].key, v);
        version = spec_bools[i].since > version ? spec_bools[i].since : version;
    }
    return version;
}

void
job_spec_format(const struct job_spec *s, struct buf *out)
{
    struct json_writer w;
    size_t i;
    int strings, numbers, bools, version;

    json_w_init(&w, out);
    json_w_object(&w);
    strings = write_strings(&w, s);
    numbers = write_numbers(&w, s);
    bools = write_bools(&w, s);
    version = strings > numbers ? strings : numbers;
    json_w_kv_int(&w, "v", bools > version ? bools : version);
    json_w_kv_int(&w, "tzOffsetMin", s->tz_offset_min);
    if (s->max_file_bytes < EXACT_MAX)
        json_w_kv_int(&w, "maxFileBytes", s->max_file_bytes);
    json_w_key(&w, "globs");
    json_w_array(&w);
    for (i = 0; s->globs != NULL && s->globs[i] != NULL; i++)
        json_w_string(&w, s->globs[i]);
    json_w_array_end(&w);
    json_w_object_end(&w);
}

static bool
is_choice(const char *choices, const char *s)
{
    size_t n = strlen(s), k;

    for (; n > 0 && *choices != '\0'; choices += k + (choices[k] == '|')) {
        k = strcspn(choices, "|");
        if (k == n && strncmp(choices, s, n) == 0)
            return true;
    }
    return false;
}

static int
read_strings(const struct json *o, const struct string_member *m, size_t count, void *base,
             struct errinfo *ei)
{
    const struct json *n;
    const char *s;
    size_t i;

    for (i = 0; i < count; i++) {
        n = json_get(o, m[i].key);
        s = json_string(n, NULL);
        if (s == NULL && (n != NULL || m[i].required))
            return errinfo_set(ei, E_PERMANENT, "'%s' is no string", m[i].key);
        if (s != NULL && m[i].choices != NULL && !is_choice(m[i].choices, s))
            return errinfo_set(ei, E_PERMANENT, "'%s' is '%.40s', not one of %s", m[i].key, s,
                               m[i].choices);
        if (s != NULL && m[i].max != 0 && strlen(s) > m[i].max)
            return errinfo_set(ei, E_PERMANENT, "'%s' is longer than %zu bytes", m[i].key,
                               m[i].max);
        *(char **)at(base, m[i].at) = mem_strdup(s != NULL ? s : m[i].missing);
    }
    return E_OK;
}

static int
read_number(const struct json *o, const char *key, int64_t min, int64_t max, int64_t *ret,
            struct errinfo *ei)
{
    const struct json *n = json_get(o, key);
    double d = json_number(n, 0);

    if (json_type(n) != JSON_NUMBER || !(d >= (double)min && d <= (double)max) ||
        (double)(int64_t)d != d)
        return errinfo_set(ei, E_PERMANENT, "'%s' is no whole number from %lld to %lld", key,
                           (long long)min, (long long)max);
    *ret = (int64_t)d;
    return E_OK;
}

static int
read_numbers(const struct json *o, struct job_spec *s, struct errinfo *ei)
{
    int64_t v = 0;
    size_t i;
    int rc = E_OK;

    for (i = 0; rc == E_OK && i < ARRAY_LEN(spec_numbers); i++) {
        if (spec_numbers[i].since > 1 && json_get(o, spec_numbers[i].key) == NULL)
            continue;
        rc = read_number(o, spec_numbers[i].key, spec_numbers[i].min, spec_numbers[i].max,
                         (int64_t *)at(s, spec_numbers[i].at), ei);
    }
    if (rc == E_OK)
        rc = read_number(o, "tzOffsetMin", -TZ_MAX_MIN, TZ_MAX_MIN, &v, ei);
    s->tz_offset_min = (int)v;
    s->max_file_bytes = INT64_MAX;
    if (rc == E_OK && json_get(o, "maxFileBytes") != NULL)
        rc = read_number(o, "maxFileBytes", 1, EXACT_MAX, &s->max_file_bytes, ei);
    if (rc == E_OK && s->to_ms < s->from_ms)
        rc = errinfo_set(ei, E_PERMANENT, "'toMs' is before 'fromMs'");
    return rc;
}

static int
read_bools(const struct json *o, struct job_spec *s, struct errinfo *ei)
{
    const struct json *n;
    size_t i;

    for (i = 0; i < ARRAY_LEN(spec_bools); i++) {
        n = json_get(o, spec_bools[i].key);
        if (n == NULL && spec_bools[i].since > 1)
            continue;
        if (json_type(n) != JSON_BOOL)
            return errinfo_set(ei, E_PERMANENT, "'%s' is no boolean", spec_bools[i].key);
        *(bool *)at(s, spec_bools[i].at) = json_bool(n, false);
    }
    return E_OK;
}

static int
read_globs(const struct json *o, struct job_spec *s, struct errinfo *ei)
{
    const struct json *list = json_get(o, "globs"), *n;
    size_t i = 0;

    if (json_type(list) != JSON_ARRAY || json_count(list) > GLOBS_MAX)
        return errinfo_set(ei, E_PERMANENT, "'globs' is no list");
    s->globs = mem_zalloc((json_count(list) + 1) * sizeof(*s->globs));
    for (n = json_first(list); n != NULL; n = json_next(n)) {
        if (json_type(n) != JSON_STRING)
            return errinfo_set(ei, E_PERMANENT, "'globs' holds something else than strings");
        s->globs[i++] = mem_strdup(json_string(n, ""));
    }
    return E_OK;
}

static int
parse_object(const char *text, struct json **ret, struct errinfo *ei)
{
    size_t len = strlen(text);

    if (len > SPEC_MAX || json_parse(text, len, ret, ei) < 0)
        return errinfo_set(ei, E_PERMANENT, "no JSON");
    if (json_type(*ret) != JSON_OBJECT)
        return errinfo_set(ei, E_PERMANENT, "no object");
    return E_OK;
}

int
job_spec_parse(const char *json, struct job_spec *ret, struct errinfo *ei)
{
    struct job_spec s = {0};
    struct json *root = NULL;
    int64_t v = 0;
    int rc;

    rc = parse_object(json, &root, ei);
    if (rc == E_OK)
        rc = read_number(root, "v", 1, EXACT_MAX, &v, ei);
    if (rc == E_OK && v > JOB_SPEC_VERSION)
        rc = errinfo_set(ei, E_PERMANENT, "version %lld; this program knows up to %d", (long long)v,
                         JOB_SPEC_VERSION);
    if (rc == E_OK)
        rc = read_strings(root, spec_strings, ARRAY_LEN(spec_strings), &s, ei);
    if (rc == E_OK)
        rc = read_numbers(root, &s, ei);
    if (rc == E_OK)
        rc = read_bools(root, &s, ei);
    if (rc == E_OK)
        rc = read_globs(root, &s, ei);
    if (rc == E_OK &&
        (s.csv_delimiter[0] == '\0' || strchr(CSV_DELIMITERS, s.csv_delimiter[0]) == NULL))
        rc = errinfo_set(ei, E_PERMANENT, "'csvDelimiter' is no known one");
    json_free(root);
    if (rc < 0) {
        job_spec_done(&s);
        return ei != NULL ? errinfo_prepend(ei, "job spec") : rc;
    }
    *ret = s;
    return E_OK;
}

void
job_spec_done(struct job_spec *s)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(spec_strings); i++)
        free(*(char **)at(s, spec_strings[i].at));
    for (i = 0; s->globs != NULL && s->globs[i] != NULL; i++)
        free(s->globs[i]);
    free(s->globs);
    *s = (struct job_spec){0};
}

void
job_secrets_format(const struct job_secrets *s, struct buf *out)
{
    struct json_writer w;
    size_t i;

    json_w_init(&w, out);
    json_w_object(&w);
    for (i = 0; i < ARRAY_LEN(secret_strings); i++)
        json_w_kv_string(&w, secret_strings[i].key, *(char *const *)at(s, secret_strings[i].at));
    json_w_object_end(&w);
}

int
job_secrets_parse(const char *json, struct job_secrets *ret, struct errinfo *ei)
{
    struct job_secrets s = {0};
    struct json *root = NULL;
    char *text;
    size_t i;
    int rc;

    rc = parse_object(json, &root, ei);
    if (rc == E_OK)
        rc = read_strings(root, secret_strings, ARRAY_LEN(secret_strings), &s, ei);
    for (i = 0; root != NULL && i < ARRAY_LEN(secret_strings); i++) {
        /* The tree is ours and about to be freed: nothing of the secrets stays in the heap. */
        text = (char *)(uintptr_t)json_get_string(root, secret_strings[i].key, NULL);
        if (text != NULL)
            explicit_bzero(text, strlen(text));
    }
    json_free(root);
    if (rc < 0) {
        job_secrets_done(&s);
        return ei != NULL ? errinfo_prepend(ei, "job secrets") : rc;
    }
    *ret = s;
    return E_OK;
}

void
job_secrets_done(struct job_secrets *s)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(secret_strings); i++)
        mem_wipe_free(*(char **)at(s, secret_strings[i].at));
    *s = (struct job_secrets){0};
}

char *
job_secrets_place(const char *domain, const char *id)
{
    return mem_printf("job|%s|%s", domain, id);
}

const char *
job_spec_suffix(const struct job_spec *s)
{
    if (strcmp(s->format, "gzip") == 0)
        return ".csv.gz";
    return strcmp(s->format, "zip") == 0 ? ".csv.zip" : ".csv";
}

char *
job_spec_key(const struct job_spec *s, unsigned index)
{
    return mem_printf("%s_%03u%s", s->key_stem, index, job_spec_suffix(s));
}
