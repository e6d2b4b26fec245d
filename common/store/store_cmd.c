#include "common/store/store_cmd.h"

#include "common/base/buf.h"
#include "common/base/json.h"
#include "common/store/store_args.h"
#include "common/store/store_keys.h"

#include <inttypes.h>

static void
add_bytes(struct store_cmd *c, const char *p, size_t n)
{
    if (c->argc == c->cap) {
        c->cap = c->cap != 0 ? 2 * c->cap : 16;
        c->argv = mem_realloc(c->argv, (size_t)c->cap * sizeof(*c->argv));
        c->len = mem_realloc(c->len, (size_t)c->cap * sizeof(*c->len));
    }
    c->argv[c->argc] = mem_strndup(p, n);
    c->len[c->argc++] = n;
}

void
store_cmd_str(struct store_cmd *c, const char *arg)
{
    add_bytes(c, arg != NULL ? arg : "", arg != NULL ? strlen(arg) : 0);
}

void
store_cmd_int(struct store_cmd *c, int64_t arg)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRId64, arg);
    store_cmd_str(c, text);
}

/* Bytes of s that fit and end at a character. */
static size_t
clip(const char *s, size_t max)
{
    size_t n = strlen(s);

    if (n <= max)
        return n;
    for (n = max; n > 0 && ((unsigned char)s[n] & 0xc0) == 0x80; n--)
        ;
    return n;
}

void
store_cmd_words(struct store_cmd *c, const char *words)
{
    struct buf b = BUF_INIT(16 * STORE_WORDS_MAX);
    struct json_writer w;
    struct json *root = NULL;
    const char *s = words != NULL ? words : "";

    /* A JSON string read back is valid UTF-8 whatever went in. */
    json_w_init(&w, &b);
    json_w_array(&w);
    json_w_stringn(&w, s, clip(s, STORE_WORDS_MAX));
    json_w_array_end(&w);
    if (!b.failed && json_parse(b.data, b.len, &root, NULL) == E_OK) {
        s = json_string(json_first(root), "");
        add_bytes(c, s, clip(s, STORE_WORDS_MAX));
    } else {
        store_cmd_str(c, "an error whose words cannot be shown");
    }
    json_free(root);
    buf_done(&b);
}

void
store_cmd_plain(struct store_cmd *c, const char *name)
{
    *c = (struct store_cmd){.script = -1};
    store_cmd_str(c, name);
}

void
store_cmd_script(struct store_cmd *c, enum store_script s)
{
    char *prefix = store_key(store_partition(NULL), "%s", "");

    store_cmd_plain(c, "EVALSHA");
    c->script = (int)s;
    store_cmd_str(c, store_script(s)->sha);
    store_cmd_str(c, "1");
    store_cmd_str(c, prefix);
    free(prefix);
}

void
store_cmd_done(struct store_cmd *c)
{
    int i;

    for (i = 0; i < c->argc; i++)
        free(c->argv[i]);
    free(c->argv);
    free(c->len);
    *c = (struct store_cmd){.script = -1};
}

void
store_cmd_as_eval(struct store_cmd *c)
{
    const struct script_text *t;

    if (c->script < 0)
        return;
    t = store_script((enum store_script)c->script);
    free(c->argv[0]);
    free(c->argv[1]);
    c->argv[0] = mem_strdup("EVAL");
    c->len[0] = 4;
    c->argv[1] = mem_strndup(t->text, t->len);
    c->len[1] = t->len;
}

void
store_cmd_ping(struct store_cmd *c)
{
    store_cmd_plain(c, "PING");
}

void
store_cmd_job_create(struct store_cmd *c, const struct job_new *j)
{
    const struct {
        const char *field, *value;
    } fields[] = {
        {"owner", j->owner}, {"cid", j->cid},   {"type", j->type},       {"query", j->query},
        {"table", j->table}, {"spec", j->spec}, {"secrets", j->secrets},
    };
    size_t i;

    store_cmd_script(c, SCRIPT_JOB_CREATE);
    store_cmd_str(c, j->id);
    store_cmd_str(c, j->domain);
    store_cmd_str(c, j->friendly_name);
    store_cmd_str(c, j->engine);
    store_cmd_str(c, j->kind);
    store_cmd_int(c, j->priority);
    store_cmd_int(c, j->queued_limit);
    store_cmd_int(c, j->running_limit);
    store_cmd_str(c, j->body_mark);
    store_cmd_str(c, j->idem_key);
    store_cmd_int(c, j->idem_ms);
    store_cmd_str(c, j->replay_key);
    store_cmd_int(c, j->replay_ms);
    for (i = 0; i < ARRAY_LEN(fields); i++) {
        if (fields[i].value == NULL)
            continue;
        store_cmd_str(c, fields[i].field);
        store_cmd_str(c, fields[i].value);
    }
}

void
store_cmd_job_get(struct store_cmd *c, const char *domain, const char *id)
{
    store_cmd_script(c, SCRIPT_JOB_GET);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
    store_cmd_int(c, STORE_PATHS_MAX);
}

void
store_cmd_job_files(struct store_cmd *c, const char *domain, const char *id, int64_t after,
                    int64_t limit)
{
    store_cmd_script(c, SCRIPT_JOB_FILES);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
    store_cmd_int(c, after);
    store_cmd_int(c, limit);
}

/* "<us>-<id>" */
static bool
cursor_is_ours(const char *cursor)
{
    size_t n = strspn(cursor, "0123456789");

    return n > 0 && n < 18 && cursor[n] == '-' && ids_is_uuid(cursor + n + 1);
}

int
store_cmd_job_list(struct store_cmd *c, const char *domain, const struct job_filter *f)
{
    const char *cursor = f->cursor != NULL ? f->cursor : "";
    size_t n = strcspn(cursor, "-");

    if (cursor[0] != '\0' && !cursor_is_ours(cursor))
        return E_INVALID;
    store_cmd_script(c, SCRIPT_JOB_LIST);
    store_cmd_str(c, domain);
    store_cmd_str(c, f->type);
    store_cmd_str(c, f->name_prefix);
    store_cmd_str(c, f->status);
    add_bytes(c, cursor, n);
    store_cmd_str(c, cursor[n] == '-' ? cursor + n + 1 : "");
    store_cmd_int(c, f->limit);
    store_cmd_int(c, STORE_LIST_PATHS);
    return E_OK;
}

void
store_cmd_job_action(struct store_cmd *c, enum job_action a, const char *domain, const char *id,
                     const char *secrets)
{
    static const enum store_script scripts[] = {
        [JOB_ACTION_STOP] = SCRIPT_JOB_STOP,
        [JOB_ACTION_START] = SCRIPT_JOB_START,
        [JOB_ACTION_REMOVE] = SCRIPT_JOB_REMOVE,
    };

    store_cmd_script(c, scripts[a]);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
    store_cmd_int(c, STORE_PATHS_MAX);
    if (a == JOB_ACTION_START)
        store_cmd_str(c, secrets);
}

void
store_cmd_job_spec(struct store_cmd *c, const char *domain, const char *id)
{
    store_cmd_script(c, SCRIPT_JOB_SPEC);
    store_cmd_str(c, domain);
    store_cmd_str(c, id);
}

void
store_cmd_cred_get(struct store_cmd *c, const char *api_key)
{
    store_cmd_script(c, SCRIPT_CRED_GET);
    store_cmd_str(c, "key");
    store_cmd_str(c, api_key);
}

void
store_cmd_cred_by_token(struct store_cmd *c, const char *token_sha256_hex)
{
    store_cmd_script(c, SCRIPT_CRED_GET);
    store_cmd_str(c, "token");
    store_cmd_str(c, token_sha256_hex);
}
