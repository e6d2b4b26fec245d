#ifndef STORE_STORE_ARGS_H
#define STORE_STORE_ARGS_H

/*
 * Inside the shelf: putting commands together and taking replies apart. Everything that comes
 * back from Redis is checked here like user input.
 */

#include "common/base/attrs.h"
#include "common/base/errinfo.h"
#include "common/store/job_record.h"
#include "common/store/store_cmd.h"
#include "common/store/store_scripts.h"

#include <hiredis/hiredis.h>

#define STORE_NUMBER_MAX 99999999999999LL /* what Lua prints without loss */
#define STORE_WORDS_MAX  1800             /* bytes of one error; scripts may add a few */
#define STORE_PATHS_MAX  1000
#define STORE_LIST_PATHS 10

/* --- commands: c is filled from nothing ------------------------------------------------------ */

void store_cmd_script(struct store_cmd *c, enum store_script s); /* partition 0 */
void store_cmd_plain(struct store_cmd *c, const char *name);
void store_cmd_str(struct store_cmd *c, const char *arg); /* NULL is "" */
void store_cmd_int(struct store_cmd *c, int64_t arg);
/* Words for people: valid UTF-8, at most STORE_WORDS_MAX bytes. */
void store_cmd_words(struct store_cmd *c, const char *words);

/* --- replies --------------------------------------------------------------------------------- */

/* First element of a script's answer: E_OK for OK; E_LOST, E_NOT_FOUND (NONE, NOTFOUND),
 * E_CONFLICT, E_NOSPACE (FULL), E_INVALID (DIFFERS) with the script's words; else as
 * store_reply_error. */
int store_reply_word(const struct redisReply *r, struct errinfo *ei) MUST_CHECK;

/* Reads the elements of an array in order. The first fault is kept, what follows is empty. */
struct reply_reader {
    const struct redisReply *array;
    size_t at;
    int rc; /* E_OK, or E_PERMANENT with words in ei */
    struct errinfo *ei;
};

struct reply_reader reply_reader_at(const struct redisReply *r, size_t first, struct errinfo *ei);
const char *reply_str(struct reply_reader *rd, const char *what);    /* borrowed; "" on a fault */
char *reply_copy(struct reply_reader *rd, const char *what);         /* heap, never NULL */
char *reply_copy_or_null(struct reply_reader *rd, const char *what); /* NULL for "" */
int64_t reply_int(struct reply_reader *rd, const char *what, int64_t max);       /* "" is 0 */
const struct redisReply *reply_array(struct reply_reader *rd, const char *what); /* NULL: fault */
/* Exactly n lower-case hex digits, or nothing where empty is allowed. out has n + 1 bytes. */
void reply_hex(struct reply_reader *rd, const char *what, size_t n, bool may_be_empty, char *out);
void reply_uuid(struct reply_reader *rd, const char *what, char out[IDS_UUID_LEN + 1]);

bool store_is_hex(const char *s, size_t n); /* n lower-case hex digits, no more */

/* The array that job_view of lib.lua makes. */
int store_reply_view(const struct redisReply *view, struct job_record *ret,
                     struct errinfo *ei) MUST_CHECK;
/* One answer of cred_get.lua, or an entry of cred_list.lua. */
int store_reply_cred_entry(const struct redisReply *r, struct cred_record *ret,
                           struct errinfo *ei) MUST_CHECK;

#endif
