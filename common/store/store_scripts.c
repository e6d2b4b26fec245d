#include "common/store/store_scripts.h"

#include "common/base/buf.h"
#include "common/base/digest.h"
#include "common/base/errinfo.h"

#include <pthread.h>

#define SCRIPT_MAX (256 * 1024)

/* The assembler reads the files; paths are relative to the root of the repository. */
#define EMBED(symbol, file)                                                                        \
    __asm__(".section .rodata\n"                                                                   \
            "lua_" symbol ":\n"                                                                    \
            ".incbin \"common/store/lua/" file ".lua\"\n"                                          \
            "lua_end_" symbol ":\n"                                                                \
            ".byte 0\n"                                                                            \
            ".previous\n");

#define EMBED_SCRIPT(id, name)                                                                     \
    EMBED(#name, #name)                                                                            \
    extern const char lua_##name[];                                                                \
    extern const char lua_end_##name[];

EMBED_SCRIPT(LIB, lib)
STORE_SCRIPTS(EMBED_SCRIPT)

#define TABLE_ENTRY(id, name) {#name, lua_##name, lua_end_##name},
static const struct {
    const char *name, *start, *end;
} files[] = {STORE_SCRIPTS(TABLE_ENTRY)};

static struct script_text scripts[SCRIPT_COUNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
assemble(void)
{
    const char *line_end;
    struct buf b;
    size_t i;

    for (i = 0; i < SCRIPT_COUNT; i++) {
        line_end = memchr(files[i].start, '\n', (size_t)(files[i].end - files[i].start));
        if (line_end == NULL || strncmp(files[i].start, "#!lua", 5) != 0)
            bug("script %s has no shebang line", files[i].name);
        buf_init(&b, SCRIPT_MAX);
        buf_append(&b, files[i].start, (size_t)(line_end + 1 - files[i].start));
        buf_append(&b, lua_lib, (size_t)(lua_end_lib - lua_lib));
        buf_append(&b, line_end + 1, (size_t)(files[i].end - line_end - 1));
        scripts[i].name = files[i].name;
        scripts[i].len = b.len;
        digest_sha1_hex(b.data, b.len, scripts[i].sha);
        scripts[i].text = buf_take(&b);
    }
}

const struct script_text *
store_script(enum store_script s)
{
    pthread_once(&once, assemble);
    return &scripts[s];
}
