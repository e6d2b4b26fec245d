/* Scripts and PROTOCOL.md say the same: headers, keys, transitions, list of scripts. */

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/fs.h"
#include "common/store/store_scripts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FILE_MAX (1024 * 1024)

static char *protocol, *lib;

static char *
slurp(const char *path)
{
    struct errinfo ei = ERRINFO_INIT;
    char *text = NULL;
    size_t n;

    if (fs_read_file(path, FILE_MAX, &text, &n, &ei) < 0)
        fail_msg("%s (run from the root of the repository)", ei.msg);
    return text;
}

static char *
script_file(size_t i)
{
    char *path = mem_printf("common/store/lua/%s.lua", store_script((enum store_script)i)->name);
    char *text = slurp(path);

    free(path);
    return text;
}

static int
setup(void **state)
{
    (void)state;
    protocol = slurp("common/store/PROTOCOL.md");
    lib = slurp("common/store/lua/lib.lua");
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    free(protocol);
    free(lib);
    return 0;
}

static void
test_headers(void **state)
{
    static const char *const parts[] = {"\n-- KEYS    prefix\n", "\n-- ARGV    ", "\n-- RETURNS ",
                                        "\n-- REPEAT  "};
    const struct script_text *s;
    char *text, sha[DIGEST_SHA1_HEX + 1];
    const char *want;
    size_t i, k;

    (void)state;
    for (i = 0; i < SCRIPT_COUNT; i++) {
        s = store_script((enum store_script)i);
        text = script_file(i);
        for (k = 0; k < ARRAY_LEN(parts); k++) {
            if (strstr(text, parts[k]) == NULL)
                fail_msg("%s: no '%s' in its head", s->name, parts[k] + 1);
        }
        want = i == SCRIPT_JOB_CREATE || i == SCRIPT_SAVED_PUT ? "#!lua\n"
               : strstr(text, "flags=no-writes") != NULL       ? "#!lua flags=no-writes\n"
                                                               : "#!lua flags=allow-oom\n";
        if (strncmp(text, want, strlen(want)) != 0)
            fail_msg("%s: first line is not '%s'", s->name, want);
        /* What is embedded is what is in the tree now. */
        digest_sha1_hex(s->text, s->len, sha);
        assert_string_equal(s->sha, sha);
        assert_int_equal(s->len, strlen(text) + strlen(lib));
        assert_non_null(strstr(s->text, lib));
        free(text);
    }
}

/* Every `key('name'` of a text must begin a key of the protocol's table. */
static void
check_keys_of(const char *name, const char *text)
{
    const char *p = text;
    char row[64];
    int n;

    while ((p = strstr(p, "key('")) != NULL) {
        p += 5;
        n = (int)strcspn(p, "'");
        snprintf(row, sizeof(row), "\n| `%.*s:<", n, p);
        if (strstr(protocol, row) == NULL) {
            snprintf(row, sizeof(row), "\n| `%.*s` |", n, p);
            if (strstr(protocol, row) == NULL && strncmp(p, "ev'", 3) != 0)
                fail_msg("%s: key '%.*s' is not in PROTOCOL.md", name, n, p);
        }
    }
}

static void
test_keys(void **state)
{
    const char *p, *end;
    struct buf all = BUF_INIT(8 * FILE_MAX);
    char use[64], *text;
    size_t i;

    (void)state;
    check_keys_of("lib", lib);
    buf_puts(&all, lib);
    for (i = 0; i < SCRIPT_COUNT; i++) {
        text = script_file(i);
        check_keys_of(store_script((enum store_script)i)->name, text);
        buf_puts(&all, text);
        free(text);
    }
    p = strstr(protocol, "\n## Keys\n");
    assert_non_null(p);
    end = strstr(p, "\n### ");
    while ((p = strstr(p, "\n| `")) != NULL && p < end) {
        p += 4;
        snprintf(use, sizeof(use), "'%.*s'", (int)strcspn(p, ":`"), p);
        if (strstr(buf_str(&all), use) == NULL)
            fail_msg("PROTOCOL.md: no script uses the key %s", use);
    }
    buf_done(&all);
}

/* Table rows "| event | `from` | `to` |" against lines "event from > to". */
static void
test_transitions(void **state)
{
    const char *p = strstr(protocol, "| event | from");
    const char *lua = strstr(lib, "local MOVES = [[");
    char event[16], from[64], to[64], line[160];
    int rows = 0, lines = 0;

    (void)state;
    assert_non_null(p);
    assert_non_null(lua);
    for (; (p = strstr(p, "\n| ")) != NULL && strncmp(p, "\n| remove", 9) != 0; p++) {
        if (sscanf(p, "\n| %15s | `%63[^`]` | `%63[^`]` |", event, from, to) != 3)
            continue;
        snprintf(line, sizeof(line), "\n%s %s > %s\n", event, from, to);
        if (strstr(lua, line) == NULL)
            fail_msg("lib.lua has no move '%s %s > %s'", event, from, to);
        rows++;
    }
    for (p = lua; (p = strstr(p, " > ")) != NULL && p < strstr(lua, "]]"); p++)
        lines++;
    assert_true(rows > 30);
    assert_int_equal(rows, lines);
}

static void
test_list_of_scripts(void **state)
{
    char row[64];
    size_t i;

    (void)state;
    for (i = 0; i < SCRIPT_COUNT; i++) {
        snprintf(row, sizeof(row), "\n| %s | ", store_script((enum store_script)i)->name);
        if (strstr(protocol, row) == NULL)
            fail_msg("PROTOCOL.md does not list %s", store_script((enum store_script)i)->name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_transitions),
        cmocka_unit_test(test_list_of_scripts),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
