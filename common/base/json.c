#include "common/base/json.h"

#include <cjson/cJSON.h>
#include <math.h>

#define DEPTH_MAX 64

/* struct json is cJSON under another name, so that no caller sees the library. */
static const cJSON *
node(const struct json *n)
{
    return (const cJSON *)(const void *)n;
}

static const struct json *
wrap(const cJSON *n)
{
    return (const struct json *)(const void *)n;
}

/* Length of the valid UTF-8 sequence at p (RFC 3629), 0 if there is none. */
static size_t
utf8_len(const unsigned char *p, size_t left)
{
    size_t n, i;

    if (p[0] < 0x80)
        return 1;
    n = p[0] >= 0xc2 && p[0] < 0xe0   ? 2
        : (p[0] & 0xf0) == 0xe0       ? 3
        : p[0] >= 0xf0 && p[0] < 0xf5 ? 4
                                      : 0;
    if (n == 0 || n > left)
        return 0;
    for (i = 1; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
        (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
        return 0;
    return n;
}

/* What cJSON lets pass: depth, NULs, raw control characters in strings, bad UTF-8. */
static int
check_text(const char *text, size_t len, struct errinfo *ei)
{
    size_t i, n, depth = 0;
    bool in_string = false;
    unsigned char c;

    for (i = 0; i < len; i += n) {
        c = (unsigned char)text[i];
        n = utf8_len((const unsigned char *)text + i, len - i);
        if (n == 0)
            return errinfo_set(ei, E_INVALID, "byte %zu is not valid UTF-8", i);
        if (c == '\0' || (in_string && c < ' '))
            return errinfo_set(ei, E_INVALID, "byte %zu is a control character", i);
        if (in_string && c == '\\') {
            if (len - i >= 6 && strncmp(text + i, "\\u0000", 6) == 0)
                return errinfo_set(ei, E_INVALID, "byte %zu: \\u0000 is not accepted", i);
            n = len - i >= 2 && (unsigned char)text[i + 1] < 0x80 ? 2 : 1;
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == '{' || c == '[')) {
            if (++depth > DEPTH_MAX)
                return errinfo_set(ei, E_INVALID, "byte %zu: nested deeper than %d", i, DEPTH_MAX);
        } else if (!in_string && (c == '}' || c == ']')) {
            depth -= depth > 0;
        }
    }
    return E_OK;
}

static int
by_name(const void *a, const void *b)
{
    return strcmp((*(const cJSON *const *)a)->string, (*(const cJSON *const *)b)->string);
}

/* Sorted, since an attacker may send 100,000 keys. */
static int
check_names(const cJSON *object, struct errinfo *ei)
{
    size_t n = (size_t)cJSON_GetArraySize(object), i = 0;
    const cJSON **list = mem_alloc(n * sizeof(const cJSON *)), *m;
    int rc = E_OK;

    for (m = object->child; m != NULL; m = m->next)
        list[i++] = m;
    qsort(list, n, sizeof(const cJSON *), by_name);
    for (i = 1; rc == E_OK && i < n; i++) {
        if (strcmp(list[i - 1]->string, list[i]->string) == 0)
            rc = errinfo_set(ei, E_INVALID, "the key \"%s\" is there twice", list[i]->string);
    }
    free(list);
    return rc;
}

static int
check_keys(const cJSON *n, struct errinfo *ei)
{
    const cJSON *m;
    int rc = cJSON_IsObject(n) ? check_names(n, ei) : E_OK;

    for (m = n->child; rc == E_OK && m != NULL; m = m->next)
        rc = check_keys(m, ei);
    return rc;
}

int
json_parse(const char *text, size_t len, struct json **ret, struct errinfo *ei)
{
    const char *end = NULL;
    cJSON *root;
    int rc = check_text(text, len, ei);

    if (rc < 0)
        return rc;
    root = cJSON_ParseWithLengthOpts(text, len, &end, 0);
    if (root == NULL)
        return errinfo_set(ei, E_INVALID, "syntax error at byte %zu",
                           end != NULL ? (size_t)(end - text) : 0);
    while (end < text + len && strchr(" \t\r\n", *end) != NULL)
        end++;
    if (end != text + len)
        rc = errinfo_set(ei, E_INVALID, "text behind the value at byte %zu", (size_t)(end - text));
    else
        rc = check_keys(root, ei);
    if (rc < 0) {
        cJSON_Delete(root);
        return rc;
    }
    *ret = (struct json *)(void *)root;
    return E_OK;
}

void
json_free(struct json *root)
{
    cJSON_Delete((cJSON *)(void *)root);
}

enum json_type
json_type(const struct json *n)
{
    switch (n != NULL ? node(n)->type & 0xff : cJSON_NULL) {
    case cJSON_False:
    case cJSON_True:
        return JSON_BOOL;
    case cJSON_Number:
        return JSON_NUMBER;
    case cJSON_String:
        return JSON_STRING;
    case cJSON_Array:
        return JSON_ARRAY;
    case cJSON_Object:
        return JSON_OBJECT;
    default:
        return JSON_NULL;
    }
}

const char *
json_type_name(enum json_type t)
{
    static const char *const names[] = {"null",     "a boolean", "a number",
                                        "a string", "an array",  "an object"};

    return names[t];
}

const struct json *
json_get(const struct json *object, const char *key)
{
    return json_type(object) == JSON_OBJECT
               ? wrap(cJSON_GetObjectItemCaseSensitive(node(object), key))
               : NULL;
}

size_t
json_count(const struct json *n)
{
    return n != NULL ? (size_t)cJSON_GetArraySize(node(n)) : 0;
}

const struct json *
json_first(const struct json *n)
{
    return n != NULL ? wrap(node(n)->child) : NULL;
}

const struct json *
json_next(const struct json *child)
{
    return wrap(node(child)->next);
}

const char *
json_key(const struct json *member)
{
    return node(member)->string;
}

const char *
json_string(const struct json *n, const char *fallback)
{
    return json_type(n) == JSON_STRING ? node(n)->valuestring : fallback;
}

double
json_number(const struct json *n, double fallback)
{
    return json_type(n) == JSON_NUMBER ? node(n)->valuedouble : fallback;
}

bool
json_bool(const struct json *n, bool fallback)
{
    return json_type(n) == JSON_BOOL ? (node(n)->type & 0xff) == cJSON_True : fallback;
}

const char *
json_get_string(const struct json *object, const char *key, const char *fallback)
{
    return json_string(json_get(object, key), fallback);
}

int64_t
json_get_int(const struct json *object, const char *key, int64_t fallback)
{
    double d = json_number(json_get(object, key), (double)fallback);

    if (!(d >= -9.0e18 && d <= 9.0e18)) /* also NaN: the cast would be undefined */
        return fallback;
    return (int64_t)d;
}

bool
json_get_bool(const struct json *object, const char *key, bool fallback)
{
    return json_bool(json_get(object, key), fallback);
}

void
json_w_init(struct json_writer *w, struct buf *out)
{
    w->out = out;
    w->comma = false;
}

static void
begin_value(struct json_writer *w)
{
    if (w->comma)
        buf_putc(w->out, ',');
    w->comma = true;
}

static void
open_with(struct json_writer *w, char c)
{
    begin_value(w);
    buf_putc(w->out, c);
    w->comma = false;
}

static void
close_with(struct json_writer *w, char c)
{
    buf_putc(w->out, c);
    w->comma = true;
}

void
json_w_object(struct json_writer *w)
{
    open_with(w, '{');
}

void
json_w_object_end(struct json_writer *w)
{
    close_with(w, '}');
}

void
json_w_array(struct json_writer *w)
{
    open_with(w, '[');
}

void
json_w_array_end(struct json_writer *w)
{
    close_with(w, ']');
}

void
json_w_key(struct json_writer *w, const char *key)
{
    json_w_string(w, key);
    buf_putc(w->out, ':');
    w->comma = false;
}

void
json_w_stringn(struct json_writer *w, const char *s, size_t n)
{
    static const char escapes[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* character, letter behind '\' */
    const unsigned char *p = (const unsigned char *)s, *end = p + n;
    const char *e;
    size_t k;

    begin_value(w);
    buf_putc(w->out, '"');
    for (; p < end; p += k) {
        k = utf8_len(p, (size_t)(end - p));
        for (e = escapes; *e != '\0' && *e != (char)*p; e += 2)
            ;
        if (k == 0) {
            k = 1;
            buf_puts(w->out, "\xef\xbf\xbd");
        } else if (*e != '\0' && *p != '\0') {
            buf_putc(w->out, '\\');
            buf_putc(w->out, e[1]);
        } else if (*p < ' ') {
            buf_printf(w->out, "\\u%04x", *p);
        } else {
            buf_append(w->out, p, k);
        }
    }
    buf_putc(w->out, '"');
}

void
json_w_string(struct json_writer *w, const char *s)
{
    json_w_stringn(w, s, strlen(s));
}

void
json_w_int(struct json_writer *w, int64_t v)
{
    begin_value(w);
    buf_printf(w->out, "%lld", (long long)v);
}

void
json_w_double(struct json_writer *w, double v)
{
    begin_value(w);
    if (isfinite(v))
        buf_printf(w->out, "%.17g", v);
    else
        buf_puts(w->out, "null");
}

void
json_w_bool(struct json_writer *w, bool v)
{
    begin_value(w);
    buf_puts(w->out, v ? "true" : "false");
}

void
json_w_null(struct json_writer *w)
{
    begin_value(w);
    buf_puts(w->out, "null");
}

void
json_w_raw(struct json_writer *w, const char *json)
{
    begin_value(w);
    buf_puts(w->out, json);
}

void
json_w_kv_string(struct json_writer *w, const char *key, const char *s)
{
    if (s == NULL)
        return;
    json_w_key(w, key);
    json_w_string(w, s);
}

void
json_w_kv_int(struct json_writer *w, const char *key, int64_t v)
{
    json_w_key(w, key);
    json_w_int(w, v);
}

void
json_w_kv_bool(struct json_writer *w, const char *key, bool v)
{
    json_w_key(w, key);
    json_w_bool(w, v);
}

void
json_w_node(struct json_writer *w, const struct json *n)
{
    char *text = cJSON_PrintUnformatted(node(n));

    json_w_raw(w, text != NULL ? text : "null");
    cJSON_free(text);
}
