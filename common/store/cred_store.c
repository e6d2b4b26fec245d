#include "common/store/cred_store.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/ids.h"
#include "common/store/job_store_internal.h"

#define KEY_LEN    24
#define SECRET_LEN 40
#define DOMAIN_MAX 128

void
cred_new_done(struct cred_new *n)
{
    mem_wipe_free(n->api_key);
    mem_wipe_free(n->api_secret);
    mem_wipe_free(n->token);
    *n = (struct cred_new){0};
}

/* PROTOCOL.md: a domain stands in front of a colon in keys. */
static int
check_domain(const char *domain, struct errinfo *ei)
{
    size_t n = strlen(domain);

    if (n == 0 || n > DOMAIN_MAX ||
        strspn(domain, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.@-") != n)
        return errinfo_set(ei, E_INVALID,
                           "domain '%.140s' is not 1 to %d letters, digits or '_.@-'", domain,
                           DOMAIN_MAX);
    return E_OK;
}

static char *
random_alnum(const char *prefix, size_t n)
{
    size_t p = strlen(prefix);
    char *s = mem_alloc(p + n + 1);

    memcpy(s, prefix, p);
    ids_alnum(s + p, n);
    return s;
}

int
cred_store_add(struct job_store *s, const struct seal *seal, const char *domain, const char *tables,
               bool read_only, int64_t expires_ms, struct cred_new *ret, struct errinfo *ei)
{
    struct cred_new n = {0};
    struct store_cmd cmd;
    char token_hash[DIGEST_SHA256_HEX + 1];
    char *place, *sealed;
    int rc = check_domain(domain, ei);

    if (rc < 0)
        return rc;
    n.api_key = random_alnum("", KEY_LEN);
    n.api_secret = random_alnum("", SECRET_LEN);
    n.token = random_alnum("bl_", SECRET_LEN);
    digest_sha256_hex(n.token, strlen(n.token), token_hash);
    place = mem_printf("cred|%s", n.api_key);
    sealed = seal_text(seal, n.api_secret, place);

    store_cmd_script(&cmd, SCRIPT_CRED_ADD);
    store_cmd_str(&cmd, n.api_key);
    store_cmd_str(&cmd, domain);
    store_cmd_str(&cmd, sealed);
    store_cmd_str(&cmd, tables);
    store_cmd_int(&cmd, read_only);
    store_cmd_int(&cmd, expires_ms);
    store_cmd_str(&cmd, token_hash);
    rc = job_store_run(s, &cmd, NULL, ei);
    free(place);
    free(sealed);
    if (rc < 0) {
        cred_new_done(&n);
        return rc;
    }
    *ret = n;
    return E_OK;
}

int
cred_store_list(struct job_store *s, struct cred_record **ret, size_t *ret_count,
                struct errinfo *ei)
{
    struct cred_record *list;
    struct store_cmd cmd;
    struct redisReply *r = NULL;
    struct reply_reader rd;
    const struct redisReply *entry;
    size_t n = 0;
    int rc;

    store_cmd_script(&cmd, SCRIPT_CRED_LIST);
    rc = job_store_run(s, &cmd, &r, ei);
    if (rc < 0)
        return rc;
    list = mem_zalloc(r->elements * sizeof(*list));
    rd = reply_reader_at(r, 1, ei);
    while (rc == E_OK && rd.at < r->elements) {
        entry = reply_array(&rd, "credential");
        rc = entry != NULL ? store_reply_cred_entry(entry, &list[n], ei) : rd.rc;
        n += rc == E_OK;
    }
    freeReplyObject(r);
    if (rc < 0) {
        while (n > 0)
            cred_record_done(&list[--n]);
        free(list);
        return rc;
    }
    *ret = list;
    *ret_count = n;
    return E_OK;
}

int
cred_store_revoke(struct job_store *s, const char *api_key, struct errinfo *ei)
{
    struct store_cmd cmd;
    int rc;

    store_cmd_script(&cmd, SCRIPT_CRED_REVOKE);
    store_cmd_str(&cmd, api_key);
    rc = job_store_run(s, &cmd, NULL, ei);
    if (rc == E_NOT_FOUND)
        return errinfo_set(ei, rc, "no credential has the API key '%.64s'", api_key);
    return rc;
}
