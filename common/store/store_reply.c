#include "common/store/store_args.h"

#include "common/base/buf.h"

#include <errno.h>

/* First words of Redis's error replies, and of the scripts' own. Anything else is E_PERMANENT. */
static const struct {
    const char *word;
    enum errc code;
    const char *meaning;
} error_words[] = {
    {"OOM", E_NOSPACE, "Redis is out of memory"},
    {"LOADING", E_TRANSIENT, "Redis is loading its data"},
    {"READONLY", E_TRANSIENT, "this Redis is a replica"},
    {"MASTERDOWN", E_TRANSIENT, "Redis has lost its master"},
    {"BUSY", E_TRANSIENT, "Redis is busy with a script"},
    {"TRYAGAIN", E_TRANSIENT, "Redis asks to try again"},
    {"CLUSTERDOWN", E_TRANSIENT, "the Redis cluster is down"},
    {"NOREPLICAS", E_TRANSIENT, "Redis has too few replicas"},
    {"MISCONF", E_TRANSIENT, "Redis cannot write to its disk"},
    {"NOSCRIPT", E_TRANSIENT, "Redis has forgotten a script"},
    {"NOAUTH", E_DENIED, "Redis wants a password"},
    {"WRONGPASS", E_DENIED, "Redis refuses user or password"},
    {"NOPERM", E_DENIED, "the Redis user may not do this"},
};

static bool
starts_with_word(const char *s, const char *word)
{
    size_t n = strlen(word);

    return strncmp(s, word, n) == 0 && (s[n] == ' ' || s[n] == '\0');
}

int
store_reply_error(const struct redisReply *r, struct errinfo *ei)
{
    size_t i;

    if (r == NULL)
        return errinfo_set(ei, E_TRANSIENT, "Redis: no answer");
    if (r->type != REDIS_REPLY_ERROR)
        return E_OK;
    for (i = 0; i < ARRAY_LEN(error_words); i++) {
        if (starts_with_word(r->str, error_words[i].word))
            return errinfo_set(ei, error_words[i].code, "%s (%.200s)", error_words[i].meaning,
                               r->str);
    }
    return errinfo_set(ei, E_PERMANENT, "Redis: %.400s", r->str);
}

int
store_reply_word(const struct redisReply *r, struct errinfo *ei)
{
    static const struct {
        const char *word;
        enum errc code;
        const char *words;
    } answers[] = {
        {"OK", E_OK, ""},
        {"LOST", E_LOST, "the work is no longer ours"},
        {"NONE", E_NOT_FOUND, "nothing is waiting"},
        {"NOTFOUND", E_NOT_FOUND, "not found"},
        {"CONFLICT", E_CONFLICT, "conflict"},
        {"FULL", E_NOSPACE, "no room"},
        {"DIFFERS", E_INVALID, "the same key came with another body before"},
    };
    const redisReply *second;
    size_t i;
    int rc = store_reply_error(r, ei);

    if (rc < 0)
        return rc;
    if (r->type != REDIS_REPLY_ARRAY || r->elements == 0 ||
        r->element[0]->type != REDIS_REPLY_STRING)
        return errinfo_set(ei, E_PERMANENT, "Redis: answer of a script is not understood");
    for (i = 0; i < ARRAY_LEN(answers); i++) {
        if (strcmp(r->element[0]->str, answers[i].word) != 0)
            continue;
        if (answers[i].code == E_OK)
            return E_OK;
        second = r->elements > 1 ? r->element[1] : NULL;
        return errinfo_set(ei, answers[i].code, "%s",
                           second != NULL && second->type == REDIS_REPLY_STRING ? second->str
                                                                                : answers[i].words);
    }
    return errinfo_set(ei, E_PERMANENT, "Redis: answer '%.40s' is not understood",
                       r->element[0]->str);
}

struct reply_reader
reply_reader_at(const struct redisReply *r, size_t first, struct errinfo *ei)
{
    return (struct reply_reader){r, first, E_OK, ei};
}

static void
fault(struct reply_reader *rd, const char *what)
{
    if (rd->rc == E_OK)
        rd->rc = errinfo_set(rd->ei, E_PERMANENT, "damaged in the job store: %s", what);
}

static const redisReply *
next(struct reply_reader *rd, const char *what)
{
    if (rd->array == NULL || rd->array->type != REDIS_REPLY_ARRAY ||
        rd->at >= rd->array->elements) {
        fault(rd, what);
        return NULL;
    }
    return rd->array->element[rd->at++];
}

const char *
reply_str(struct reply_reader *rd, const char *what)
{
    const redisReply *e = next(rd, what);

    if (e == NULL)
        return "";
    if (e->type != REDIS_REPLY_STRING || strlen(e->str) != e->len) {
        fault(rd, what);
        return "";
    }
    return e->str;
}

char *
reply_copy(struct reply_reader *rd, const char *what)
{
    return mem_strdup(reply_str(rd, what));
}

char *
reply_copy_or_null(struct reply_reader *rd, const char *what)
{
    const char *s = reply_str(rd, what);

    return s[0] != '\0' ? mem_strdup(s) : NULL;
}

int64_t
reply_int(struct reply_reader *rd, const char *what, int64_t max)
{
    const redisReply *e = next(rd, what);
    long long v = 0;
    char *end = NULL;

    if (e == NULL)
        return 0;
    if (e->type == REDIS_REPLY_INTEGER) {
        v = e->integer;
    } else if (e->type != REDIS_REPLY_STRING) {
        v = -1;
    } else if (e->len > 0) {
        errno = 0;
        v = strtoll(e->str, &end, 10);
        if (errno != 0 || end != e->str + e->len)
            v = -1;
    }
    if (v < 0 || v > max) {
        fault(rd, what);
        return 0;
    }
    return v;
}

const struct redisReply *
reply_array(struct reply_reader *rd, const char *what)
{
    const redisReply *e = next(rd, what);

    if (e == NULL)
        return NULL;
    if (e->type != REDIS_REPLY_ARRAY) {
        fault(rd, what);
        return NULL;
    }
    return e;
}

bool
store_is_hex(const char *s, size_t n)
{
    return s != NULL && strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

void
reply_hex(struct reply_reader *rd, const char *what, size_t n, bool may_be_empty, char *out)
{
    const char *s = reply_str(rd, what);

    out[0] = '\0';
    if (store_is_hex(s, n))
        memcpy(out, s, n + 1);
    else if (s[0] != '\0' || !may_be_empty)
        fault(rd, what);
}

void
reply_uuid(struct reply_reader *rd, const char *what, char out[IDS_UUID_LEN + 1])
{
    const char *s = reply_str(rd, what);

    out[0] = '\0';
    if (ids_is_uuid(s))
        memcpy(out, s, IDS_UUID_LEN + 1);
    else
        fault(rd, what);
}
