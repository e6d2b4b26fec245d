#include "api/auth.h"

#include "api/jwt.h"
#include "api/request.h"
#include "api/response.h"
#include "api/store_async.h"
#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/store/store_cmd.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <strings.h>

#define BUCKETS     1024
#define ENTRIES_MAX 10000
#define KEY_MAX     200 /* of an API key */
#define TOKEN_MAX   4096
#define ENTRY_NAME  (KEY_MAX + 2)

#define CODE_TOKEN     5 /* as clients know them */
#define CODE_SIGNATURE 12
#define CODE_NONE      401

struct entry {
    struct entry *next;
    char name[ENTRY_NAME]; /* "k" + API key, or "t" + SHA-256 of a token */
    struct cred *cred;
};

struct auth {
    struct store_async *store;
    const struct seal *seal;
    int64_t skew_ms, keep_ms;
    char *jwt_key; /* NULL: signed tokens are not accepted */
    struct entry *buckets[BUCKETS];
    size_t count;
};

/* One check that waits for Redis. */
struct check {
    struct auth *auth;
    struct request *rq;
    void (*done)(struct request *rq);
    bool by_token;
    char name[ENTRY_NAME];
};

/* --- pure parts ------------------------------------------------------------------------------- */

void
auth_sign(const char *api_key, const char *secret, const char *body, size_t body_len,
          const char *timestamp, char out[AUTH_SIGN_HEX + 1])
{
    struct buf text = BUF_INIT(SIZE_MAX / 2);
    unsigned char mac[DIGEST_SHA256_LEN];

    buf_puts(&text, api_key);
    buf_append(&text, body, body_len);
    buf_puts(&text, timestamp);
    digest_hmac_sha256(secret, strlen(secret), text.data, text.len, mac);
    digest_hex(mac, sizeof(mac), out);
    buf_wipe(&text); /* the body may hold AWS keys */
}

const char *
auth_token(const char *authorization)
{
    const char *t = authorization;

    if (strncasecmp(t, "bearer", 6) == 0 && (t[6] == ' ' || t[6] == '\t' || t[6] == '\0'))
        t += 6 + strspn(t + 6, " \t");
    if (t[0] == '\0' || strlen(t) > TOKEN_MAX || strpbrk(t, " \t,") != NULL)
        return NULL;
    return t;
}

enum auth_clock
auth_clock(const char *timestamp, int64_t now_ms, int64_t skew_ms)
{
    long long t;
    char *end;

    if (!isdigit((unsigned char)timestamp[0]) || strlen(timestamp) > 18)
        return AUTH_CLOCK_BAD;
    errno = 0;
    t = strtoll(timestamp, &end, 10);
    if (errno != 0 || *end != '\0')
        return AUTH_CLOCK_BAD;
    return t < now_ms - skew_ms || t > now_ms + skew_ms ? AUTH_CLOCK_STALE : AUTH_CLOCK_OK;
}

/* One part against one part of a glob; both end at a dot or at the end. */
static bool
part_match(const char *g, size_t gn, const char *t, size_t tn)
{
    const char *star = NULL, *back = NULL, *ge = g + gn, *te = t + tn;

    while (t < te) {
        if (g < ge && *g == '*') {
            star = g++;
            back = t;
        } else if (g < ge && *g == *t) {
            g++;
            t++;
        } else if (star != NULL) { /* let the last star take one character more */
            g = star + 1;
            t = ++back;
        } else {
            return false;
        }
    }
    while (g < ge && *g == '*')
        g++;
    return g == ge;
}

static const char *
next_part(const char *p, size_t n)
{
    return p[n] == '.' ? p + n + 1 : p + n;
}

bool
auth_glob_match(const char *glob, const char *table)
{
    const char *deep = NULL, *back = NULL; /* glob behind the last "**", table where it began */
    size_t gn, tn;

    for (;;) {
        gn = strcspn(glob, ".");
        tn = strcspn(table, ".");
        if (gn == 2 && strncmp(glob, "**", 2) == 0) {
            glob = next_part(glob, gn);
            deep = glob;
            back = table;
            if (*glob == '\0')
                return true;
        } else if (*table == '\0') {
            return *glob == '\0';
        } else if (gn > 0 && part_match(glob, gn, table, tn)) {
            glob = next_part(glob, gn);
            table = next_part(table, tn);
        } else if (deep != NULL) { /* let the last "**" take one part more */
            back = next_part(back, strcspn(back, "."));
            glob = deep;
            table = back;
        } else {
            return false;
        }
    }
}

bool
auth_may_read(const struct cred *c, const char *table)
{
    size_t i;

    for (i = 0; c->globs[i] != NULL; i++) {
        if (auth_glob_match(c->globs[i], table))
            return true;
    }
    return false;
}

/* --- credentials and their cache -------------------------------------------------------------- */

void
cred_unref(struct cred *c)
{
    size_t i;

    if (c == NULL || --c->refs > 0)
        return;
    for (i = 0; c->globs != NULL && c->globs[i] != NULL; i++)
        free(c->globs[i]);
    free(c->globs);
    free(c->api_key);
    free(c->domain);
    mem_wipe_free(c->secret);
    free(c);
}

static char **
split_globs(const char *text)
{
    char **list = mem_zalloc(sizeof(*list));
    size_t n = 0, cap = 1, len;

    while (text != NULL && *text != '\0') {
        text += strspn(text, ", \t");
        len = strcspn(text, ", \t");
        if (len == 0)
            break;
        list = mem_grow(list, &cap, n + 2, sizeof(*list));
        list[n++] = mem_strndup(text, len);
        list[n] = NULL;
        text += len;
    }
    return list;
}

static struct cred *
cred_make(const struct auth *a, const struct cred_record *r, struct errinfo *ei)
{
    struct cred *c = mem_zalloc(sizeof(*c));
    char *place = mem_printf("cred|%s", r->api_key);
    int rc = E_OK;

    c->refs = 1;
    c->api_key = mem_strdup(r->api_key);
    c->domain = mem_strdup(r->domain);
    c->globs = split_globs(r->tables);
    c->read_only = r->read_only;
    c->expires_ms = r->expires_ms;
    c->read_ms = clock_mono_ms();
    if (r->secret != NULL && r->secret[0] != '\0')
        rc = seal_parse(a->seal, r->secret, place, &c->secret, ei);
    free(place);
    if (rc == E_OK)
        return c;
    cred_unref(c);
    return NULL;
}

static struct entry **
find_slot(struct auth *a, const char *name)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    struct entry **slot;
    const char *p;

    for (p = name; *p != '\0'; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    slot = &a->buckets[h % BUCKETS];
    while (*slot != NULL && strcmp((*slot)->name, name) != 0)
        slot = &(*slot)->next;
    return slot;
}

static void
drop_entry(struct auth *a, struct entry **slot)
{
    struct entry *e = *slot;

    *slot = e->next;
    cred_unref(e->cred);
    free(e);
    a->count--;
}

static void
drop_all(struct auth *a)
{
    size_t i;

    for (i = 0; i < BUCKETS; i++) {
        while (a->buckets[i] != NULL)
            drop_entry(a, &a->buckets[i]);
    }
}

static void
remember(struct auth *a, const char *name, struct cred *c)
{
    struct entry **slot = find_slot(a, name), *e;

    if (*slot != NULL)
        drop_entry(a, slot);
    if (a->count >= ENTRIES_MAX)
        drop_all(a); /* rare, and they are read again in a moment anyway */
    slot = find_slot(a, name);
    e = mem_zalloc(sizeof(*e));
    snprintf(e->name, sizeof(e->name), "%s", name);
    e->cred = c;
    c->refs++;
    e->next = *slot;
    *slot = e;
    a->count++;
}

static struct cred *
recall(struct auth *a, const char *name)
{
    struct entry **slot = find_slot(a, name);

    if (*slot == NULL)
        return NULL;
    if (clock_mono_ms() - (*slot)->cred->read_ms < a->keep_ms)
        return (*slot)->cred;
    drop_entry(a, slot);
    return NULL;
}

int
auth_open(const struct config *cfg, struct store_async *store, const struct seal *seal,
          struct auth **ret, struct errinfo *ei)
{
    struct auth *a = mem_zalloc(sizeof(*a));
    int rc = config_secret(cfg, "api.jwt_key_file", &a->jwt_key, ei);

    if (rc == E_OK && a->jwt_key != NULL && strlen(a->jwt_key) < JWT_KEY_MIN)
        rc = errinfo_set(ei, E_INVALID, "api.jwt_key_file: the key has less than %d characters",
                         JWT_KEY_MIN);
    if (rc < 0) {
        auth_close(a);
        return rc;
    }
    a->store = store;
    a->seal = seal;
    a->skew_ms = config_int(cfg, "api.clock_skew_s") * 1000;
    a->keep_ms = config_int(cfg, "api.credential_cache_ms");
    *ret = a;
    return E_OK;
}

void
auth_close(struct auth *a)
{
    if (a == NULL)
        return;
    drop_all(a);
    mem_wipe_free(a->jwt_key);
    free(a);
}

/* --- the check -------------------------------------------------------------------------------- */

static void
refuse_signature(struct request *rq)
{
    response_auth_error(rq, 401, CODE_SIGNATURE, "Invalid signature validation");
}

static void
refuse_unknown(struct request *rq, bool by_token)
{
    if (by_token)
        response_auth_error(rq, 403, CODE_TOKEN, "Token invalid or expired");
    else
        refuse_signature(rq);
}

static bool
signature_is_right(const struct request *rq, const struct cred *c)
{
    char want[AUTH_SIGN_HEX + 1];

    if (c->secret == NULL)
        return false;
    auth_sign(c->api_key, c->secret, rq->body.data, rq->body.len,
              request_header(rq, "x-logtrust-timestamp"), want);
    return digest_equal(want, request_header(rq, "x-logtrust-sign"));
}

/* The credential is known: is it right for this request? */
static void
decide(struct request *rq, struct cred *c, bool by_token, void (*done)(struct request *rq))
{
    if (c->expires_ms != 0 && c->expires_ms <= clock_now_ms()) {
        refuse_unknown(rq, by_token);
        return;
    }
    if (!by_token && !signature_is_right(rq, c)) {
        refuse_signature(rq);
        return;
    }
    c->refs++;
    rq->cred = c;
    done(rq);
}

static void
on_cred(void *ctx, const struct redisReply *reply, struct errinfo *ei)
{
    struct check *k = ctx;
    struct cred_record record;
    struct cred *c = NULL;
    int rc = ei->code;

    if (reply != NULL)
        rc = store_reply_cred(reply, &record, ei);
    if (rc == E_OK) {
        c = cred_make(k->auth, &record, ei);
        cred_record_done(&record);
        rc = c != NULL ? E_OK : E_TRANSIENT; /* sealed with another master key: the operator's */
    }
    if (rc == E_OK) {
        if (k->auth->keep_ms > 0)
            remember(k->auth, k->name, c);
        decide(k->rq, c, k->by_token, k->done);
    } else if (rc == E_NOT_FOUND) {
        refuse_unknown(k->rq, k->by_token);
    } else {
        response_unavailable(k->rq, ei);
    }
    cred_unref(c);
    free(k);
}

static void
look_up(struct auth *a, struct request *rq, const char *name, void (*done)(struct request *rq))
{
    bool by_token = name[0] == 't';
    struct cred *c = recall(a, name);
    struct store_cmd cmd = {0};
    struct check *k;

    if (c != NULL) {
        c->refs++; /* the answer may lead to the next request, which may empty the cache */
        decide(rq, c, by_token, done);
        cred_unref(c);
        return;
    }
    k = mem_zalloc(sizeof(*k));
    *k = (struct check){.auth = a, .rq = rq, .done = done, .by_token = by_token};
    snprintf(k->name, sizeof(k->name), "%s", name);
    if (by_token)
        store_cmd_cred_by_token(&cmd, name + 1);
    else
        store_cmd_cred_get(&cmd, name + 1);
    store_async_send(a->store, &cmd, rq->limit_ms, on_cred, k);
}

static void
check_signature(struct auth *a, struct request *rq, void (*done)(struct request *rq))
{
    const char *key = request_header(rq, "x-logtrust-apikey");
    const char *timestamp = request_header(rq, "x-logtrust-timestamp");
    const char *sign = request_header(rq, "x-logtrust-sign");
    char name[ENTRY_NAME], stale[160];

    if (key == NULL || timestamp == NULL || sign == NULL || key[0] == '\0' ||
        strlen(key) > KEY_MAX) {
        refuse_signature(rq);
        return;
    }
    switch (auth_clock(timestamp, clock_now_ms(), a->skew_ms)) {
    case AUTH_CLOCK_OK:
        break;
    case AUTH_CLOCK_STALE:
        snprintf(stale, sizeof(stale),
                 "Invalid signature validation: the timestamp is stale, more than %lld s from this "
                 "server's clock",
                 (long long)(a->skew_ms / 1000));
        response_auth_error(rq, 401, CODE_SIGNATURE, stale);
        return;
    case AUTH_CLOCK_BAD:
        response_auth_error(rq, 401, CODE_SIGNATURE,
                            "Invalid signature validation: x-logtrust-timestamp is not a number "
                            "of milliseconds");
        return;
    }
    snprintf(name, sizeof(name), "k%s", key);
    look_up(a, rq, name, done);
}

/* The token of "jwt T", in any case; NULL: another scheme. */
static const char *
jwt_of(const char *authorization)
{
    if (strncasecmp(authorization, "jwt", 3) != 0 ||
        (authorization[3] != ' ' && authorization[3] != '\t'))
        return NULL;
    return authorization + 3 + strspn(authorization + 3, " \t");
}

static void
check_jwt(struct auth *a, struct request *rq, const char *token, void (*done)(struct request *rq))
{
    struct errinfo ei = ERRINFO_INIT;
    struct jwt_claims claims;
    struct cred *c;

    if (a->jwt_key == NULL) {
        response_auth_error(rq, 401, CODE_TOKEN, "jwt tokens are not accepted by this server");
        return;
    }
    if (strlen(token) > TOKEN_MAX) {
        response_auth_error(rq, 401, CODE_TOKEN, "the token is too long");
        return;
    }
    if (jwt_verify(token, a->jwt_key, clock_now_ms(), &claims, &ei) < 0) {
        response_auth_error(rq, 401, CODE_TOKEN, ei.msg);
        return;
    }
    c = mem_zalloc(sizeof(*c));
    c->refs = 1;
    c->api_key = mem_printf("jwt:%s", claims.subject != NULL ? claims.subject : claims.domain);
    c->domain = mem_strdup(claims.domain);
    c->globs = split_globs(claims.tables);
    c->read_only = claims.read_only;
    c->expires_ms = claims.expires_ms;
    jwt_claims_done(&claims);
    rq->cred = c;
    done(rq);
}

void
auth_check(struct auth *a, struct request *rq, void (*done)(struct request *rq))
{
    const char *authorization = request_header(rq, "Authorization"), *token;
    char name[ENTRY_NAME];

    /* A timestamp alone says nothing: python-sdk sends it along with a token. */
    if (request_header(rq, "x-logtrust-apikey") != NULL ||
        request_header(rq, "x-logtrust-sign") != NULL) {
        check_signature(a, rq, done);
        return;
    }
    token = authorization != NULL ? jwt_of(authorization) : NULL;
    if (token != NULL) {
        check_jwt(a, rq, token, done);
        return;
    }
    token = authorization != NULL ? auth_token(authorization) : NULL;
    if (token == NULL) {
        response_auth_error(rq, 401, CODE_NONE, "Unauthorized");
        return;
    }
    name[0] = 't';
    digest_sha256_hex(token, strlen(token), name + 1);
    look_up(a, rq, name, done);
}
