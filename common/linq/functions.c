#include "common/linq/functions.h"

#include "common/base/buf.h"
#include "common/linq/function_rows.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

static const struct linq_func *const TABLES[] = {
    func_rows_aggregate, func_rows_text, func_rows_value, func_rows_time, func_rows_net,
};

static const struct func_op OPS[] = {
    {"eq", OP_EQ, 2},         {"ne", OP_NE, 2},         {"lt", OP_LT, 2},
    {"le", OP_LE, 2},         {"gt", OP_GT, 2},         {"ge", OP_GE, 2},
    {"and", OP_AND, 0},       {"or", OP_OR, 0},         {"not", OP_NOT, 1},
    {"has", OP_HAS, -2},      {"weakhas", OP_IHAS, -2}, {"in", OP_IN, 2},
    {"matches", OP_MATCH, 2}, {"nvl", OP_ELSE, 2},      {"add", OP_ADD, 2},
    {"sub", OP_SUB, 2},       {"mul", OP_MUL, 2},       {"div", OP_DIV, 2},
    {"rdiv", OP_RDIV, 2},     {"rem", OP_REM, 2},       {"mod", OP_MOD, 2},
    {"band", OP_BAND, 2},     {"bor", OP_BOR, 2},       {"bxor", OP_BXOR, 2},
    {"bnot", OP_BNOT, 1},     {"lshift", OP_SHL, 2},    {"rshift", OP_SHR, 2},
    {"urshift", OP_USHR, 2},  {"at", OP_AT, 2},
};

const struct linq_func *
func_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        for (const struct linq_func *f = TABLES[i]; f->name != NULL; f++)
            if (strcasecmp(f->name, name) == 0)
                return f;
    return NULL;
}

const struct linq_func *
func_next(const struct linq_func *f)
{
    if (f[1].name == NULL || strcmp(f[1].name, f->name) != 0)
        return NULL;
    return f + 1;
}

const struct func_op *
func_find_op(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(OPS); i++)
        if (strcasecmp(OPS[i].name, name) == 0)
            return &OPS[i];
    return NULL;
}

void
func_arity(const struct linq_func *first, int *ret_min, int *ret_max)
{
    int lo = INT_MAX, hi = 0;

    for (const struct linq_func *f = first; f != NULL; f = func_next(f)) {
        int n = 0, min = -1;

        for (const char *p = f->args; *p != '\0'; p++) {
            if (*p == '?')
                min = n;
            else if (*p != '+')
                n++;
        }
        if (min < 0)
            min = n;
        if (min < lo)
            lo = min;
        if (strchr(f->args, '+') != NULL)
            hi = INT_MAX;
        else if (n > hi)
            hi = n;
    }
    *ret_min = lo;
    *ret_max = hi;
}

static const char *
letter_name(char c)
{
    static const struct {
        char letter;
        const char *name;
    } names[] = {
        {'b', "bool"},
        {'i', "int"},
        {'f', "number"},
        {'s', "str"},
        {'t', "timestamp"},
        {'d', "duration"},
        {'p', "ip4"},
        {'a', "array"},
        {'r', "re(...)"},
        {'*', "any"},
        {'h', "bytes"},
        {'j', "json"},
        {'q', "jqcompile(\"...\")"},
        {'m', "template(\"...\")"},
        {'S', "\"text\""},
        {'I', "literal int"},
        {'N', "literal number"},
        {'Z', "\"time zone\""},
    };

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (names[i].letter == c)
            return names[i].name;
    return "?";
}

char *
func_signature(struct arena *a, const struct linq_func *first)
{
    struct buf out = BUF_INIT(4096);
    char *ret;

    for (const struct linq_func *f = first; f != NULL; f = func_next(f)) {
        const char *sep = "";
        bool optional = false;

        buf_printf(&out, "%s%s(", f != first ? " or " : "", f->name);
        for (const char *p = f->args; *p != '\0'; p++) {
            if (*p == '?') {
                buf_puts(&out, "[");
                optional = true;
            } else if (*p == '+') {
                buf_puts(&out, ", ...");
            } else {
                buf_printf(&out, "%s%s", sep, letter_name(*p));
                sep = ", ";
            }
        }
        buf_puts(&out, optional ? "])" : ")");
    }
    ret = arena_strdup(a, buf_str(&out));
    buf_done(&out);
    return ret;
}

static size_t
row_count(const struct linq_func *table)
{
    size_t n = 0;

    while (table[n].name != NULL)
        n++;
    return n;
}

size_t
func_served_count(void)
{
    size_t n = ARRAY_LEN(OPS);

    for (size_t i = 0; i < ARRAY_LEN(TABLES); i++)
        n += row_count(TABLES[i]);
    return n;
}

const char *
func_served_name(const void *ctx UNUSED, size_t i)
{
    for (size_t k = 0; k < ARRAY_LEN(TABLES); k++) {
        size_t n = row_count(TABLES[k]);

        if (i < n)
            return TABLES[k][i].name;
        i -= n;
    }
    return OPS[i].name;
}
