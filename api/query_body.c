#include "api/query_body.h"

#include "common/base/json.h"
#include "common/linq/linq.h"
#include "common/linq/linq_time.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <strings.h>

#define TIME_MIN_MS (-62135596800000LL) /* 0001-01-01 */
#define TIME_MAX_MS 253402300799999LL   /* 9999-12-31 23:59:59.999 */
#define TEXT_MAX    200                 /* of from, to, queryId */

enum { FROM_MISSING = 405, FROM_BAD = 406, TO_BAD = 407, ORDER_BAD = 408 };

struct reading {
    const struct json *root;
    const struct config *cfg;
    struct query_body *b;
    struct faults *f;
    int now_offset_min; /* of timeZone, now */
};

/* null says "not given": several clients send every key they know. */
static const struct json *
member(const struct json *object, const char *key)
{
    const struct json *v = json_get(object, key);

    return v != NULL && json_type(v) != JSON_NULL ? v : NULL;
}

static bool
number_of(const char *text, double *ret)
{
    char *end;

    if (text[strspn(text, "0123456789+-.eE")] != '\0' || text[strcspn(text, "0123456789")] == '\0')
        return false;
    errno = 0;
    *ret = strtod(text, &end);
    return errno == 0 && *end == '\0';
}

/* --- time ---------------------------------------------------------------------------------------
 */

static int
number_time(const struct reading *r, const char *name, int code, double v, bool ms, int64_t *ret)
{
    double t = ms ? v : v * 1000.0;

    if (!isfinite(t) || t < (double)TIME_MIN_MS || t > (double)TIME_MAX_MS)
        return faults_add(r->f, code,
                          "Date %s not valid format: %.17g %s is beyond the year 9999%s", name, v,
                          ms ? "milliseconds" : "seconds",
                          ms ? "" : " (for milliseconds say \"timeUnit\": \"MILLISECONDS\")");
    *ret = (int64_t)llround(t);
    return 0;
}

/* `from` (from_ms NULL) or `to`. */
static int
read_time(const struct reading *r, const char *name, int code, bool ms, const int64_t *from_ms,
          int64_t *ret)
{
    const struct json *v = member(r->root, name);
    struct errinfo ei = ERRINFO_INIT;
    const char *s = json_string(v, NULL);
    double d;

    if (json_type(v) == JSON_NUMBER)
        return number_time(r, name, code, json_number(v, 0), ms, ret);
    if (s == NULL)
        return faults_add(r->f, code, "Date %s not valid format: %s instead of a number or text",
                          name, json_type_name(json_type(v)));
    if (number_of(s, &d))
        return number_time(r, name, code, d, ms, ret);
    if (strlen(s) > TEXT_MAX)
        return faults_add(r->f, code, "Date %s not valid format: longer than %d characters", name,
                          TEXT_MAX);
    if (linq_time_parse(s, r->b->now_ms, r->now_offset_min, from_ms, ret, &ei) < 0)
        return faults_add(r->f, code, "Date %s not valid format: %s", name, ei.msg);
    return 0;
}

static bool
read_unit(const struct reading *r)
{
    const struct json *v = member(r->root, "timeUnit");
    const char *s = json_string(v, "");

    if (v != NULL && strcasecmp(s, "SECONDS") != 0 && strcasecmp(s, "MILLISECONDS") != 0)
        faults_add(r->f, 0, "timeUnit should be SECONDS or MILLISECONDS");
    return strcasecmp(s, "MILLISECONDS") == 0;
}

static void
read_zone(struct reading *r)
{
    const struct json *v = member(r->root, "timeZone");
    const char *s = json_string(v, NULL);
    struct errinfo ei = ERRINFO_INIT;

    if (v == NULL)
        return;
    if (s == NULL || strlen(s) > TEXT_MAX)
        faults_add(r->f, 0,
                   "timeZone should be a text such as \"UTC\", \"GMT+2\", \"Europe/Madrid\"");
    else if (linq_time_zone(s, r->b->now_ms, &r->now_offset_min, &ei) < 0)
        faults_add(r->f, 0, "timeZone: %s", ei.msg);
}

static void
read_range(struct reading *r)
{
    struct query_body *b = r->b;
    int64_t ahead_ms = config_int(r->cfg, "api.clock_skew_s") * 1000;
    struct errinfo ei = ERRINFO_INIT;
    bool ms = read_unit(r);
    const char *zone;

    read_zone(r);
    if (member(r->root, "from") == NULL) {
        faults_add(r->f, FROM_MISSING, "Date from is required");
        return;
    }
    if (read_time(r, "from", FROM_BAD, ms, NULL, &b->from_ms) < 0)
        return;
    zone = json_string(member(r->root, "timeZone"), NULL);
    /* The events' zone is that of the range, not of the day of the call: summer stays summer. */
    b->tz_offset_min = r->now_offset_min;
    if (zone != NULL && r->f->count == 0)
        (void)!linq_time_zone(zone, b->from_ms, &b->tz_offset_min, &ei);
    if (member(r->root, "to") == NULL) {
        faults_add(r->f, TO_BAD,
                   "Date to is required: continuous queries are not served by this version");
        return;
    }
    if (read_time(r, "to", TO_BAD, ms, &b->from_ms, &b->to_ms) < 0)
        return;
    if (b->from_ms > b->to_ms)
        faults_add(r->f, ORDER_BAD, "Date from is later than date to");
    else if (b->to_ms > b->now_ms + ahead_ms)
        faults_add(r->f, TO_BAD,
                   "Date to lies in the future: waiting for events to come is not served by this "
                   "version, say \"now\" or an earlier time");
}

/* --- other members ------------------------------------------------------------------------------
 */

/* A whole number from 0, as text too; false: not given or wrong. */
static bool
read_count(const struct reading *r, const char *name, int64_t *ret)
{
    const struct json *v = member(r->root, name);
    const char *s = json_string(v, NULL);
    double d = -1;

    if (v == NULL)
        return false;
    if (json_type(v) == JSON_NUMBER)
        d = json_number(v, -1);
    else if (s == NULL || !number_of(s, &d))
        d = -1;
    if (!(d >= 0 && d <= 1e13) || d != floor(d)) {
        faults_add(r->f, 0, "%s should be a whole number of rows, 0 or more", name);
        return false;
    }
    *ret = (int64_t)d;
    return true;
}

static void
read_rows(const struct reading *r)
{
    int64_t skip = 0, offset = 0;
    bool has_skip, has_offset;

    r->b->limit = -1;
    (void)read_count(r, "limit", &r->b->limit);
    has_skip = read_count(r, "skip", &skip);
    has_offset = read_count(r, "offset", &offset);
    if (has_skip && has_offset && skip != offset)
        faults_add(r->f, 0, "skip and offset are two names of one thing and differ");
    r->b->skip = has_skip ? skip : offset;
}

static void
read_date_format(const struct reading *r)
{
    const struct json *v = member(r->root, "dateFormat");
    const char *s = json_string(v, "");

    r->b->iso_dates = strcasecmp(s, "iso") == 0;
    if (v != NULL && !r->b->iso_dates && strcasecmp(s, "default") != 0 && strcasecmp(s, "sql") != 0)
        faults_add(r->f, 0, "dateFormat should be default, sql or iso");
}

static void
read_priority(const struct reading *r)
{
    static const char *const names[] = {"high", "normal", "low"};
    const struct json *v = member(r->root, "vaultName");
    size_t i;

    r->b->priority = 1;
    if (v == NULL)
        return;
    for (i = 0; i < ARRAY_LEN(names); i++) {
        if (strcasecmp(json_string(v, ""), names[i]) == 0) {
            r->b->priority = (int)i;
            return;
        }
    }
    faults_add(r->f, 0, "vaultName should be low, normal or high");
}

static void
read_query(const struct reading *r)
{
    const struct json *q = member(r->root, "query"), *id = member(r->root, "queryId");
    const char *text = json_string(q, NULL), *name = json_string(id, NULL);

    if (q != NULL && (text == NULL || text[strspn(text, " \t\r\n")] == '\0'))
        faults_add(r->f, 0, "query should be a text in LINQ, such as \"from my.table select *\"");
    else if (text != NULL && strlen(text) > LINQ_TEXT_MAX)
        faults_add(r->f, 0, "query is longer than %d bytes", LINQ_TEXT_MAX);
    else if (q == NULL && id == NULL)
        faults_add(r->f, 0, "query is required");
    else if (q == NULL && (name == NULL || name[0] == '\0' || strlen(name) > TEXT_MAX))
        faults_add(r->f, 0, "queryId should be the name of a saved query");
    r->b->query = mem_strdup(text);
    r->b->query_id = q == NULL ? mem_strdup(name) : NULL;
}

/* Members that later versions serve. Silence would be an answer to another question. */
static void
read_later(const struct reading *r)
{
    const struct json *dry = member(r->root, "dryRun"), *lang = member(r->root, "language");

    if (dry != NULL && (json_type(dry) != JSON_BOOL || json_bool(dry, true)))
        faults_add(r->f, 0, "dryRun is not served by this version");
    if (lang != NULL && strcasecmp(json_string(lang, ""), "linq") != 0)
        faults_add(r->f, 0, "language: only linq is served by this version");
}

static void
read_destination(const struct reading *r)
{
    static const char need[] =
        "destination is required: this server forwards results, it does not answer them inline";
    const struct json *d = member(r->root, "destination"), *m, *params;
    const char *type;

    if (json_type(d) == JSON_ARRAY && json_count(d) == 1)
        d = json_first(d); /* as in an older example of the original */
    if (d == NULL) {
        faults_add(r->f, 0, "%s", need);
        return;
    }
    if (json_type(d) != JSON_OBJECT) {
        faults_add(r->f, 0, "destination should be an object {\"type\": ..., \"params\": {...}}");
        return;
    }
    for (m = json_first(d); m != NULL; m = json_next(m)) {
        if (strcmp(json_key(m), "type") != 0 && strcmp(json_key(m), "params") != 0)
            faults_add(r->f, 0, "destination has an unknown member '%.60s': type and params exist",
                       json_key(m));
    }
    type = json_string(member(d, "type"), "");
    params = member(d, "params");
    if (params != NULL && json_type(params) != JSON_OBJECT)
        faults_add(r->f, 0, "destination.params should be an object");
    else if (strcmp(type, "s3") == 0)
        s3_params_parse(params, r->cfg, &r->b->params, r->f);
    else if (strcmp(type, "donothing") == 0)
        s3_params_parse_name(params, &r->b->params, r->f);
    else
        faults_add(r->f, 0, "destination.type = '%.40s' is unknown: s3 and donothing exist", type);
    r->b->type = mem_strdup(type);
}

void
query_body_parse(const char *text, size_t len, const struct config *cfg, int64_t now_ms,
                 struct query_body *ret, struct faults *f)
{
    struct reading r = {.cfg = cfg, .b = ret, .f = f};
    struct errinfo ei = ERRINFO_INIT;
    struct json *root = NULL;

    memset(ret, 0, sizeof(*ret));
    ret->now_ms = now_ms;
    if (len == 0) {
        faults_add(f, 0, "the body is empty: a JSON object is needed");
        return;
    }
    if (json_parse(text, len, &root, &ei) < 0) {
        faults_add(f, 0, "the body is not JSON: %s", ei.msg);
        return;
    }
    r.root = root;
    if (json_type(root) != JSON_OBJECT) {
        faults_add(f, 0, "the body should be a JSON object, not %s",
                   json_type_name(json_type(root)));
    } else {
        read_range(&r);
        read_query(&r);
        read_destination(&r);
        read_rows(&r);
        read_date_format(&r);
        read_priority(&r);
        read_later(&r);
    }
    json_free(root);
}

void
query_body_done(struct query_body *b)
{
    s3_params_done(&b->params);
    free(b->query);
    free(b->query_id);
    free(b->type);
    memset(b, 0, sizeof(*b));
}
