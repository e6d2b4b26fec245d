#ifndef LINQ_LEXER_H
#define LINQ_LEXER_H

/*
 * Text -> tokens. The whole text is cut at once, so that the parser may look ahead; a malformed
 * token ends the list as T_BAD and is reported only if the parser gets there, so that of two
 * mistakes the first one is told.
 */

#include "common/linq/ast.h"

enum token_kind {
    T_END,
    T_BAD,      /* s: what is wrong, words */
    T_WORD,     /* s: an identifier or keyword */
    T_QUOTED,   /* s: content of `backticks` */
    T_STR,      /* s */
    T_INT,      /* i */
    T_FLOAT,    /* d */
    T_DURATION, /* i: ms */
    T_IP4,      /* i */
    T_NET4,     /* i: first address; bits */
    T_PUNCT,    /* s: the operator or mark */
};

struct token {
    unsigned char kind, bits; /* enum token_kind */
    union {
        int64_t i;
        double d;
        const char *s;
    };
    struct place at;
};

/* Tokens of text[0..len), the last one T_END or T_BAD. Caller frees; their texts are in the arena.
 */
struct token *lexer_run(struct arena *a, const char *text, size_t len, size_t *ret_count);

/* n tokens as text with even blanks: "count( )" -> "count()", "f(a,b)" -> "f(a, b)". */
const char *lexer_text(struct arena *a, const char *text, const struct token *toks, size_t n);

/* An address a.b.c.d: true and the number. Strict: four decimal parts of 0-255. */
bool lexer_ip4(const char *s, size_t n, int64_t *ret);

#endif
