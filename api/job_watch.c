#include "api/job_watch.h"

#include "api/redis_link.h"
#include "common/base/buf.h"
#include "common/base/ids.h"
#include "common/store/store_keys.h"

#include <hiredis/async.h>
#include <hiredis/hiredis.h>
#include <string.h>

#define BUCKETS 256 /* by the first two digits of the id, which is random */

/* A domain somebody has waited in. Kept: there are few, and the next wait needs it again. */
struct topic {
    struct topic *next;
    struct job_watch *watch;
    char *domain, *channel;
};

struct job_watcher {
    struct job_watch *watch;
    struct job_watcher *prev, *next;
    const struct topic *topic;
    char id[IDS_UUID_LEN + 1];
    void (*changed)(void *ctx);
    void *ctx;
};

struct job_watch {
    struct redis_link *link;
    struct topic *topics;
    struct job_watcher *buckets[BUCKETS];
    bool draining;
};

static struct job_watcher **
bucket_of(struct job_watch *w, const char *id)
{
    char two[3] = {id[0], id[0] != '\0' ? id[1] : '\0', '\0'};

    return &w->buckets[strtoul(two, NULL, 16) % BUCKETS];
}

/* id NULL: all of the topic; topic NULL, too: all. */
static void
tell_bucket(struct job_watcher *first, const struct topic *topic, const char *id)
{
    struct job_watcher *x, *next;

    for (x = first; x != NULL; x = next) {
        next = x->next; /* of another connection, so this call does not end it */
        if ((topic == NULL || x->topic == topic) && (id == NULL || strcmp(x->id, id) == 0))
            x->changed(x->ctx);
    }
}

static void
tell_all(struct job_watch *w, const struct topic *topic)
{
    size_t i;

    for (i = 0; i < BUCKETS; i++)
        tell_bucket(w->buckets[i], topic, NULL);
}

/* ["subscribe", channel, count] once, then ["message", channel, "<id> <status>"]. */
static void
on_message(redisAsyncContext *ac, void *arg_reply, void *arg)
{
    const redisReply *reply = arg_reply, *words;
    struct topic *topic = arg;
    char id[IDS_UUID_LEN + 1];

    (void)ac;
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return;
    words = reply->element[2];
    if (words->type == REDIS_REPLY_INTEGER) {
        tell_all(topic->watch, topic);
    } else if (words->type == REDIS_REPLY_STRING && words->len >= IDS_UUID_LEN) {
        snprintf(id, sizeof(id), "%s", words->str);
        tell_bucket(*bucket_of(topic->watch, id), topic, id);
    }
}

static void
subscribe(struct topic *topic)
{
    redisAsyncContext *ac = redis_link_context(topic->watch->link);

    if (ac != NULL)
        redisAsyncCommand(ac, on_message, topic, "SUBSCRIBE %s", topic->channel);
}

static void
on_up(void *ctx)
{
    struct job_watch *w = ctx;
    struct topic *t;

    for (t = w->topics; t != NULL; t = t->next)
        subscribe(t);
}

static struct topic *
topic_of(struct job_watch *w, const char *domain)
{
    struct topic *t;

    for (t = w->topics; t != NULL; t = t->next) {
        if (strcmp(t->domain, domain) == 0)
            return t;
    }
    t = mem_zalloc(sizeof(*t));
    t->watch = w;
    t->domain = mem_strdup(domain);
    t->channel = store_key(store_partition(domain), "ev:%s", domain);
    t->next = w->topics;
    w->topics = t;
    subscribe(t);
    return t;
}

int
job_watch_open(const struct config *cfg, struct event_base *base, struct job_watch **ret,
               struct errinfo *ei)
{
    struct job_watch *w = mem_zalloc(sizeof(*w));
    const struct redis_link_owner owner = {.name = "events", .up = on_up, .ctx = w};
    int rc = redis_link_open(cfg, base, &owner, &w->link, ei);

    if (rc < 0) {
        free(w);
        return rc;
    }
    *ret = w;
    return E_OK;
}

void
job_watch_close(struct job_watch *w)
{
    struct topic *t;

    if (w == NULL)
        return;
    redis_link_close(w->link);
    while ((t = w->topics) != NULL) {
        w->topics = t->next;
        free(t->domain);
        free(t->channel);
        free(t);
    }
    free(w);
}

struct job_watcher *
job_watch_add(struct job_watch *w, const char *domain, const char *id, void (*changed)(void *ctx),
              void *ctx)
{
    struct job_watcher **bucket = bucket_of(w, id), *x = mem_zalloc(sizeof(*x));

    x->watch = w;
    x->topic = topic_of(w, domain);
    x->changed = changed;
    x->ctx = ctx;
    snprintf(x->id, sizeof(x->id), "%s", id);
    x->next = *bucket;
    if (x->next != NULL)
        x->next->prev = x;
    *bucket = x;
    return x;
}

void
job_watch_remove(struct job_watcher *x)
{
    if (x == NULL)
        return;
    if (x->prev != NULL)
        x->prev->next = x->next;
    else
        *bucket_of(x->watch, x->id) = x->next;
    if (x->next != NULL)
        x->next->prev = x->prev;
    free(x);
}

void
job_watch_drain(struct job_watch *w)
{
    w->draining = true;
    tell_all(w, NULL);
}

bool
job_watch_draining(const struct job_watch *w)
{
    return w->draining;
}
