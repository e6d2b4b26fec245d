#ifndef LINQ_PARSER_H
#define LINQ_PARSER_H

/*
 * Recursive descent over the tokens: parser.c has the clauses, parse_expr.c the expressions.
 * Private to the two files; the entry is linq_parse.
 *
 * The first mistake ends the parse: functions return E_INVALID after linq_error is filled.
 */

#include "common/linq/ast.h"
#include "common/linq/lexer.h"

struct parser {
    struct linq_query *q;
    struct linq_error *err;
    struct token *toks;
    size_t n, pos;
    int depth;      /* of the recursion, LINQ_DEPTH_MAX at most */
    size_t columns; /* items of select and group so far */
};

const struct token *parser_peek(const struct parser *p, size_t ahead);
bool parser_is(const struct parser *p, const char *punct);
bool parser_is_word(const struct parser *p, const char *word); /* an unquoted, exact word */
bool parser_accept(struct parser *p, const char *punct);
bool parser_accept_word(struct parser *p, const char *word);
int parser_expect(struct parser *p, const char *punct, const char *expected);

/* Fails at the next token. A malformed token is told as such, whatever was expected. */
int parser_fail(struct parser *p, const char *expected, const char *note);

/* One more level of recursion; leave with p->depth--. */
int parser_enter(struct parser *p);

/* Words that begin a clause or stand between its parts, hence no names without backticks. */
bool parser_reserved(const char *word);

/* An expression; ret->at covers it. */
int parse_expr(struct parser *p, struct expr **ret);

/* Clauses up to the end, or up to the ')' that ends a subquery. */
int parse_pipeline(struct parser *p, bool subquery, struct pipeline **ret);

#endif
