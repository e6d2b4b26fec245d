#include "common/base/log.h"

#include "common/base/buf.h"
#include "common/base/clock.h"

#include <string.h>
#include <unistd.h>

static const char *const level_names[] = {"error", "warn", "info", "debug"};

static struct {
    enum log_level level;
    char process[32];
} state = {LOG_INFO, "bucketline"};

void
log_init(const char *process, const char *level)
{
    size_t i;

    snprintf(state.process, sizeof(state.process), "%s", process);
    for (i = 0; i < ARRAY_LEN(level_names); i++) {
        if (strcmp(level, level_names[i]) == 0)
            state.level = (enum log_level)i;
    }
}

static void
append_value(struct buf *b, const char *s)
{
    const char *p;

    if (s[0] != '\0' && strpbrk(s, " \"=\\\n\r\t") == NULL) {
        buf_puts(b, s);
        return;
    }
    buf_putc(b, '"');
    for (p = s; *p != '\0'; p++) {
        if (*p == '"' || *p == '\\')
            buf_putc(b, '\\');
        if ((unsigned char)*p < ' ')
            buf_putc(b, ' ');
        else
            buf_putc(b, *p);
    }
    buf_putc(b, '"');
}

void
log_write(enum log_level level, const char *event, const struct log_field *fields)
{
    struct buf line = BUF_INIT(16384);
    const struct log_field *f;
    char now[32];
    ssize_t rc;

    if (level > state.level)
        return;
    clock_format_iso(clock_now_ms(), now);
    buf_printf(&line, "%s %s %s[%d] %s", now, level_names[level], state.process, (int)getpid(),
               event);
    for (f = fields; f->key != NULL; f++) {
        buf_printf(&line, " %s=", f->key);
        if (f->str != NULL)
            append_value(&line, f->str);
        else
            buf_printf(&line, "%lld", f->num);
    }
    buf_putc(&line, '\n');
    rc = write(STDERR_FILENO, line.data, line.len); /* one write: lines of processes do not mix */
    (void)rc;
    buf_done(&line);
}
