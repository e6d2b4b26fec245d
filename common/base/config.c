#include "common/base/config.h"

#include "common/base/buf.h"
#include "common/base/fs.h"

#include <ctype.h>
#include <errno.h>

#define FILE_MAX (1u << 20)

struct value {
    char *text; /* as given or the default */
    int64_t num;
};

struct config {
    size_t count;
    struct value *values; /* one for each row of config_options */
};

static size_t
option_count(void)
{
    size_t n = 0;

    while (config_options[n].section != NULL)
        n++;
    return n;
}

static int
find_option(const char *section, size_t section_len, const char *key, size_t key_len)
{
    size_t i;

    for (i = 0; config_options[i].section != NULL; i++) {
        const struct config_option *o = &config_options[i];
        if (strlen(o->section) == section_len &&
            strncasecmp(o->section, section, section_len) == 0 && strlen(o->key) == key_len &&
            strncasecmp(o->key, key, key_len) == 0)
            return (int)i;
    }
    return -1;
}

static int
parse_number(const struct config_option *o, const char *text, int64_t *ret)
{
    static const char suffixes[] = "KMGT";
    const char *s;
    char *end;
    long long v;

    errno = 0;
    v = strtoll(text, &end, 10);
    if (errno != 0 || end == text)
        return E_INVALID;
    if (o->type == CONFIG_SIZE && *end != '\0' && (s = strchr(suffixes, toupper(*end))) != NULL) {
        for (; s >= suffixes; s--) {
            if (v > INT64_MAX / 1024 || v < 0)
                return E_INVALID;
            v *= 1024;
        }
        end++;
    }
    if (*end != '\0' || v < o->min || v > o->max)
        return E_INVALID;
    *ret = v;
    return E_OK;
}

static bool
is_choice(const char *choices, const char *text)
{
    size_t n = strlen(text);
    const char *p = choices;

    while (n > 0 && (p = strstr(p, text)) != NULL) {
        if ((p == choices || p[-1] == '|') && (p[n] == '\0' || p[n] == '|'))
            return true;
        p++;
    }
    return false;
}

/* "a whole number of ms from 1 to 60000": what would be right. */
static void
describe(const struct config_option *o, char *out, size_t size)
{
    switch (o->type) {
    case CONFIG_INT:
        snprintf(out, size, "a whole number%s%s from %lld to %lld", o->unit != NULL ? " of " : "",
                 o->unit != NULL ? o->unit : "", (long long)o->min, (long long)o->max);
        break;
    case CONFIG_SIZE:
        snprintf(out, size, "bytes from %lld to %lld (K, M, G and T may follow)", (long long)o->min,
                 (long long)o->max);
        break;
    case CONFIG_BOOL:
        snprintf(out, size, "true or false");
        break;
    case CONFIG_ENUM:
        snprintf(out, size, "one of %s", o->choices);
        break;
    case CONFIG_LIST:
        snprintf(out, size, "items separated by commas");
        break;
    case CONFIG_SECRET:
        snprintf(out, size, "the path of a file");
        break;
    case CONFIG_STRING:
        snprintf(out, size, "text");
        break;
    }
}

static int
set_value(struct config *c, size_t i, const char *text, const char *where, struct errinfo *ei)
{
    const struct config_option *o = &config_options[i];
    char want[160];
    int64_t num = 0;
    int rc = E_OK;

    if (o->type == CONFIG_INT || o->type == CONFIG_SIZE) {
        rc = parse_number(o, text, &num);
    } else if (o->type == CONFIG_BOOL) {
        num = strcmp(text, "true") == 0;
        rc = num == 1 || strcmp(text, "false") == 0 ? E_OK : E_INVALID;
    } else if (o->type == CONFIG_ENUM) {
        rc = is_choice(o->choices, text) ? E_OK : E_INVALID;
    }
    if (rc < 0) {
        describe(o, want, sizeof(want));
        return errinfo_set(ei, E_INVALID, "%s: %s.%s = '%s': should be %s", where, o->section,
                           o->key, text, want);
    }
    free(c->values[i].text);
    c->values[i].text = mem_strdup(text);
    c->values[i].num = num;
    return E_OK;
}

struct config *
config_new(void)
{
    struct config *c = mem_zalloc(sizeof(*c));
    struct errinfo ei = ERRINFO_INIT;
    size_t i;

    c->count = option_count();
    c->values = mem_zalloc(c->count * sizeof(*c->values));
    for (i = 0; i < c->count; i++) {
        if (set_value(c, i, config_options[i].def, "default", &ei) < 0)
            bug("%s", ei.msg);
    }
    return c;
}

void
config_free(struct config *c)
{
    size_t i;

    if (c == NULL)
        return;
    for (i = 0; i < c->count; i++)
        free(c->values[i].text);
    free(c->values);
    free(c);
}

static char *
trim(char *s)
{
    char *end = s + strlen(s);

    while (end > s && isspace((unsigned char)end[-1]))
        *--end = '\0';
    while (isspace((unsigned char)*s))
        s++;
    return s;
}

static int
unknown(const char *where, const char *section, const char *key, struct errinfo *ei)
{
    return errinfo_set(ei, E_INVALID, "%s: there is no option %s.%s (--help lists all)", where,
                       section, key);
}

static int
load_line(struct config *c, char *line, char *section, size_t section_size, const char *where,
          struct errinfo *ei)
{
    char *s = trim(line), *eq, *key;
    int i;

    if (*s == '\0' || *s == '#' || *s == ';')
        return E_OK;
    if (*s == '[') {
        if (s[strlen(s) - 1] != ']')
            return errinfo_set(ei, E_INVALID, "%s: '%s': a section is written [name]", where, s);
        s[strlen(s) - 1] = '\0';
        snprintf(section, section_size, "%s", trim(s + 1));
        return E_OK;
    }
    eq = strchr(s, '=');
    if (eq == NULL)
        return errinfo_set(ei, E_INVALID, "%s: '%s': expected key = value", where, s);
    *eq = '\0';
    key = trim(s);
    i = find_option(section, strlen(section), key, strlen(key));
    if (i < 0)
        return unknown(where, section, key, ei);
    return set_value(c, (size_t)i, trim(eq + 1), where, ei);
}

int
config_load_file(struct config *c, const char *path, struct errinfo *ei)
{
    char section[64] = "", where[512], *text, *line, *rest;
    size_t len;
    int n = 0, rc = fs_read_file(path, FILE_MAX, &text, &len, ei);

    if (rc < 0)
        return errinfo_prepend(ei, "configuration");
    rest = text;
    while (rc == E_OK && (line = strsep(&rest, "\n")) != NULL) {
        snprintf(where, sizeof(where), "%s:%d", path, ++n);
        rc = load_line(c, line, section, sizeof(section), where, ei);
    }
    free(text);
    return rc;
}

int
config_load_env(struct config *c, char **environ_, struct errinfo *ei)
{
    static const char prefix[] = "BUCKETLINE__";
    const char *name, *eq, *sep;
    char where[128];
    int i, rc;

    for (; environ_ != NULL && *environ_ != NULL; environ_++) {
        name = *environ_;
        if (strncmp(name, prefix, sizeof(prefix) - 1) != 0 || (eq = strchr(name, '=')) == NULL)
            continue;
        snprintf(where, sizeof(where), "environment %.*s", (int)(eq - name), name);
        name += sizeof(prefix) - 1;
        sep = strstr(name, "__");
        if (sep == NULL || sep > eq)
            return errinfo_set(ei, E_INVALID, "%s: expected BUCKETLINE__SECTION__KEY", where);
        i = find_option(name, (size_t)(sep - name), sep + 2, (size_t)(eq - sep - 2));
        if (i < 0)
            return errinfo_set(ei, E_INVALID, "%s: there is no such option (--help lists all)",
                               where);
        rc = set_value(c, (size_t)i, eq + 1, where, ei);
        if (rc < 0)
            return rc;
    }
    return E_OK;
}

int
config_set(struct config *c, const char *assignment, struct errinfo *ei)
{
    const char *dot = strchr(assignment, '.'), *eq = strchr(assignment, '=');
    char where[160];
    int i;

    if (dot == NULL || eq == NULL || dot > eq)
        return errinfo_set(ei, E_INVALID, "--set %s: expected section.key=value", assignment);
    snprintf(where, sizeof(where), "--set %.*s", (int)(eq - assignment), assignment);
    i = find_option(assignment, (size_t)(dot - assignment), dot + 1, (size_t)(eq - dot - 1));
    if (i < 0)
        return errinfo_set(ei, E_INVALID, "%s: there is no such option (--help lists all)", where);
    return set_value(c, (size_t)i, eq + 1, where, ei);
}

static const struct value *
get(const struct config *c, const char *name, unsigned types)
{
    const char *dot = strchr(name, '.');
    int i = dot == NULL ? -1 : find_option(name, (size_t)(dot - name), dot + 1, strlen(dot + 1));

    if (i < 0)
        bug("no configuration option %s", name);
    if ((types & (1u << config_options[i].type)) == 0)
        bug("configuration option %s has another type", name);
    return &c->values[i];
}

const char *
config_str(const struct config *c, const char *name)
{
    return get(c, name,
               1u << CONFIG_STRING | 1u << CONFIG_ENUM | 1u << CONFIG_LIST | 1u << CONFIG_SECRET)
        ->text;
}

int64_t
config_int(const struct config *c, const char *name)
{
    return get(c, name, 1u << CONFIG_INT | 1u << CONFIG_SIZE)->num;
}

bool
config_bool(const struct config *c, const char *name)
{
    return get(c, name, 1u << CONFIG_BOOL)->num != 0;
}

bool
config_item(const struct config *c, const char *name, size_t i, char *out, size_t out_size)
{
    const char *p = get(c, name, 1u << CONFIG_LIST)->text, *comma;
    size_t n;

    for (;; p = comma + 1) {
        comma = strchrnul(p, ',');
        n = (size_t)(comma - p);
        while (n > 0 && isspace((unsigned char)*p)) {
            p++;
            n--;
        }
        while (n > 0 && isspace((unsigned char)p[n - 1]))
            n--;
        if (n > 0 && i-- == 0) {
            snprintf(out, out_size, "%.*s", (int)n, p);
            return true;
        }
        if (*comma == '\0')
            return false;
    }
}

char *
config_lookup(const struct config *c, const char *name, const char *key)
{
    char item[512], *eq;
    size_t i;

    for (i = 0; config_item(c, name, i, item, sizeof(item)); i++) {
        eq = strchr(item, '=');
        if (eq != NULL && strncmp(item, key, strlen(key)) == 0 &&
            (size_t)(eq - item) == strlen(key))
            return mem_strdup(eq + 1);
    }
    return NULL;
}

int
config_secret(const struct config *c, const char *name, char **ret, struct errinfo *ei)
{
    const char *path = get(c, name, 1u << CONFIG_SECRET)->text;
    int rc;

    *ret = NULL;
    if (path[0] == '\0')
        return E_OK;
    rc = fs_read_secret(path, ret, ei);
    return rc < 0 ? errinfo_prepend(ei, "%s", name) : E_OK;
}

void
config_print_help(void)
{
    const struct config_option *o;
    const char *section = "";
    char want[160];

    for (o = config_options; o->section != NULL; o++) {
        if (strcmp(section, o->section) != 0)
            printf("\n[%s]\n", o->section);
        section = o->section;
        describe(o, want, sizeof(want));
        printf("  %-22s %s\n  %-22s %s; default '%s'\n", o->key, o->help, "", want, o->def);
    }
}
