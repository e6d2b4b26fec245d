#include "api/request.h"

#include "api/auth.h"
#include "common/base/clock.h"

#include <http_parser.h>
#include <string.h>
#include <strings.h>

struct parse {
    struct request *rq;
    const char *url;
    size_t url_len;
    bool complete;
};

/* The parser sees one whole head in one piece, so each callback comes once for each item. Its
 * items are followed by ':', blanks or CR, all of which may become the NUL of a string. */
static char *
cut(struct request *rq, const char *at, size_t len)
{
    char *p = rq->text + (at - rq->text);

    p[len] = '\0';
    return p;
}

static int
on_url(http_parser *hp, const char *at, size_t len)
{
    struct parse *ps = hp->data;

    ps->url = at;
    ps->url_len = len;
    return 0;
}

static int
on_field(http_parser *hp, const char *at, size_t len)
{
    struct request *rq = ((struct parse *)hp->data)->rq;

    (void)len;
    if (rq->header_count >= HTTP_HEADERS_MAX)
        return -1;
    rq->headers[rq->header_count++] = (struct request_header){at, ""};
    return 0;
}

/* The name is cut here: its ':' has been read by now. The value ends where the line or its
 * trailing blanks do; it is cut after the parse, since the parser still reads that byte. */
static int
on_value(http_parser *hp, const char *at, size_t len)
{
    struct request *rq = ((struct parse *)hp->data)->rq;

    if (rq->header_count == 0)
        return -1;
    if (len > 0) /* at points behind the line where there is no value */
        rq->headers[rq->header_count - 1].value = at;
    return 0;
}

static int
on_complete(http_parser *hp)
{
    ((struct parse *)hp->data)->complete = true;
    return 1; /* the body is not the parser's: http_chunk.h says why */
}

static void
cut_headers(struct request *rq)
{
    size_t i, n;

    for (i = 0; i < rq->header_count; i++) {
        struct request_header *h = &rq->headers[i];

        cut(rq, h->name, strcspn(h->name, ":"));
        if (h->value[0] == '\0')
            continue;
        n = strcspn(h->value, "\r");
        while (n > 0 && (h->value[n - 1] == ' ' || h->value[n - 1] == '\t'))
            n--;
        cut(rq, h->value, n);
    }
}

static int
hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool
request_decode(char *s, bool plus_is_blank)
{
    char *out = s;
    int hi, lo;

    for (; *s != '\0'; s++) {
        if (*s == '+' && plus_is_blank) {
            *out++ = ' ';
        } else if (*s == '%') {
            hi = hex_digit(s[1]);
            lo = hi < 0 ? -1 : hex_digit(s[2]);
            if (lo < 0 || hi * 16 + lo == 0)
                return false;
            *out++ = (char)(hi * 16 + lo);
            s += 2;
        } else {
            *out++ = *s;
        }
    }
    *out = '\0';
    return true;
}

/* Path and query of the target; of an absolute one, what follows the authority. The path stays
 * encoded: the router cuts it into parts first, so that "%2F" does not become a border. */
static void
split_target(struct request *rq, const char *url, size_t len)
{
    const char *end = url + len, *slash, *mark;

    if (len > 0 && url[0] != '/' && url[0] != '*') {
        slash = memmem(url, len, "://", 3);
        slash = slash != NULL ? memchr(slash + 3, '/', (size_t)(end - slash) - 3) : NULL;
        url = slash != NULL ? slash : end;
    }
    mark = memchr(url, '?', (size_t)(end - url));
    rq->path = mem_strndup(url, (size_t)((mark != NULL ? mark : end) - url));
    rq->query = mark != NULL ? mem_strndup(mark + 1, (size_t)(end - mark) - 1) : mem_strdup("");
}

static struct request *
make(size_t max_body)
{
    struct request *rq = mem_zalloc(sizeof(*rq));
    size_t i;

    ids_cid(rq->cid);
    rq->begun_ms = clock_mono_ms();
    buf_init(&rq->body, max_body);
    buf_init(&rq->extra, 4096);
    for (i = 0; i < REQUEST_ARGS_MAX; i++)
        rq->args[i] = "";
    return rq;
}

struct request *
request_new_broken(void)
{
    struct request *rq = make(0);

    rq->path = mem_strdup("");
    rq->query = mem_strdup("");
    return rq;
}

int
request_new(const char *head, size_t len, const struct http_head *h, size_t max_body,
            struct request **ret, struct errinfo *ei)
{
    struct request *rq = make(max_body);
    struct parse ps = {.rq = rq};
    http_parser_settings settings;
    http_parser hp;
    int rc = E_OK;

    rq->head = *h;
    rq->text = mem_strndup(head, len);
    rq->text_len = len;
    http_parser_settings_init(&settings);
    settings.on_url = on_url;
    settings.on_header_field = on_field;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_complete;
    http_parser_init(&hp, HTTP_REQUEST);
    hp.data = &ps;
    http_parser_execute(&hp, &settings, rq->text, len);
    if (!ps.complete || ps.url == NULL || rq->header_count != h->header_count) {
        rc = errinfo_set(ei, E_INVALID, "the head is not understood: %s",
                         http_errno_description(HTTP_PARSER_ERRNO(&hp)));
        goto out;
    }
    split_target(rq, ps.url, ps.url_len);
    cut_headers(rq);
    *ret = rq;
    rq = NULL;
out:
    request_free(rq);
    return rc;
}

void
request_free(struct request *rq)
{
    if (rq == NULL)
        return;
    if (rq->state_free != NULL)
        rq->state_free(rq->state);
    cred_unref(rq->cred);
    if (rq->text != NULL)
        explicit_bzero(rq->text, rq->text_len);
    free(rq->text);
    free(rq->parts);
    buf_wipe(&rq->body);
    buf_done(&rq->extra);
    free(rq->path);
    free(rq->query);
    free(rq);
}

const char *
request_header(const struct request *rq, const char *name)
{
    size_t i;

    for (i = 0; i < rq->header_count; i++) {
        if (strcasecmp(rq->headers[i].name, name) == 0)
            return rq->headers[i].value;
    }
    return NULL;
}

char *
request_param(const struct request *rq, const char *name)
{
    const char *p = rq->query, *end;
    size_t n = strlen(name);
    char *value;

    for (; *p != '\0'; p = *end == '&' ? end + 1 : end) {
        end = p + strcspn(p, "&");
        if ((size_t)(end - p) <= n || strncmp(p, name, n) != 0 || p[n] != '=')
            continue;
        value = mem_strndup(p + n + 1, (size_t)(end - p) - n - 1);
        if (request_decode(value, true))
            return value;
        free(value);
        return NULL;
    }
    return NULL;
}
