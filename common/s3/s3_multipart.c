#include "common/s3/s3_multipart.h"

#define MIB         (1024LL * 1024)
#define PARTS_AIMED 9000

enum part_phase { PART_WAITING, PART_IN_AIR, PART_DONE };

struct s3_part_state {
    enum part_phase phase;
    char *etag; /* once done */
};

int64_t
s3_multipart_part_bytes(int64_t bytes, int64_t wished)
{
    int64_t least = (bytes + PARTS_AIMED - 1) / PARTS_AIMED;
    int64_t part = wished > least ? wished : least;

    if (part < S3_PART_MIN)
        part = S3_PART_MIN;
    return (part + MIB - 1) / MIB * MIB;
}

int
s3_multipart_init(struct s3_multipart *m, int64_t bytes, int64_t wished_part_bytes, unsigned window,
                  struct errinfo *ei)
{
    int64_t part_bytes = s3_multipart_part_bytes(bytes, wished_part_bytes);

    if (bytes <= 0)
        return errinfo_set(ei, E_INVALID, "an empty file cannot go in parts");
    if (part_bytes > S3_PART_MAX)
        return errinfo_set(ei, E_INVALID, "a file of %lld bytes is too large for S3",
                           (long long)bytes);
    memset(m, 0, sizeof(*m));
    m->bytes = bytes;
    m->part_bytes = part_bytes;
    m->parts = (unsigned)((bytes + part_bytes - 1) / part_bytes);
    m->window = window > 0 ? window : 1;
    m->states = mem_zalloc(m->parts * sizeof(*m->states));
    return E_OK;
}

void
s3_multipart_restart(struct s3_multipart *m)
{
    unsigned i;

    for (i = 0; i < m->parts; i++) {
        free(m->states[i].etag);
        m->states[i] = (struct s3_part_state){PART_WAITING, NULL};
    }
    m->in_air = m->done = m->search_from = 0;
    m->done_bytes = 0;
}

void
s3_multipart_done(struct s3_multipart *m)
{
    if (m->states != NULL)
        s3_multipart_restart(m);
    free(m->states);
    memset(m, 0, sizeof(*m));
}

static struct s3_part
part_of(const struct s3_multipart *m, unsigned number)
{
    struct s3_part p = {.number = number, .offset = (number - 1) * m->part_bytes};

    p.bytes = number < m->parts ? m->part_bytes : m->bytes - p.offset;
    return p;
}

static void
set_done(struct s3_multipart *m, unsigned number, const char *etag)
{
    struct s3_part_state *s = &m->states[number - 1];

    s->phase = PART_DONE;
    s->etag = mem_strdup(etag);
    m->done++;
    m->done_bytes += part_of(m, number).bytes;
}

bool
s3_multipart_have(struct s3_multipart *m, unsigned number, int64_t bytes, const char *etag)
{
    if (number < 1 || number > m->parts || m->states[number - 1].phase != PART_WAITING ||
        part_of(m, number).bytes != bytes || etag[0] == '\0')
        return false;
    set_done(m, number, etag);
    return true;
}

enum s3_multipart_step
s3_multipart_next(struct s3_multipart *m, struct s3_part *ret)
{
    if (m->done == m->parts)
        return S3_MULTIPART_COMPLETE;
    if (m->in_air >= m->window)
        return S3_MULTIPART_WAIT;
    while (m->search_from < m->parts && m->states[m->search_from].phase != PART_WAITING)
        m->search_from++;
    if (m->search_from == m->parts)
        return S3_MULTIPART_WAIT;
    m->states[m->search_from].phase = PART_IN_AIR;
    m->in_air++;
    *ret = part_of(m, m->search_from + 1);
    return S3_MULTIPART_SEND;
}

static void
land(struct s3_multipart *m, unsigned number)
{
    if (number < 1 || number > m->parts || m->states[number - 1].phase != PART_IN_AIR)
        bug("part %u of %u is not in the air", number, m->parts);
    m->in_air--;
}

void
s3_multipart_sent(struct s3_multipart *m, unsigned number, const char *etag)
{
    land(m, number);
    set_done(m, number, etag);
}

void
s3_multipart_failed(struct s3_multipart *m, unsigned number)
{
    land(m, number);
    m->states[number - 1].phase = PART_WAITING;
    if (number - 1 < m->search_from)
        m->search_from = number - 1;
}

static void
put_escaped(struct buf *out, const char *s)
{
    for (; *s != '\0'; s++) {
        if (strchr("&<>\"'", *s) != NULL)
            buf_printf(out, "&#%d;", *s);
        else
            buf_putc(out, *s);
    }
}

void
s3_multipart_complete_body(const struct s3_multipart *m, struct buf *out)
{
    unsigned i;

    buf_puts(out, "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
    for (i = 0; i < m->parts; i++) {
        buf_printf(out, "<Part><PartNumber>%u</PartNumber><ETag>", i + 1);
        put_escaped(out, m->states[i].etag);
        buf_puts(out, "</ETag></Part>");
    }
    buf_puts(out, "</CompleteMultipartUpload>");
}
