#include "api/s3_params.h"

#include "api/s3_tags.h"
#include "common/base/buf.h"
#include "common/linq/suggest.h"
#include "common/s3/s3_endpoint.h"
#include "common/store/job_spec.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

/* --- checks of single texts: words of what is wrong into why, or 0 ------------------------------
 */

static bool
has_control(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < ' ' || *s == 0x7f)
            return true;
    }
    return false;
}

static int
check_key_id(const char *v, struct errinfo *ei)
{
    if (v[strcspn(v, " /,\"\\")] != '\0' || has_control(v))
        return errinfo_set(ei, E_INVALID, "is not a key (blanks, slashes or quotes in it)");
    return E_OK;
}

static int
check_secret(const char *v, struct errinfo *ei)
{
    if (strpbrk(v, " \"\\") != NULL || has_control(v))
        return errinfo_set(ei, E_INVALID, "is not a secret key (blanks or quotes in it)");
    return E_OK;
}

static int
check_prefix(const char *v, struct errinfo *ei)
{
    if (v[0] == '/' || strstr(v, "//") != NULL)
        return errinfo_set(ei, E_INVALID, "must not begin with '/' nor have an empty folder");
    if (strncmp(v, "./", 2) == 0 || strncmp(v, "../", 3) == 0 || strstr(v, "/./") != NULL ||
        strstr(v, "/../") != NULL)
        return errinfo_set(ei, E_INVALID, "must not have '.' or '..' as a folder");
    if (has_control(v))
        return errinfo_set(ei, E_INVALID, "must not have control characters");
    return E_OK;
}

static int
check_file_name(const char *v, struct errinfo *ei)
{
    if (strpbrk(v, "/\\") != NULL || has_control(v) || v[0] == '.')
        return errinfo_set(ei, E_INVALID,
                           "must be a plain name: no slashes, no control characters, no dot in "
                           "front (folders belong into aws.prefix)");
    return E_OK;
}

static int
check_account(const char *v, struct errinfo *ei)
{
    if (strlen(v) != 12 || v[strspn(v, "0123456789")] != '\0')
        return errinfo_set(ei, E_INVALID, "is no account: 12 digits");
    return E_OK;
}

static int
check_visible(const char *v, struct errinfo *ei)
{
    for (; *v != '\0'; v++) {
        if (*v <= ' ' || *v > '~')
            return errinfo_set(ei, E_INVALID,
                               "must be of visible ASCII characters, without blanks");
    }
    return E_OK;
}

static int
check_name(const char *v, struct errinfo *ei)
{
    return has_control(v) ? errinfo_set(ei, E_INVALID, "must not have control characters") : E_OK;
}

static int
check_delimiter(const char *v, struct errinfo *ei)
{
    if (strlen(v) != 1 || strchr(CSV_DELIMITERS, v[0]) == NULL)
        return errinfo_set(ei, E_INVALID, "is none of , ; | and the tab character");
    return E_OK;
}

static int
check_null(const char *v, struct errinfo *ei)
{
    for (; *v != '\0'; v++) {
        if (*v <= ' ' || *v > '~' || *v == '"')
            return errinfo_set(ei, E_INVALID,
                               "must be of visible ASCII characters, without blanks and quotes");
    }
    return E_OK;
}

/* One addr-spec of RFC 5321 without quotes and literals: what people have, and nothing that could
 * become a second header line or recipient. */
static int
check_email(const char *v, struct errinfo *ei)
{
    static const char local[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "!#$%&'*+-/=?^_`{|}~.";
    const char *at = strchr(v, '@'), *p;
    size_t n = strspn(v, local), label = 0;
    bool good = at != NULL && n > 0 && v + n == at && n <= 64 && v[0] != '.' && at[-1] != '.' &&
                strstr(v, "..") == NULL && strchr(at, '.') != NULL;

    for (p = at != NULL ? at + 1 : v; good && at != NULL; p++) {
        if (*p == '.' || *p == '\0') {
            good = label > 0 && label <= 63 && p[-1] != '-' && p[-(long)label] != '-';
            label = 0;
            if (*p == '\0')
                break;
        } else {
            good = strchr("-0123456789", *p) != NULL || (*p >= 'a' && *p <= 'z') ||
                   (*p >= 'A' && *p <= 'Z');
            label++;
        }
    }
    return good ? E_OK : errinfo_set(ei, E_INVALID, "is not one e-mail address (name@example.com)");
}

/* --- the table ----------------------------------------------------------------------------------
 */

enum kind {
    TEXT,   /* a non-empty string of at most `max` bytes */
    CHOICE, /* one of `choices`, separated by '|' */
    FLAG,   /* true or false, as text too */
    NUMBER, /* a whole number, as text too, within two options or min and max */
    LATER,  /* known, but not served by this version; `choices`: the one value that is */
};

#define AT(member) offsetof(struct s3_params, member)

static const struct param {
    const char *key;
    enum kind kind;
    size_t at;
    int code;   /* of the wire; 0 = none */
    size_t max; /* bytes, for TEXT */
    const char *choices;
    const char *words; /* behind the code: what it should be */
    const char *min_option, *max_option, *unit;
    int64_t min, max_number; /* where there are no options */
    bool blank;              /* TEXT may be blanks alone */
    int (*check)(const char *v, struct errinfo *ei);
    bool secret; /* never repeated in an answer */
} table[] = {
    {.key = "aws.bucket",
     .kind = TEXT,
     .at = AT(bucket),
     .code = 206,
     .max = 255,
     .words = "Bucket parameter must be string and it cannot be empty"},
    {.key = "aws.region",
     .kind = TEXT,
     .at = AT(region),
     .code = 209,
     .max = 64,
     .words = "Region parameter must be string and it cannot be empty"},
    {.key = "aws.accesskey",
     .kind = TEXT,
     .at = AT(access_key),
     .code = 207,
     .max = 128,
     .words = "Access key parameter must be string and it cannot be empty",
     .check = check_key_id,
     .secret = true},
    {.key = "aws.secretkey",
     .kind = TEXT,
     .at = AT(secret_key),
     .code = 208,
     .max = 256,
     .words = "Password key parameter must be string and it cannot be empty",
     .check = check_secret,
     .secret = true},
    {.key = "aws.sessiontoken",
     .kind = TEXT,
     .at = AT(session_token),
     .max = 8192,
     .words = "aws.sessiontoken must be a string and not empty",
     .check = check_secret,
     .secret = true},
    {.key = "aws.endpoint",
     .kind = TEXT,
     .at = AT(endpoint),
     .max = 255,
     .words = "aws.endpoint must be a string and not empty"},
    {.key = "aws.prefix",
     .kind = TEXT,
     .at = AT(prefix),
     .max = 512,
     .words = "aws.prefix must be a string and not empty",
     .check = check_prefix},
    {.key = "aws.sse",
     .kind = CHOICE,
     .at = AT(sse),
     .choices = "AES256|aws:kms",
     .words = "aws.sse must be AES256 or aws:kms"},
    {.key = "aws.kmskeyid",
     .kind = TEXT,
     .at = AT(kms_key_id),
     .max = 2048,
     .words = "aws.kmskeyid must be a string and not empty",
     .check = check_visible},
    {.key = "aws.storageclass",
     .kind = CHOICE,
     .at = AT(storage_class),
     .choices = "STANDARD|REDUCED_REDUNDANCY|STANDARD_IA|ONEZONE_IA|INTELLIGENT_TIERING|GLACIER|"
                "DEEP_ARCHIVE|OUTPOSTS|GLACIER_IR|SNOW|EXPRESS_ONEZONE",
     .words = "aws.storageclass must be a storage class of S3 (STANDARD_IA, GLACIER_IR ...)"},
    {.key = "aws.expectedbucketowner",
     .kind = TEXT,
     .at = AT(bucket_owner),
     .max = 64,
     .words = "aws.expectedbucketowner must be a string and not empty",
     .check = check_account},
    {.key = "aws.tags",
     .kind = TEXT,
     .at = AT(tags),
     .max = S3_TAGS_BYTES_MAX,
     .words = "aws.tags must be a string and not empty",
     .check = s3_tags_check},
    {.key = "format",
     .kind = CHOICE,
     .at = AT(format),
     .code = 210,
     .choices = "zip|gzip|plain",
     .words = "File compress format must be zip, gzip or plain"},
    {.key = "file.password",
     .kind = TEXT,
     .at = AT(password),
     .code = 212,
     .max = 1024,
     .words = "File compress password must be string and it cannot be empty",
     .secret = true},
    {.key = "zip.encryption",
     .kind = CHOICE,
     .at = AT(zip_encryption),
     .choices = "aes256|zipcrypto",
     .words = "zip.encryption must be aes256 or zipcrypto"},
    {.key = "multiplefile", .kind = FLAG, .at = AT(multiplefile)},
    {.key = "retention.size",
     .kind = NUMBER,
     .at = AT(retention_size),
     .unit = "MB",
     .min_option = "job.retention_size_min_mb",
     .max_option = "job.retention_size_max_mb"},
    {.key = "retention.time",
     .kind = NUMBER,
     .at = AT(retention_time),
     .unit = "seconds",
     .min_option = "job.retention_time_min_s",
     .max_option = "job.retention_time_max_s"},
    {.key = "retention.events",
     .kind = NUMBER,
     .at = AT(retention_events),
     .unit = "events",
     .min = 1,
     .max_number = 10000000},
    {.key = "csv.bom", .kind = FLAG, .at = AT(csv_bom)},
    {.key = "csv.delimiter",
     .kind = TEXT,
     .at = AT(csv_delimiter),
     .max = 4,
     .words = "csv.delimiter must be a string and not empty",
     .check = check_delimiter,
     .blank = true},
    {.key = "csv.null",
     .kind = TEXT,
     .at = AT(csv_null),
     .max = CSV_NULL_MAX,
     .words = "csv.null must be a string and not empty (an empty field is what null is anyway)",
     .check = check_null},
    {.key = "csv.formulaguard", .kind = FLAG, .at = AT(csv_formulaguard)},
    {.key = "notification.email",
     .kind = TEXT,
     .at = AT(email),
     .max = 254,
     .words = "notification.email must be a string and not empty",
     .check = check_email},
    {.key = "s3.fileName",
     .kind = TEXT,
     .at = AT(file_name),
     .max = 200,
     .words = "s3.fileName must be a string and not empty",
     .check = check_file_name},
    {.key = "friendlyName",
     .kind = TEXT,
     .at = AT(friendly_name),
     .max = 200,
     .words = "friendlyName must be a string and not empty",
     .check = check_name},
    {.key = "compression",
     .kind = CHOICE,
     .at = AT(compression),
     .choices = "fast|balanced|best",
     .words = "compression must be fast, balanced or best"},
    {.key = "overwrite",
     .kind = CHOICE,
     .at = AT(overwrite),
     .choices = "never|replace",
     .words = "overwrite must be never or replace"},
    {.key = "manifest", .kind = LATER, .choices = "false"},
    {.key = "aws.rolearn", .kind = LATER},
    {.key = "notification.url", .kind = LATER},
};

/* "true" or "100" however it was written; "" for what is no such value. */
static void
as_text(const struct json *v, char *out, size_t size)
{
    double d = json_number(v, 0.5);

    out[0] = '\0';
    if (json_type(v) == JSON_BOOL)
        snprintf(out, size, "%s", json_bool(v, false) ? "true" : "false");
    else if (json_type(v) == JSON_STRING)
        snprintf(out, size, "%s", json_string(v, ""));
    else if (json_type(v) == JSON_NUMBER && d > -1e15 && d < 1e15 && d == (double)(int64_t)d)
        snprintf(out, size, "%lld", (long long)d);
    else if (json_type(v) == JSON_NUMBER)
        snprintf(out, size, "%g", d);
}

static bool
is_choice(const char *choices, const char *v)
{
    size_t n;

    for (; choices != NULL && *choices != '\0'; choices += n + (choices[n] == '|')) {
        n = strcspn(choices, "|");
        if (strlen(v) == n && strncmp(choices, v, n) == 0)
            return true;
    }
    return false;
}

static char **
text_at(struct s3_params *p, const struct param *row)
{
    return (char **)(void *)((char *)p + row->at);
}

static int
read_text(const struct param *row, const struct json *v, struct s3_params *p, struct faults *f)
{
    const char *s = json_string(v, NULL);
    struct errinfo ei = ERRINFO_INIT;

    if (s == NULL || s[0] == '\0')
        return faults_add(f, row->code, "%s", row->words);
    if (!row->blank && s[strspn(s, " \t")] == '\0')
        return row->code == 207 || row->code == 208
                   ? faults_add(f, 200, "S3 credentials cannot be empty or blank: %s", row->key)
                   : faults_add(f, row->code, "%s: it is blank", row->words);
    if (strlen(s) > row->max)
        return faults_add(f, row->code, "%s is longer than %zu bytes", row->key, row->max);
    if (row->check != NULL && row->check(s, &ei) < 0)
        return row->secret ? faults_add(f, row->code, "%s %s", row->key, ei.msg)
                           : faults_add(f, row->code, "%s = '%s' %s", row->key, s, ei.msg);
    *text_at(p, row) = mem_strdup(s);
    return 0;
}

static int
read_choice(const struct param *row, const struct json *v, struct s3_params *p, struct faults *f)
{
    const char *s = json_string(v, "");

    if (!is_choice(row->choices, s))
        return s[0] != '\0' ? faults_add(f, row->code, "%s, not '%.60s'", row->words, s)
                            : faults_add(f, row->code, "%s", row->words);
    *text_at(p, row) = mem_strdup(s);
    return 0;
}

static int
read_flag(const struct param *row, const struct json *v, struct s3_params *p, struct faults *f)
{
    char text[40];

    as_text(v, text, sizeof(text));
    if (json_type(v) == JSON_NUMBER || !is_choice("true|false", text))
        return faults_add(f, row->code, "%s = %s should be true or false", row->key,
                          text[0] != '\0' ? text : json_type_name(json_type(v)));
    *(int *)(void *)((char *)p + row->at) = text[0] == 't';
    return 0;
}

static int
read_number(const struct param *row, const struct json *v, const struct config *cfg,
            struct s3_params *p, struct faults *f)
{
    int64_t lo = row->min_option != NULL ? config_int(cfg, row->min_option) : row->min;
    int64_t hi = row->max_option != NULL ? config_int(cfg, row->max_option) : row->max_number;
    long long n = 0;
    char text[40], *end = text;

    as_text(v, text, sizeof(text));
    errno = 0;
    if (json_type(v) != JSON_BOOL && strspn(text, "0123456789") > 0)
        n = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || errno != 0 || n < lo || n > hi)
        return faults_add(f, row->code, "%s = %s should be a whole number of %s from %lld to %lld",
                          row->key, text[0] != '\0' ? text : json_type_name(json_type(v)),
                          row->unit, (long long)lo, (long long)hi);
    *(int64_t *)(void *)((char *)p + row->at) = n;
    return 0;
}

static int
read_later(const struct param *row, const struct json *v, struct faults *f)
{
    char text[40];

    as_text(v, text, sizeof(text));
    if (row->choices != NULL && strcmp(text, row->choices) == 0)
        return 0;
    return faults_add(f, 0, "%s is not served by this version", row->key);
}

static void
read_param(const struct param *row, const struct json *v, const struct config *cfg,
           struct s3_params *p, struct faults *f)
{
    switch (row->kind) {
    case TEXT:
        (void)read_text(row, v, p, f);
        break;
    case CHOICE:
        (void)read_choice(row, v, p, f);
        break;
    case FLAG:
        (void)read_flag(row, v, p, f);
        break;
    case NUMBER:
        (void)read_number(row, v, cfg, p, f);
        break;
    case LATER:
        (void)read_later(row, v, f);
        break;
    }
}

static const char *
key_at(const void *ctx, size_t i)
{
    (void)ctx;
    return table[i].key;
}

static const struct param *
find_param(const char *key)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (strcmp(table[i].key, key) == 0)
            return &table[i];
    }
    return NULL;
}

static void
refuse_unknown(const char *key, struct faults *f)
{
    char near[160];

    suggest(key, key_at, NULL, ARRAY_LEN(table), near, sizeof(near));
    faults_add(f, 0, "unknown parameter '%.80s'%s%s%s", key,
               near[0] != '\0' ? ": did you mean " : "", near, near[0] != '\0' ? "?" : "");
}

/* --- rules between parameters -------------------------------------------------------------------
 */

/* All of the bucket's data or none of any aws.*: query-api.md, section 2. */
static void
check_together(const struct json *params, const struct config *cfg, struct s3_params *p,
               struct faults *f)
{
    static const char *const keys[] = {"aws.bucket", "aws.region", "aws.accesskey",
                                       "aws.secretkey"};
    const struct json *m;
    struct buf missing = BUF_INIT(256);
    bool any = false;
    size_t i;

    for (m = json_first(params); m != NULL; m = json_next(m))
        any = any || (strncmp(json_key(m), "aws.", 4) == 0 && json_type(m) != JSON_NULL);
    p->default_store = !any && config_str(cfg, "default_store.bucket")[0] != '\0';
    if (p->default_store)
        return;
    for (i = 0; i < ARRAY_LEN(keys); i++) {
        if (json_type(json_get(params, keys[i])) == JSON_NULL)
            buf_printf(&missing, "%s%s", missing.len > 0 ? ", " : "", keys[i]);
    }
    if (missing.len > 0)
        faults_add(f, 205,
                   "S3 upload must have all bucket info (bucket name, access key, access pwd and "
                   "region): %s missing",
                   buf_str(&missing));
    buf_done(&missing);
}

static bool
endpoint_allowed(const struct config *cfg, const char *endpoint)
{
    char item[256];
    size_t i;

    for (i = 0; config_item(cfg, "s3.allowed_endpoints", i, item, sizeof(item)); i++) {
        if (strcasecmp(item, endpoint) == 0)
            return true;
    }
    return false;
}

static void
check_place(const struct config *cfg, const struct s3_params *p, struct faults *f)
{
    const char *endpoint = p->endpoint != NULL ? p->endpoint : config_str(cfg, "s3.endpoint");
    struct errinfo ei = ERRINFO_INIT;

    if (p->endpoint != NULL && !endpoint_allowed(cfg, p->endpoint))
        faults_add(f, 0, "aws.endpoint = '%s' is not among the endpoints allowed on this server",
                   p->endpoint);
    if (p->kms_key_id != NULL && (p->sse == NULL || strcmp(p->sse, "aws:kms") != 0))
        faults_add(f, 0, "aws.kmskeyid needs aws.sse = aws:kms");
    if (p->prefix != NULL)
        free(s3_params_prefix(p->prefix, &(struct s3_prefix_values){"", "", 0}, f));
    if (p->bucket != NULL && s3_check_bucket_name(p->bucket, &ei) < 0)
        faults_add(f, 206, "aws.bucket: %s", ei.msg);
    if (p->region != NULL && s3_check_region(p->region, endpoint[0] != '\0', &ei) < 0)
        faults_add(f, 209, "aws.region: %s", ei.msg);
}

static void
check_files(const struct s3_params *p, struct faults *f)
{
    const char *format = p->format != NULL ? p->format : "zip";
    bool zip = strcmp(format, "zip") == 0;

    if (p->password != NULL && !zip)
        faults_add(f, 211, "S3 upload with format %s cannot have password", format);
    if (p->zip_encryption != NULL && p->password == NULL)
        faults_add(f, 0, "zip.encryption needs file.password");
    if (p->multiplefile == 0 && zip)
        faults_add(f, 0, "multiplefile = false needs format gzip or plain%s",
                   p->format == NULL ? " (the default is zip)" : "");
    if (p->multiplefile == 0 && p->retention_size != 0)
        faults_add(f, 0, "retention.size has no meaning with multiplefile = false");
    if (p->multiplefile == 0 && p->retention_time != 0)
        faults_add(f, 0, "retention.time has no meaning with multiplefile = false");
    if (p->multiplefile == 0 && p->retention_events != 0)
        faults_add(f, 0, "retention.events has no meaning with multiplefile = false");
    if (p->csv_null != NULL &&
        strchr(p->csv_null, p->csv_delimiter != NULL ? p->csv_delimiter[0] : ',') != NULL)
        faults_add(f, 0, "csv.null = '%s' has the delimiter in it", p->csv_null);
}

void
s3_params_parse(const struct json *params, const struct config *cfg, struct s3_params *ret,
                struct faults *f)
{
    const struct param *row;
    const struct json *m;
    size_t before = f->count;

    *ret = (struct s3_params){.multiplefile = 1};
    for (m = json_first(params); m != NULL && f->count < FAULTS_MAX; m = json_next(m)) {
        row = find_param(json_key(m));
        if (row == NULL)
            refuse_unknown(json_key(m), f);
        else if (json_type(m) != JSON_NULL) /* clients write null for "not given" */
            read_param(row, m, cfg, ret, f);
    }
    check_together(params, cfg, ret, f);
    check_place(cfg, ret, f);
    if (f->count == before || ret->format != NULL)
        check_files(ret, f);
}

void
s3_params_parse_name(const struct json *params, struct s3_params *ret, struct faults *f)
{
    const struct json *name = json_get(params, "friendlyName");

    *ret = (struct s3_params){.multiplefile = 1};
    if (json_type(name) != JSON_NULL)
        read_param(find_param("friendlyName"), name, NULL, ret, f);
}

void
s3_params_parse_keys(const struct json *params, struct s3_params *ret, struct faults *f)
{
    const struct param *row;
    const struct json *m;

    *ret = (struct s3_params){.multiplefile = 1};
    for (m = json_first(params); m != NULL && f->count < FAULTS_MAX; m = json_next(m)) {
        row = find_param(json_key(m));
        if (row == NULL)
            refuse_unknown(json_key(m), f);
        else if (json_type(m) != JSON_NULL && row->kind == TEXT &&
                 (row->at == AT(access_key) || row->at == AT(secret_key) ||
                  row->at == AT(session_token)))
            read_param(row, m, NULL, ret, f);
        else
            faults_add(f, 0,
                       "%s cannot be changed by start: only aws.accesskey, aws.secretkey and "
                       "aws.sessiontoken can",
                       row->key);
    }
}

void
s3_params_done(struct s3_params *p)
{
    size_t i;

    for (i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].kind == TEXT || table[i].kind == CHOICE)
            mem_wipe_free(*text_at(p, &table[i]));
    }
    *p = (struct s3_params){0};
}

char *
s3_params_prefix(const char *prefix, const struct s3_prefix_values *v, struct faults *f)
{
    char part[8][8];
    struct {
        const char *name, *value;
    } values[] = {{"job", v->job}, {"table", v->table}, {"yyyy", part[0]},
                  {"MM", part[1]}, {"dd", part[2]},     {"HH", part[3]}};
    struct buf out = BUF_INIT(4096);
    time_t t = (time_t)(v->created_ms / 1000);
    struct tm tm;
    size_t i, n;

    gmtime_r(&t, &tm);
    snprintf(part[0], sizeof(part[0]), "%04d", (tm.tm_year + 1900) % 10000);
    snprintf(part[1], sizeof(part[1]), "%02d", (tm.tm_mon + 1) % 100);
    snprintf(part[2], sizeof(part[2]), "%02d", tm.tm_mday % 100);
    snprintf(part[3], sizeof(part[3]), "%02d", tm.tm_hour % 100);
    while (*prefix != '\0') {
        n = strcspn(prefix, "{}");
        buf_append(&out, prefix, n);
        prefix += n;
        if (*prefix == '\0')
            break;
        n = strcspn(prefix, "}");
        for (i = 0; i < ARRAY_LEN(values) && *prefix == '{' && prefix[n] == '}'; i++) {
            if (strlen(values[i].name) == n - 1 && strncmp(values[i].name, prefix + 1, n - 1) == 0)
                break;
        }
        if (*prefix != '{' || prefix[n] != '}' || i == ARRAY_LEN(values)) {
            faults_add(f, 0,
                       "aws.prefix: '%.30s' is no placeholder: {job}, {table}, {yyyy}, {MM}, {dd} "
                       "and {HH} are",
                       prefix);
            buf_done(&out);
            return NULL;
        }
        buf_puts(&out, values[i].value);
        prefix += n + 1;
    }
    return buf_take(&out);
}
