#ifndef BASE_JSON_H
#define BASE_JSON_H

/*
 * JSON in and out; the one home of cJSON. Reading gives a tree of const nodes borrowed from the
 * document; writing appends to a buf and keeps track of commas.
 *
 * Parsing refuses: depth over 64, trailing text, invalid UTF-8, "\u0000" in strings (C strings
 * could not hold it) and the same key twice in one object. RFC 8259.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"

#include <stdbool.h>
#include <stdint.h>

struct json; /* a node; the root owns all */

enum json_type { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

/* E_INVALID says what and where (byte offset). Free the root with json_free. */
int json_parse(const char *text, size_t len, struct json **ret, struct errinfo *ei) MUST_CHECK;
void json_free(struct json *root);

enum json_type json_type(const struct json *n);
const char *json_type_name(enum json_type t); /* "a string", "an object", ... */
const struct json *json_get(const struct json *object, const char *key); /* case counts; or NULL */
size_t json_count(const struct json *array_or_object);
/* First child and next sibling, for arrays and objects. */
const struct json *json_first(const struct json *n);
const struct json *json_next(const struct json *child);
const char *json_key(const struct json *member);
/* Values; the wrong type gives the fallback. */
const char *json_string(const struct json *n, const char *fallback); /* n may be NULL */
double json_number(const struct json *n, double fallback);
bool json_bool(const struct json *n, bool fallback);
/* Shorthands: member of an object. */
const char *json_get_string(const struct json *object, const char *key, const char *fallback);
int64_t json_get_int(const struct json *object, const char *key, int64_t fallback);
bool json_get_bool(const struct json *object, const char *key, bool fallback);

/* Writing: json_w_* put a value into the array or, after json_w_key, into the object. */
struct json_writer {
    struct buf *out;
    bool comma; /* the next value needs one before it */
};

void json_w_init(struct json_writer *w, struct buf *out);
void json_w_object(struct json_writer *w);
void json_w_object_end(struct json_writer *w);
void json_w_array(struct json_writer *w);
void json_w_array_end(struct json_writer *w);
void json_w_key(struct json_writer *w, const char *key);
void json_w_string(struct json_writer *w, const char *s);  /* invalid UTF-8 becomes U+FFFD */
void json_w_stringn(struct json_writer *w, const char *s, size_t n);
void json_w_int(struct json_writer *w, int64_t v);
void json_w_double(struct json_writer *w, double v);
void json_w_bool(struct json_writer *w, bool v);
void json_w_null(struct json_writer *w);
void json_w_raw(struct json_writer *w, const char *json);  /* a value already in JSON */
/* Key and value at once. A NULL string writes nothing. */
void json_w_kv_string(struct json_writer *w, const char *key, const char *s);
void json_w_kv_int(struct json_writer *w, const char *key, int64_t v);
void json_w_kv_bool(struct json_writer *w, const char *key, bool v);
/* Copies a node as it is. */
void json_w_node(struct json_writer *w, const struct json *n);

#endif
