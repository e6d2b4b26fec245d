#include "common/s3/s3_xml.h"

#include "common/base/buf.h"

#include <ctype.h>

#define DEPTH_MAX     16
#define PATH_LEN_MAX  512
#define UPLOAD_ID_MAX 2048
#define TEXT_MAX      65536

struct reader {
    const char *start, *p, *end;
    struct buf path;            /* "Error/Code" */
    struct buf text[DEPTH_MAX]; /* own text of each open element */
    size_t path_len[DEPTH_MAX]; /* length of path before the element was entered */
    unsigned depth;
    bool root_seen;
    s3_xml_fn each;
    void *ctx;
    struct errinfo *ei;
};

static int
bad(struct reader *r, const char *why)
{
    return errinfo_set(r->ei, E_INVALID, "XML, byte %zu: %s", (size_t)(r->p - r->start), why);
}

static bool
at(const struct reader *r, const char *s)
{
    size_t n = strlen(s);

    return (size_t)(r->end - r->p) >= n && memcmp(r->p, s, n) == 0;
}

/* Moves behind the next s; false when there is none. */
static bool
skip_past(struct reader *r, const char *s)
{
    const char *found = memmem(r->p, (size_t)(r->end - r->p), s, strlen(s));

    if (found == NULL)
        return false;
    r->p = found + strlen(s);
    return true;
}

static bool
is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void
skip_blanks(struct reader *r)
{
    while (r->p < r->end && is_blank(*r->p))
        r->p++;
}

static size_t
name_length(const struct reader *r)
{
    const char *q = r->p;

    while (q < r->end && (isalnum((unsigned char)*q) || strchr("_-.:", *q) != NULL) && *q != '\0')
        q++;
    return q > r->p && (isalpha((unsigned char)*r->p) || *r->p == '_') ? (size_t)(q - r->p) : 0;
}

static void
put_utf8(struct buf *out, unsigned long c)
{
    if (c < 0x80) {
        buf_putc(out, (char)c);
    } else if (c < 0x800) {
        buf_putc(out, (char)(0xc0 | c >> 6));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_putc(out, (char)(0xe0 | c >> 12));
        buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_putc(out, (char)(0xf0 | c >> 18));
        buf_putc(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_putc(out, (char)(0x80 | (c & 0x3f)));
    }
}

/* At '&': one of the five names, or a character reference. */
static int
read_entity(struct reader *r, struct buf *out)
{
    static const struct {
        const char *text;
        char c;
    } named[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&apos;", '\''}};
    unsigned long c = 0;
    size_t i, digits = 0;
    unsigned base = 10;

    for (i = 0; i < ARRAY_LEN(named); i++) {
        if (at(r, named[i].text)) {
            buf_putc(out, named[i].c);
            r->p += strlen(named[i].text);
            return E_OK;
        }
    }
    if (!at(r, "&#"))
        return bad(r, "unknown entity");
    r->p += 2;
    if (r->p < r->end && *r->p == 'x') {
        base = 16;
        r->p++;
    }
    for (; r->p < r->end && isxdigit((unsigned char)*r->p) && digits < 8; r->p++, digits++) {
        unsigned d =
            (unsigned)(isdigit((unsigned char)*r->p) ? *r->p - '0'
                                                     : tolower((unsigned char)*r->p) - 'a' + 10);
        if (d >= base)
            return bad(r, "bad character reference");
        c = c * base + d;
    }
    if (digits == 0 || r->p == r->end || *r->p != ';' || c == 0 || c > 0x10ffff ||
        (c >= 0xd800 && c <= 0xdfff))
        return bad(r, "bad character reference");
    r->p++;
    put_utf8(out, c);
    return E_OK;
}

/* Attributes are checked for form and dropped: S3 uses none but xmlns. */
static int
skip_attributes(struct reader *r)
{
    for (;;) {
        const char *before = r->p;
        size_t n;
        char quote;

        skip_blanks(r);
        n = name_length(r);
        if (n == 0)
            return E_OK;
        if (r->p == before)
            return bad(r, "blank expected before an attribute");
        r->p += n;
        skip_blanks(r);
        if (r->p == r->end || *r->p != '=')
            return bad(r, "'=' expected");
        r->p++;
        skip_blanks(r);
        if (r->p == r->end || (*r->p != '"' && *r->p != '\''))
            return bad(r, "quote expected");
        quote = *r->p++;
        while (r->p < r->end && *r->p != quote && *r->p != '<')
            r->p++;
        if (r->p == r->end || *r->p != quote)
            return bad(r, "attribute does not end");
        r->p++;
    }
}

static int
leave(struct reader *r)
{
    unsigned d = --r->depth;
    int rc;

    if (r->path.failed || r->text[d].failed || memchr(buf_str(&r->text[d]), '\0', r->text[d].len))
        return bad(r, "element is too long");
    rc = r->each(r->ctx, buf_str(&r->path), buf_str(&r->text[d]), r->ei);
    r->path.len = r->path_len[d];
    r->path.data[r->path.len] = '\0';
    return rc;
}

static int
read_open_tag(struct reader *r)
{
    size_t n;
    int rc;

    r->p++;
    n = name_length(r);
    if (n == 0)
        return bad(r, "element name expected");
    if (r->depth == DEPTH_MAX)
        return bad(r, "nested too deep");
    if (r->depth == 0 && r->root_seen)
        return bad(r, "a second root element");
    r->root_seen = true;
    r->path_len[r->depth] = r->path.len;
    if (r->depth > 0)
        buf_putc(&r->path, '/');
    buf_append(&r->path, r->p, n);
    buf_reset(&r->text[r->depth]);
    r->depth++;
    r->p += n;
    rc = skip_attributes(r);
    if (rc < 0)
        return rc;
    if (at(r, "/>")) {
        r->p += 2;
        return leave(r);
    }
    if (r->p == r->end || *r->p != '>')
        return bad(r, "'>' expected");
    r->p++;
    return E_OK;
}

static int
read_close_tag(struct reader *r)
{
    const char *name;
    size_t n, from;

    r->p += 2;
    n = name_length(r);
    if (r->depth == 0 || r->path.failed)
        return bad(r, "end tag without a start");
    from = r->path_len[r->depth - 1] + (r->depth > 1 ? 1 : 0);
    name = buf_str(&r->path) + from;
    if (n != r->path.len - from || memcmp(name, r->p, n) != 0)
        return bad(r, "end tag of another element");
    r->p += n;
    skip_blanks(r);
    if (r->p == r->end || *r->p != '>')
        return bad(r, "'>' expected");
    r->p++;
    return leave(r);
}

static int
read_cdata(struct reader *r)
{
    const char *from = r->p + 9;

    if (r->depth == 0)
        return bad(r, "text outside the root element");
    r->p = from;
    if (!skip_past(r, "]]>"))
        return bad(r, "CDATA does not end");
    buf_append(&r->text[r->depth - 1], from, (size_t)(r->p - 3 - from));
    return E_OK;
}

static int
read_text(struct reader *r)
{
    if (r->depth == 0) {
        if (!is_blank(*r->p))
            return bad(r, "text outside the root element");
        r->p++;
        return E_OK;
    }
    if (*r->p == '&')
        return read_entity(r, &r->text[r->depth - 1]);
    buf_putc(&r->text[r->depth - 1], *r->p++);
    return E_OK;
}

static int
read_document(struct reader *r)
{
    int rc;

    skip_blanks(r);
    if (at(r, "<?xml") && !skip_past(r, "?>"))
        return bad(r, "the XML declaration does not end");
    while (r->p < r->end) {
        if (at(r, "<!--"))
            rc = skip_past(r, "-->") ? E_OK : bad(r, "comment does not end");
        else if (at(r, "<![CDATA["))
            rc = read_cdata(r);
        else if (at(r, "</"))
            rc = read_close_tag(r);
        else if (at(r, "<!") || at(r, "<?"))
            rc = bad(r, "declarations and processing instructions are not allowed");
        else if (at(r, "<"))
            rc = read_open_tag(r);
        else
            rc = read_text(r);
        if (rc < 0)
            return rc;
    }
    if (!r->root_seen || r->depth > 0)
        return bad(r, r->root_seen ? "the document is cut off" : "no element at all");
    return E_OK;
}

int
s3_xml_parse(const char *text, size_t len, s3_xml_fn each, void *ctx, struct errinfo *ei)
{
    struct reader r = {
        .start = text, .p = text, .end = text + len, .each = each, .ctx = ctx, .ei = ei};
    unsigned i;
    int rc;

    buf_init(&r.path, PATH_LEN_MAX);
    for (i = 0; i < DEPTH_MAX; i++)
        buf_init(&r.text[i], TEXT_MAX);
    rc = read_document(&r);
    buf_done(&r.path);
    for (i = 0; i < DEPTH_MAX; i++)
        buf_done(&r.text[i]);
    return rc;
}

/* --- the documents --------------------------------------------------------------------------- */

struct text_field {
    const char *path;
    char *out;
    size_t size;
};

/* Words of the store reach logs and users: one line, whatever it sent. */
static void
copy_line(char *out, size_t size, const char *text)
{
    char *p;

    snprintf(out, size, "%s", text);
    for (p = out; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = ' ';
    }
}

struct field_reader {
    const char *root;
    const struct text_field *fields;
    size_t count;
    bool root_seen;
};

static int
read_field(void *ctx, const char *path, const char *text, struct errinfo *ei)
{
    struct field_reader *fr = ctx;
    size_t i;

    (void)ei;
    if (strcmp(path, fr->root) == 0)
        fr->root_seen = true;
    for (i = 0; i < fr->count; i++) {
        if (strcmp(path, fr->fields[i].path) == 0)
            copy_line(fr->fields[i].out, fr->fields[i].size, text);
    }
    return E_OK;
}

static int
read_fields(const char *text, size_t len, const char *root, const struct text_field *fields,
            size_t count, struct errinfo *ei)
{
    struct field_reader fr = {root, fields, count, false};
    int rc = s3_xml_parse(text, len, read_field, &fr, ei);

    if (rc == E_OK && !fr.root_seen)
        rc = errinfo_set(ei, E_INVALID, "XML: the root element is not <%s>", root);
    return rc;
}

int
s3_xml_error_parse(const char *text, size_t len, struct s3_xml_error *ret, struct errinfo *ei)
{
    struct s3_xml_error e;
    const struct text_field fields[] = {
        {"Error/Code", e.code, sizeof(e.code)},
        {"Error/Message", e.message, sizeof(e.message)},
        {"Error/Region", e.region, sizeof(e.region)},
        {"Error/RequestId", e.request_id, sizeof(e.request_id)},
    };
    int rc;

    memset(&e, 0, sizeof(e));
    rc = read_fields(text, len, "Error", fields, ARRAY_LEN(fields), ei);
    if (rc == E_OK)
        *ret = e;
    return rc;
}

int
s3_xml_initiate_parse(const char *text, size_t len, char **ret_upload_id, struct errinfo *ei)
{
    char id[UPLOAD_ID_MAX] = "";
    const struct text_field field = {"InitiateMultipartUploadResult/UploadId", id, sizeof(id)};
    int rc = read_fields(text, len, "InitiateMultipartUploadResult", &field, 1, ei);

    if (rc < 0)
        return rc;
    if (id[0] == '\0' || strlen(id) == sizeof(id) - 1)
        return errinfo_set(ei, E_INVALID, "XML: no usable UploadId");
    *ret_upload_id = mem_strdup(id);
    return E_OK;
}

static int
parse_number(const char *text, int64_t max, int64_t *ret, struct errinfo *ei)
{
    char *end;
    long long v;

    if (!isdigit((unsigned char)text[0]) || strlen(text) > 18)
        return errinfo_set(ei, E_INVALID, "XML: '%.40s' is no number", text);
    v = strtoll(text, &end, 10);
    if (*end != '\0' || v > max)
        return errinfo_set(ei, E_INVALID, "XML: '%.40s' is no number up to %lld", text,
                           (long long)max);
    *ret = v;
    return E_OK;
}

struct parts_reader {
    struct s3_xml_parts *parts;
    struct s3_xml_part now;
    bool root_seen;
};

static int
read_part_element(void *ctx, const char *path, const char *text, struct errinfo *ei)
{
    struct parts_reader *pr = ctx;
    struct s3_xml_parts *parts = pr->parts;
    int64_t n = 0;
    int rc = E_OK;

    if (strcmp(path, "ListPartsResult/Part/PartNumber") == 0) {
        rc = parse_number(text, 10000, &n, ei);
        pr->now.number = (unsigned)n;
    } else if (strcmp(path, "ListPartsResult/Part/Size") == 0) {
        rc = parse_number(text, INT64_MAX, &pr->now.bytes, ei);
    } else if (strcmp(path, "ListPartsResult/Part/ETag") == 0) {
        copy_line(pr->now.etag, sizeof(pr->now.etag), text);
    } else if (strcmp(path, "ListPartsResult/Part") == 0) {
        parts->list = mem_grow(parts->list, &parts->cap, parts->count + 1, sizeof(*parts->list));
        parts->list[parts->count++] = pr->now;
        memset(&pr->now, 0, sizeof(pr->now));
    } else if (strcmp(path, "ListPartsResult/IsTruncated") == 0) {
        parts->truncated = strcmp(text, "true") == 0;
    } else if (strcmp(path, "ListPartsResult/NextPartNumberMarker") == 0 && text[0] != '\0') {
        rc = parse_number(text, 10000, &n, ei);
        parts->next_marker = (unsigned)n;
    } else if (strcmp(path, "ListPartsResult") == 0) {
        pr->root_seen = true;
    }
    return rc;
}

int
s3_xml_parts_parse(const char *text, size_t len, struct s3_xml_parts *ret, struct errinfo *ei)
{
    struct parts_reader pr = {.parts = ret};
    unsigned marker = ret->next_marker;
    int rc;

    ret->truncated = false;
    rc = s3_xml_parse(text, len, read_part_element, &pr, ei);
    if (rc < 0)
        return rc;
    if (!pr.root_seen)
        return errinfo_set(ei, E_INVALID, "XML: the root element is not <ListPartsResult>");
    /* A page that does not move on would be asked for without end. */
    if (ret->truncated && ret->next_marker <= marker)
        return errinfo_set(ei, E_INVALID, "XML: the list of parts does not move on");
    return E_OK;
}

void
s3_xml_parts_done(struct s3_xml_parts *parts)
{
    free(parts->list);
    memset(parts, 0, sizeof(*parts));
}

struct uploads_reader {
    struct s3_xml_uploads *uploads;
    const char *key;
    bool key_seen, key_fits, root_seen;
    char id[UPLOAD_ID_MAX];
    int64_t initiated_ms; /* 0: none yet */
};

/* "2026-11-22T21:04:10.000Z" -> ms; fractions are dropped. */
static int
parse_time(const char *text, int64_t *ret, struct errinfo *ei)
{
    struct tm tm;
    const char *end;

    memset(&tm, 0, sizeof(tm));
    end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end != NULL && *end == '.')
        end += 1 + strspn(end + 1, "0123456789");
    if (end == NULL || strcmp(end, "Z") != 0)
        return errinfo_set(ei, E_INVALID, "XML: '%.40s' is no time", text);
    *ret = (int64_t)timegm(&tm) * 1000;
    return E_OK;
}

static int
end_of_upload(struct uploads_reader *ur, struct errinfo *ei)
{
    struct s3_xml_uploads *u = ur->uploads;

    if (!ur->key_seen || ur->id[0] == '\0' || ur->initiated_ms == 0)
        return errinfo_set(ei, E_INVALID, "XML: an upload without key, id or time");
    if (ur->key_fits) {
        u->list = mem_grow(u->list, &u->cap, u->count + 1, sizeof(*u->list));
        u->list[u->count++] = (struct s3_xml_upload){mem_strdup(ur->id), ur->initiated_ms};
    }
    ur->key_seen = false;
    ur->id[0] = '\0';
    ur->initiated_ms = 0;
    return E_OK;
}

static int
read_upload_element(void *ctx, const char *path, const char *text, struct errinfo *ei)
{
    struct uploads_reader *ur = ctx;
    int rc = E_OK;

    if (strcmp(path, "ListMultipartUploadsResult/Upload/Key") == 0) {
        ur->key_seen = true;
        ur->key_fits = strcmp(text, ur->key) == 0;
    } else if (strcmp(path, "ListMultipartUploadsResult/Upload/UploadId") == 0) {
        if (strlen(text) >= sizeof(ur->id))
            return errinfo_set(ei, E_INVALID, "XML: no usable UploadId");
        memcpy(ur->id, text, strlen(text) + 1);
    } else if (strcmp(path, "ListMultipartUploadsResult/Upload/Initiated") == 0) {
        rc = parse_time(text, &ur->initiated_ms, ei);
    } else if (strcmp(path, "ListMultipartUploadsResult/Upload") == 0) {
        rc = end_of_upload(ur, ei);
    } else if (strcmp(path, "ListMultipartUploadsResult") == 0) {
        ur->root_seen = true;
    }
    return rc;
}

int
s3_xml_uploads_parse(const char *text, size_t len, const char *key, struct s3_xml_uploads *ret,
                     struct errinfo *ei)
{
    struct uploads_reader ur = {.uploads = ret, .key = key};
    int rc = s3_xml_parse(text, len, read_upload_element, &ur, ei);

    if (rc == E_OK && !ur.root_seen)
        rc =
            errinfo_set(ei, E_INVALID, "XML: the root element is not <ListMultipartUploadsResult>");
    if (rc < 0)
        s3_xml_uploads_done(ret);
    return rc;
}

void
s3_xml_uploads_done(struct s3_xml_uploads *uploads)
{
    size_t i;

    for (i = 0; i < uploads->count; i++)
        free(uploads->list[i].id);
    free(uploads->list);
    memset(uploads, 0, sizeof(*uploads));
}

int
s3_xml_complete_parse(const char *text, size_t len, struct s3_xml_complete *ret, struct errinfo *ei)
{
    struct s3_xml_complete c;
    const struct text_field field = {"CompleteMultipartUploadResult/ETag", c.etag, sizeof(c.etag)};
    int rc;

    memset(&c, 0, sizeof(c));
    c.failed = s3_xml_error_parse(text, len, &c.error, NULL) == E_OK;
    rc = c.failed ? E_OK : read_fields(text, len, "CompleteMultipartUploadResult", &field, 1, ei);
    if (rc == E_OK)
        *ret = c;
    return rc;
}
