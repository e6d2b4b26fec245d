#include "common/linq/lexer.h"

#include "common/base/buf.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct lexer {
    struct arena *arena;
    const char *text;
    size_t len, pos;
    int line, column;
    struct token *tok; /* being made */
};

/* Longest first: the first match wins. */
static const char *const PUNCT[] = {
    ">>>", "->>", "<-", "->", "<<", ">>", "<=", ">=", "==", "!=", "/=", "%%", "?:",
    "=",   "<",   ">",  "~",  "+",  "-",  "*",  "/",  "\\", "%",  "&",  "|",  "^",
    "(",   ")",   "[",  "]",  "{",  "}",  ",",  ":",  ";",  ".",  "?",
};

static const struct {
    const char *unit;
    int64_t ms;
} UNITS[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};

static int
at(const struct lexer *lx, size_t ahead)
{
    return lx->pos + ahead < lx->len ? (unsigned char)lx->text[lx->pos + ahead] : -1;
}

static bool
is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool
is_word_start(int c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool
is_word(int c)
{
    return is_word_start(c) || is_digit(c);
}

/* Moves n bytes on, counting lines and characters. */
static void
advance(struct lexer *lx, size_t n)
{
    for (; n > 0 && lx->pos < lx->len; n--, lx->pos++) {
        unsigned char c = (unsigned char)lx->text[lx->pos];

        if (c == '\n') {
            lx->line++;
            lx->column = 1;
        } else if ((c & 0xc0) != 0x80) {
            lx->column++;
        }
    }
}

/* Bytes of the valid UTF-8 character at p (at most n are there), 0 if it is none. */
static size_t
utf8_len(const unsigned char *p, size_t n)
{
    static const struct {
        unsigned char lead_min, lead_max, second_min, second_max, bytes;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };

    for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
        size_t bytes = forms[i].bytes;

        if (p[0] < forms[i].lead_min || p[0] > forms[i].lead_max)
            continue;
        if (bytes > n)
            return 0;
        if (bytes > 1 && (p[1] < forms[i].second_min || p[1] > forms[i].second_max))
            return 0;
        for (size_t k = 2; k < bytes; k++)
            if ((p[k] & 0xc0) != 0x80)
                return 0;
        return bytes;
    }
    return 0;
}

static void
bad(struct lexer *lx, size_t bytes, const char *words)
{
    lx->tok->kind = T_BAD;
    lx->tok->s = words;
    advance(lx, bytes);
}

static void
skip_blanks(struct lexer *lx)
{
    for (;;) {
        int c = at(lx, 0);

        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
            advance(lx, 1);
        } else if (c == '/' && at(lx, 1) == '/') {
            while (at(lx, 0) != -1 && at(lx, 0) != '\n')
                advance(lx, 1);
        } else {
            return;
        }
    }
}

static int
hex4(const struct lexer *lx, size_t ahead)
{
    int v = 0;

    for (size_t i = 0; i < 4; i++) {
        int c = at(lx, ahead + i);
        int lower = c | 0x20;

        if (is_digit(c))
            v = v * 16 + (c - '0');
        else if (lower >= 'a' && lower <= 'f')
            v = v * 16 + (lower - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* The token is bad, and its place is the escape at hand, of about n bytes. */
static bool
bad_escape(struct lexer *lx, size_t n, const char *words)
{
    struct place here = {.off = (uint32_t)lx->pos, .line = lx->line, .column = lx->column};

    if (n > lx->len - lx->pos)
        n = lx->len - lx->pos;
    while (lx->pos + n < lx->len && ((unsigned char)lx->text[lx->pos + n] & 0xc0) == 0x80)
        n++;
    here.end = here.off + (uint32_t)n;
    lx->tok->at = here;
    bad(lx, n, words);
    return false;
}

/* \uXXXX -> UTF-8; surrogates and NUL are refused. Returns false after bad(). */
static bool
unicode_escape(struct lexer *lx, struct buf *out)
{
    int c = hex4(lx, 2);

    if (c <= 0 || (c >= 0xd800 && c <= 0xdfff))
        return bad_escape(lx, 6, "a \\u escape takes four hex digits of a character, NUL excepted");
    if (c < 0x80) {
        buf_putc(out, (char)c);
    } else if (c < 0x800) {
        buf_putc(out, (char)(0xc0 | (c >> 6)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_putc(out, (char)(0xe0 | (c >> 12)));
        buf_putc(out, (char)(0x80 | ((c >> 6) & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    }
    advance(lx, 6);
    return true;
}

static bool
escape(struct lexer *lx, struct buf *out)
{
    static const char from[] = "\\\"'nrtbf";
    static const char to[] = "\\\"'\n\r\t\b\f";
    int c = at(lx, 1);
    const char *p = c > 0 ? strchr(from, c) : NULL;

    if (c == 'u')
        return unicode_escape(lx, out);
    if (p == NULL)
        return bad_escape(
            lx, 2,
            "no such escape in a \"string\"; a backslash itself is written \\\\, or use "
            "'single quotes', where nothing is escaped");
    buf_putc(out, to[p - from]);
    advance(lx, 2);
    return true;
}

/* "..." with escapes; '...' and `...` without. */
static void
lex_quoted(struct lexer *lx, int quote)
{
    struct buf out = BUF_INIT(LINQ_TEXT_MAX);
    struct token *t = lx->tok;
    int c;

    advance(lx, 1);
    while ((c = at(lx, 0)) != -1 && c != quote) {
        if (quote == '"' && c == '\\') {
            if (!escape(lx, &out))
                goto out;
            continue;
        }
        buf_putc(&out, (char)c);
        advance(lx, 1);
    }
    if (c == -1) {
        t->at.end = t->at.off + 1;
        t->kind = T_BAD;
        t->s =
            quote == '`' ? "a name in backticks that does not end" : "a string that does not end";
        goto out;
    }
    advance(lx, 1);
    t->kind = quote == '`' ? T_QUOTED : T_STR;
    t->s = arena_strndup(lx->arena, buf_str(&out), out.len);
    if (quote == '`' && out.len == 0) {
        t->kind = T_BAD;
        t->s = "an empty name in backticks";
    }
out:
    buf_done(&out);
}

bool
lexer_ip4(const char *s, size_t n, int64_t *ret)
{
    int64_t ip = 0;
    size_t i = 0;

    for (int part = 0; part < 4; part++) {
        int v = 0;
        size_t digits = 0;

        if (part > 0 && (i >= n || s[i++] != '.'))
            return false;
        for (; i < n && is_digit((unsigned char)s[i]) && digits < 3; i++, digits++)
            v = v * 10 + (s[i] - '0');
        if (digits == 0 || v > 255)
            return false;
        ip = ip * 256 + v;
    }
    *ret = ip;
    return i == n;
}

/* a.b.c.d or a.b.c.d/bits; n bytes are the digits and dots. */
static void
lex_ip4(struct lexer *lx, size_t n)
{
    struct token *t = lx->tok;
    int bits = 0;
    size_t k = 0;

    if (!lexer_ip4(lx->text + lx->pos, n, &t->i)) {
        bad(lx, n, "a number or an IPv4 address that is malformed");
        return;
    }
    t->kind = T_IP4;
    if (at(lx, n) == '/' && is_digit(at(lx, n + 1))) {
        for (k = 1; is_digit(at(lx, n + k)) && k < 4; k++)
            bits = bits * 10 + (at(lx, n + k) - '0');
        if (bits > 32 || k > 3) {
            bad(lx, n + k, "a network of more than 32 bits");
            return;
        }
        t->kind = T_NET4;
        t->bits = (unsigned char)bits;
        t->i = bits == 0 ? 0 : t->i & ~((INT64_C(1) << (32 - bits)) - 1);
    }
    advance(lx, n + k);
    if (is_word(at(lx, 0)) || at(lx, 0) == '.')
        bad(lx, 1, "an address that is malformed");
}

/* Digits at the start; `n` of them. An integer, or with a unit behind it a duration. */
static void
lex_integer(struct lexer *lx, size_t n)
{
    struct token *t = lx->tok;
    int64_t v = 0;
    size_t word = 0;

    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, lx->text[lx->pos + i] - '0', &v)) {
            bad(lx, n, "an integer that is too large (the largest is 9223372036854775807)");
            return;
        }
    while (is_word(at(lx, n + word)))
        word++;
    t->kind = T_INT;
    t->i = v;
    if (word > 0) {
        t->kind = T_BAD;
        for (size_t i = 0; i < ARRAY_LEN(UNITS); i++)
            if (strlen(UNITS[i].unit) == word &&
                strncmp(UNITS[i].unit, lx->text + lx->pos + n, word) == 0)
                t->kind = __builtin_mul_overflow(v, UNITS[i].ms, &t->i) ? T_BAD : T_DURATION;
        if (t->kind == T_BAD)
            t->s = "neither a number nor a duration (5m, 1h, 30d, 10s, 500ms); a name that starts "
                   "with a digit is written in `backticks`";
    }
    advance(lx, n + word);
}

static void
lex_float(struct lexer *lx, size_t n)
{
    char tmp[64];
    struct token *t = lx->tok;

    if (n >= sizeof(tmp)) {
        bad(lx, n, "a number with too many digits");
        return;
    }
    memcpy(tmp, lx->text + lx->pos, n);
    tmp[n] = '\0';
    t->d = strtod(tmp, NULL);
    t->kind = T_FLOAT;
    if (!isfinite(t->d)) {
        bad(lx, n, "a number that is too large");
        return;
    }
    advance(lx, n);
    if (is_word(at(lx, 0)))
        bad(lx, 1, "a number that is malformed");
}

static void
lex_number(struct lexer *lx)
{
    size_t n = 0, whole, dots = 0, e;

    while (is_digit(at(lx, n)))
        n++;
    whole = n;
    while (at(lx, n) == '.' && is_digit(at(lx, n + 1))) {
        dots++;
        for (n++; is_digit(at(lx, n)); n++)
            ;
    }
    if (dots > 1) {
        lex_ip4(lx, n);
        return;
    }
    if ((at(lx, n) | 0x20) == 'e') {
        e = n + 1;
        if (at(lx, e) == '+' || at(lx, e) == '-')
            e++;
        if (is_digit(at(lx, e))) {
            while (is_digit(at(lx, e)))
                e++;
            lex_float(lx, e);
            return;
        }
    }
    if (dots == 1)
        lex_float(lx, n);
    else
        lex_integer(lx, whole);
}

static void
lex_other(struct lexer *lx)
{
    size_t n;

    for (size_t i = 0; i < ARRAY_LEN(PUNCT); i++) {
        if (PUNCT[i][0] != lx->text[lx->pos])
            continue;
        n = strlen(PUNCT[i]);
        if (lx->len - lx->pos >= n && memcmp(lx->text + lx->pos, PUNCT[i], n) == 0) {
            lx->tok->kind = T_PUNCT;
            lx->tok->s = PUNCT[i];
            advance(lx, n);
            return;
        }
    }
    n = utf8_len((const unsigned char *)lx->text + lx->pos, lx->len - lx->pos);
    bad(lx, n > 0 ? n : 1,
        "a character that has no meaning here; names with other characters than "
        "letters, digits and _ are written in `backticks`");
}

static void
lex_one(struct lexer *lx)
{
    struct token *t = lx->tok;
    int c = at(lx, 0);

    if (c == -1) {
        t->kind = T_END;
    } else if (is_word_start(c)) {
        size_t n = 1;

        while (is_word(at(lx, n)))
            n++;
        t->kind = T_WORD;
        t->s = arena_strndup(lx->arena, lx->text + lx->pos, n);
        advance(lx, n);
    } else if (is_digit(c)) {
        lex_number(lx);
    } else if (c == '"' || c == '\'' || c == '`') {
        lex_quoted(lx, c);
    } else {
        lex_other(lx);
    }
}

/* Where the text stops being UTF-8 without NUL; len if nowhere. */
static size_t
utf8_prefix(const char *text, size_t len)
{
    size_t i = 0, n;

    while (i < len && (n = utf8_len((const unsigned char *)text + i, len - i)) > 0)
        i += n;
    return i;
}

struct token *
lexer_run(struct arena *a, const char *text, size_t len, size_t *ret_count)
{
    struct lexer lx = {.arena = a, .text = text, .line = 1, .column = 1};
    struct token *toks = NULL;
    size_t n = 0, cap = 0, good = utf8_prefix(text, len);

    lx.len = good;
    for (;;) {
        toks = mem_grow(toks, &cap, n + 1, sizeof(*toks));
        lx.tok = &toks[n++];
        *lx.tok = (struct token){.kind = T_END};
        skip_blanks(&lx);
        lx.tok->at = (struct place){.off = (uint32_t)lx.pos, .line = lx.line, .column = lx.column};
        lex_one(&lx);
        if (lx.tok->at.end == 0)
            lx.tok->at.end = (uint32_t)lx.pos;
        if (lx.tok->kind == T_END && good < len) {
            lx.tok->kind = T_BAD;
            lx.tok->s = text[good] == '\0' ? "a NUL byte" : "bytes that are not UTF-8";
            lx.tok->at.end = lx.tok->at.off;
        }
        if (lx.tok->kind == T_END || lx.tok->kind == T_BAD)
            break;
    }
    *ret_count = n;
    return toks;
}

/* A blank goes between two tokens where one was written, but not along the inside of brackets or in
 * front of a comma, and always behind a comma. */
static bool
blank_between(const struct token *a, const struct token *b)
{
    if (a->kind == T_PUNCT && strcmp(a->s, ",") == 0)
        return true;
    if (a->kind == T_PUNCT && strchr("([{", a->s[0]) != NULL)
        return false;
    if (b->kind == T_PUNCT && strchr(")]},", b->s[0]) != NULL)
        return false;
    return a->at.end < b->at.off;
}

const char *
lexer_text(struct arena *a, const char *text, const struct token *toks, size_t n)
{
    struct buf out = BUF_INIT(2 * LINQ_TEXT_MAX);
    const char *ret;

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && blank_between(&toks[i - 1], &toks[i]))
            buf_putc(&out, ' ');
        buf_append(&out, text + toks[i].at.off, toks[i].at.end - toks[i].at.off);
    }
    ret = arena_strdup(a, buf_str(&out));
    buf_done(&out);
    return ret;
}
