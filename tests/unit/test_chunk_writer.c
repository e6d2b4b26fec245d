#include "common/base/clock.h"
#include "common/base/fs.h"
#include "worker/chunk/chunk_writer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <cmocka.h>

#define HEADER   "id,text\n"
#define PASSWORD "correct horse battery"

/* What the writer reported. */
struct seen {
    char dir[64];
    int fd;
    unsigned count;
    unsigned index[512];
    struct chunk_file file[512];
    char name[512][64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int answer; /* what the callback gives back */
};

static int
on_sealed(void *ctx, unsigned index, const struct chunk_file *f, struct errinfo *ei)
{
    struct seen *s = ctx;

    pthread_mutex_lock(&s->lock);
    if (s->count < ARRAY_LEN(s->file)) {
        s->index[s->count] = index;
        s->file[s->count] = *f;
        snprintf(s->name[s->count], sizeof(s->name[0]), "%s", f->tmp_name);
    }
    s->count++;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return s->answer < 0 ? errinfo_set(ei, s->answer, "the callback says no") : 0;
}

static void
seen_init(struct seen *s)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "%s/bl-chunk-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(s->dir));
    s->fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->fd >= 0);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
}

static void
seen_done(struct seen *s)
{
    struct errinfo ei;

    close(s->fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, s->dir, true, &ei), 0);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
}

static size_t
files_in(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    size_t n = 0;

    while ((e = readdir(d)) != NULL)
        n += e->d_name[0] != '.';
    closedir(d);
    return n;
}

static struct chunker_options
options(struct seen *s, struct buf *header, const char *format)
{
    return (struct chunker_options){
        .format = format,
        .entry_stem = "job",
        .max_bytes = INT64_MAX,
        .threads = 2,
        .first_index = 1,
        .slot_fd = s->fd,
        .header = header,
        .sealed = on_sealed,
        .ctx = s,
    };
}

/* Rows that compress like real ones; noise: hardly. */
static void
put_row(struct buf *b, int64_t id, bool noise)
{
    uint64_t h = (uint64_t)id * 0x9e3779b97f4a7c15u;

    if (noise)
        buf_printf(b, "%lld,%016llx%016llx%016llx\n", (long long)id, (unsigned long long)h,
                   (unsigned long long)(h * h), (unsigned long long)(h * 31 + 7));
    else
        buf_printf(b, "%lld,GET /path/%u/item?user=%u HTTP/1.1\n", (long long)id,
                   (unsigned)(h >> 60), (unsigned)(h >> 50 & 1023));
}

struct feed {
    int64_t rows;
    size_t block_bytes;
    bool noise;
    int64_t cut_rows; /* 0: no cuts by rows */
};

/* Feeds rows 0 .. rows in blocks; the CSV without header is appended to all. */
static int
feed(struct chunker *c, const struct feed *f, struct buf *all, struct errinfo *ei)
{
    struct chunk_block b = {.csv = BUF_INIT(64 << 20)};
    int rc = 0;

    for (int64_t i = 0; rc == 0 && i < f->rows; i++) {
        b.last_row_at = b.csv.len;
        put_row(&b.csv, i, f->noise);
        b.rows++;
        b.last_event_ms = 1000 + i;
        b.cut = f->cut_rows > 0 && (i + 1) % f->cut_rows == 0;
        if (!b.cut && b.csv.len < f->block_bytes && i + 1 < f->rows)
            continue;
        buf_append(all, b.csv.data, b.csv.len);
        rc = chunker_block(c, &b, ei);
        if (rc == 0) {
            assert_int_equal(b.csv.len, 0);
            assert_int_equal(b.rows, 0);
            assert_false(b.cut);
        }
    }
    buf_done(&b.csv);
    return rc;
}

static void
run_command(const char *cmd, struct buf *out)
{
    char part[65536];
    FILE *p = popen(cmd, "r");
    size_t n;

    assert_non_null(p);
    buf_reset(out);
    while ((n = fread(part, 1, sizeof(part), p)) > 0)
        buf_append(out, part, n);
    if (pclose(p) != 0)
        fail_msg("'%s' failed", cmd);
    assert_false(out->failed);
}

static bool
have(const char *program)
{
    char cmd[128];

    snprintf(cmd, sizeof(cmd), "command -v %s >/dev/null", program);
    return system(cmd) == 0;
}

/* The content of file i by another program; with: its command line, %s the path. */
static void
read_file_with(const struct seen *s, unsigned i, const char *before, const char *after,
               struct buf *out)
{
    char cmd[512];

    snprintf(cmd, sizeof(cmd), "%s %s/%s %s", before, s->dir, s->name[i], after);
    run_command(cmd, out);
}

/* Each file begins with the header; without it, one behind the other, they are all rows once. */
static void
check_files(const struct seen *s, const char *before, const char *after, const struct buf *all)
{
    struct buf content = BUF_INIT(256 << 20), joined = BUF_INIT(256 << 20);
    char hex[DIGEST_SHA256_HEX + 1];
    const char *last;

    for (unsigned i = 0; i < s->count; i++) {
        read_file_with(s, i, before, after, &content);
        assert_true(content.len >= strlen(HEADER));
        assert_memory_equal(content.data, HEADER, strlen(HEADER));
        assert_int_equal(content.len, s->file[i].content_bytes);
        digest_sha256_hex(content.data, content.len, hex);
        assert_string_equal(s->file[i].content_sha256, hex);
        last = content.data + content.len - 1;
        while (last > content.data && last[-1] != '\n')
            last--;
        if (s->file[i].end > s->file[i].start) {
            digest_sha256_hex(last, (size_t)(content.data + content.len - last), hex);
            assert_string_equal(s->file[i].last_row_sha256, hex);
            assert_int_equal(s->file[i].last_event_ms, 1000 + s->file[i].end - 1);
        }
        buf_append(&joined, content.data + strlen(HEADER), content.len - strlen(HEADER));
        assert_int_equal(s->file[i].start, i == 0 ? 0 : s->file[i - 1].end);
        assert_int_equal(s->index[i], i + 1);
    }
    assert_int_equal(joined.len, all->len);
    assert_string_equal(buf_str(&joined), buf_str(all));
    buf_done(&content);
    buf_done(&joined);
}

/* Size and hash as reported are those of the file. */
static void
check_file_facts(const struct seen *s)
{
    char path[160], hex[DIGEST_SHA256_HEX + 1];
    struct errinfo ei;
    char *data;
    size_t n;

    for (unsigned i = 0; i < s->count; i++) {
        snprintf(path, sizeof(path), "%s/%s", s->dir, s->name[i]);
        assert_int_equal(fs_read_file(path, 256 << 20, &data, &n, &ei), 0);
        assert_int_equal(n, s->file[i].bytes);
        digest_sha256_hex(data, n, hex);
        assert_string_equal(s->file[i].file_sha256, hex);
        free(data);
    }
    assert_int_equal(files_in(s->dir), s->count);
}

/* RFC 1952, one member: inflate ends with nothing left over. */
static void
check_single_member(const struct seen *s)
{
    unsigned char *out = malloc(1 << 20);
    char path[160];
    struct errinfo ei;
    char *data;
    size_t n;
    int rc;

    for (unsigned i = 0; i < s->count; i++) {
        z_stream z = {0};

        snprintf(path, sizeof(path), "%s/%s", s->dir, s->name[i]);
        assert_int_equal(fs_read_file(path, 256 << 20, &data, &n, &ei), 0);
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        z.next_in = (unsigned char *)data;
        z.avail_in = (unsigned)n;
        do {
            z.next_out = out;
            z.avail_out = 1 << 20;
            rc = inflate(&z, Z_NO_FLUSH);
        } while (rc == Z_OK);
        assert_int_equal(rc, Z_STREAM_END);
        assert_int_equal(z.avail_in, 0);
        inflateEnd(&z);
        free(data);
    }
    free(out);
}

static void
write_all(struct seen *s, struct chunker_options *o, const struct feed *f, struct buf *all)
{
    struct errinfo ei = ERRINFO_INIT;
    struct chunker *c = NULL;

    assert_int_equal(chunker_open(o, &c, &ei), 0);
    if (feed(c, f, all, &ei) < 0 || chunker_finish(c, &ei) < 0)
        fail_msg("%s", ei.msg);
    chunker_close(c);
    (void)s;
}

struct format_row {
    const char *name;
    const char *format;
    enum chunk_level level;
    const char *password;
    const char *program, *before, *after;
    bool zipcrypto;
};

static const struct format_row formats[] = {
    {"gzip fast", "gzip", CHUNK_FAST, NULL, "zcat", "zcat", "", false},
    {"gzip balanced", "gzip", CHUNK_BALANCED, NULL, "zcat", "zcat", "", false},
    {"gzip best", "gzip", CHUNK_BEST, NULL, "zcat", "zcat", "", false},
    {"zip by 7z", "zip", CHUNK_FAST, NULL, "7z", "7z x -so", "", false},
    {"zip by bsdtar", "zip", CHUNK_BALANCED, NULL, "bsdtar", "bsdtar -xOf", "", false},
    {"zip by unzip", "zip", CHUNK_FAST, NULL, "unzip", "unzip -p", "", false},
    {"AES zip by 7z", "zip", CHUNK_FAST, PASSWORD, "7z", "7z x -so '-p" PASSWORD "'", "", false},
    {"AES zip by bsdtar", "zip", CHUNK_BEST, PASSWORD, "bsdtar",
     "bsdtar --passphrase '" PASSWORD "' -xOf", "", false},
    {"plain", "plain", CHUNK_FAST, NULL, "cat", "cat", "", false},
    {"old cipher by unzip", "zip", CHUNK_FAST, PASSWORD, "unzip", "unzip -p -P '" PASSWORD "'", "",
     true},
    {"old cipher by 7z", "zip", CHUNK_BEST, PASSWORD, "7z", "7z x -so '-p" PASSWORD "'", "", true},
};

static void
test_formats(void **state)
{
    static const struct feed feeds[] = {
        {30000, 1 << 20, false, 0},
        {60000, 100000, true, 0},
        {500, 700, false, 0},
        {1, 1, false, 0},
    };
    struct buf header = BUF_INIT(100);

    (void)state;
    buf_puts(&header, HEADER);
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (!have(formats[i].program)) {
            print_message("%s: no %s here, skipped\n", formats[i].name, formats[i].program);
            continue;
        }
        for (size_t k = 0; k < ARRAY_LEN(feeds); k++) {
            struct buf all = BUF_INIT(64 << 20);
            struct seen s;
            struct chunker_options o;

            seen_init(&s);
            o = options(&s, &header, formats[i].format);
            o.level = formats[i].level;
            o.password = formats[i].password;
            o.zipcrypto = formats[i].zipcrypto;
            write_all(&s, &o, &feeds[k], &all);
            assert_int_equal(s.count, 1);
            check_files(&s, formats[i].before, formats[i].after, &all);
            check_file_facts(&s);
            if (strcmp(formats[i].format, "gzip") == 0)
                check_single_member(&s);
            buf_done(&all);
            seen_done(&s);
        }
    }
    buf_done(&header);
}

/* Files are cut when they reach the size, and are larger by one compressed block at most. */
static void
test_cuts(void **state)
{
    static const struct {
        const char *format;
        enum chunk_level level;
        const char *before;
        int64_t max_bytes;
        size_t block_bytes;
        size_t slack; /* the largest compressed block, and what the format adds */
    } rows[] = {
        {"gzip", CHUNK_FAST, "zcat", 20000, 16384, 16384},
        {"gzip", CHUNK_FAST, "zcat", 30000, 4096, 4096},
        {"gzip", CHUNK_BALANCED, "zcat", 20000, 100, 200},
        {"gzip", CHUNK_BEST, "zcat", 1, 50000, 50000},
        {"zip", CHUNK_FAST, "7z x -so", 30000, 8192, 8192},
        {"plain", CHUNK_FAST, "cat", 100000, 10000, 10100},
        {"plain", CHUNK_FAST, "cat", 1, 10000, 10100},
    };
    struct buf header = BUF_INIT(100);

    (void)state;
    buf_puts(&header, HEADER);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct feed f = {20000, rows[i].block_bytes, rows[i].block_bytes > 5000, 0};
        struct buf all = BUF_INIT(64 << 20);
        struct seen s;
        struct chunker_options o;

        if (strcmp(rows[i].format, "zip") == 0 && !have("7z"))
            continue;
        seen_init(&s);
        o = options(&s, &header, rows[i].format);
        o.level = rows[i].level;
        o.max_bytes = rows[i].max_bytes;
        write_all(&s, &o, &f, &all);
        assert_true(s.count > 3 && s.count < ARRAY_LEN(s.file));
        check_files(&s, rows[i].before, "", &all);
        check_file_facts(&s);
        for (unsigned k = 0; k < s.count; k++) {
            if (s.file[k].bytes >= rows[i].max_bytes + (int64_t)rows[i].slack)
                fail_msg("row %zu, file %u: got %lld bytes, want less than %lld + %zu", i, k,
                         (long long)s.file[k].bytes, (long long)rows[i].max_bytes, rows[i].slack);
            if (k + 1 < s.count && s.file[k].bytes + 1024 < rows[i].max_bytes)
                fail_msg("row %zu, file %u: got %lld bytes, want about %lld", i, k,
                         (long long)s.file[k].bytes, (long long)rows[i].max_bytes);
        }
        buf_done(&all);
        seen_done(&s);
    }
    buf_done(&header);
}

/* Files of exactly so many rows, the last one shorter; sizes may cut in between. */
static void
test_cuts_by_rows(void **state)
{
    static const struct {
        const char *format, *before;
        int64_t rows, cut_rows, max_bytes;
        size_t block_bytes;
        unsigned files; /* 0: by size as well */
    } rows[] = {
        {"gzip", "zcat", 1000, 100, INT64_MAX, 1000, 10}, /* several blocks a file */
        {"gzip", "zcat", 1001, 100, INT64_MAX, 1 << 20, 11},
        {"gzip", "zcat", 300, 1, INT64_MAX, 1 << 20, 300},
        {"plain", "cat", 99, 100, INT64_MAX, 500, 1},
        {"plain", "cat", 100, 100, INT64_MAX, 500, 1}, /* nothing behind the last cut */
        {"gzip", "zcat", 20000, 5000, 20000, 4096, 0},
    };
    struct buf header = BUF_INIT(100);

    (void)state;
    buf_puts(&header, HEADER);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct feed f = {rows[i].rows, rows[i].block_bytes, true, rows[i].cut_rows};
        struct buf all = BUF_INIT(64 << 20);
        struct seen s;
        struct chunker_options o;
        int64_t n;

        seen_init(&s);
        o = options(&s, &header, rows[i].format);
        o.max_bytes = rows[i].max_bytes;
        write_all(&s, &o, &f, &all);
        check_files(&s, rows[i].before, "", &all);
        if (rows[i].files != 0)
            assert_int_equal(s.count, rows[i].files);
        else
            assert_true(s.count > 20000 / 5000);
        for (unsigned k = 0; k < s.count; k++) {
            n = s.file[k].end - s.file[k].start;
            assert_true(n <= rows[i].cut_rows);
            if (rows[i].files != 0 && k + 1 < s.count)
                assert_int_equal(n, rows[i].cut_rows);
            /* No file reaches across a cut. */
            assert_int_equal(s.file[k].start / rows[i].cut_rows,
                             (s.file[k].end - 1) / rows[i].cut_rows);
        }
        buf_done(&all);
        seen_done(&s);
    }
    buf_done(&header);
}

static void
wait_for_count(struct seen *s, unsigned count)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 20;
    pthread_mutex_lock(&s->lock);
    while (s->count < count) {
        if (pthread_cond_timedwait(&s->changed, &s->lock, &until) == ETIMEDOUT)
            fail_msg("no file after 20 s");
    }
    pthread_mutex_unlock(&s->lock);
}

/* The age of a file ends it although no block comes any more; the rows after it start a new one. */
static void
test_age(void **state)
{
    struct buf header = BUF_INIT(100), all = BUF_INIT(1 << 20);
    struct errinfo ei = ERRINFO_INIT;
    struct chunker *c = NULL;
    struct chunker_options o;
    struct seen s;
    int64_t begin;

    (void)state;
    buf_puts(&header, HEADER);
    seen_init(&s);
    o = options(&s, &header, "gzip");
    o.max_age_ms = 150;
    assert_int_equal(chunker_open(&o, &c, &ei), 0);
    begin = clock_mono_ms();
    assert_int_equal(feed(c, &(struct feed){100, 1000, false, 0}, &all, &ei), 0);
    wait_for_count(&s, 1);
    assert_true(clock_mono_ms() - begin >= 150);
    assert_int_equal(s.file[0].end, 100);
    assert_int_equal(chunker_open_bytes(c), 0);
    assert_int_equal(feed(c, &(struct feed){7, 1000, false, 0}, &all, &ei), 0);
    assert_int_equal(chunker_finish(c, &ei), 0);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.file[1].start, 100);
    assert_int_equal(s.file[1].end, 107);
    chunker_close(c);
    buf_done(&header);
    buf_done(&all);
    seen_done(&s);
}

static void
test_no_rows(void **state)
{
    static const char *const names[] = {"gzip", "zip", "plain"};
    static const char *const readers[] = {"zcat", "7z x -so", "cat"};
    struct buf header = BUF_INIT(100), all = BUF_INIT(100);

    (void)state;
    buf_puts(&header, HEADER);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        for (int wanted = 0; wanted < 2; wanted++) {
            struct chunker_options o;
            struct seen s;

            if (i == 1 && !have("7z"))
                continue;
            seen_init(&s);
            o = options(&s, &header, names[i]);
            o.empty_file = wanted != 0;
            write_all(&s, &o, &(struct feed){0, 1000, false, 0}, &all);
            assert_int_equal(s.count, wanted);
            if (wanted != 0) {
                check_files(&s, readers[i], "", &all);
                assert_int_equal(s.file[0].end, 0);
            }
            check_file_facts(&s);
            seen_done(&s);
        }
    }
    buf_done(&header);
    buf_done(&all);
}

/* Numbers go on where another attempt ended. */
static void
test_resume_numbers(void **state)
{
    struct buf header = BUF_INIT(100), all = BUF_INIT(1 << 20);
    struct chunker_options o;
    struct seen s;

    (void)state;
    buf_puts(&header, HEADER);
    seen_init(&s);
    o = options(&s, &header, "plain");
    o.first_index = 41;
    o.first_row = 1000;
    o.max_bytes = 2000;
    write_all(&s, &o, &(struct feed){100, 500, false, 0}, &all);
    assert_true(s.count >= 2);
    assert_int_equal(s.index[0], 41);
    assert_int_equal(s.file[0].start, 1000);
    assert_int_equal(s.index[1], 42);
    assert_int_equal(s.file[s.count - 1].end, 1100);
    assert_string_equal(s.name[0], "chunk-41.csv");
    buf_done(&header);
    buf_done(&all);
    seen_done(&s);
}

/* An unfinished file is removed; finished ones stay. */
static void
test_close_without_finish(void **state)
{
    struct buf header = BUF_INIT(100), all = BUF_INIT(16 << 20);
    struct errinfo ei = ERRINFO_INIT;
    struct chunker *c = NULL;
    struct chunker_options o;
    struct seen s;

    (void)state;
    buf_puts(&header, HEADER);
    seen_init(&s);
    o = options(&s, &header, "zip");
    o.max_bytes = 50000;
    assert_int_equal(chunker_open(&o, &c, &ei), 0);
    assert_int_equal(feed(c, &(struct feed){20000, 5000, true, 0}, &all, &ei), 0);
    wait_for_count(&s, 1);
    chunker_close(c);
    check_file_facts(&s);
    buf_done(&header);
    buf_done(&all);
    seen_done(&s);
}

/* What goes wrong in the writer comes out of block or finish, and nothing stays behind. */
static void
test_callback_error(void **state)
{
    struct buf header = BUF_INIT(100), all = BUF_INIT(64 << 20);
    struct errinfo ei = ERRINFO_INIT;
    struct chunker *c = NULL;
    struct chunker_options o;
    struct seen s;
    int rc;

    (void)state;
    buf_puts(&header, HEADER);
    seen_init(&s);
    s.answer = E_LOST;
    o = options(&s, &header, "gzip");
    o.max_bytes = 20000;
    assert_int_equal(chunker_open(&o, &c, &ei), 0);
    rc = feed(c, &(struct feed){200000, 4000, true, 0}, &all, &ei);
    if (rc == 0)
        rc = chunker_finish(c, &ei);
    assert_int_equal(rc, E_LOST);
    assert_string_equal(ei.msg, "the callback says no");
    assert_int_equal(s.count, 1);
    assert_int_equal(chunker_finish(c, &ei), E_LOST);
    chunker_close(c);
    assert_int_equal(files_in(s.dir), 1);
    buf_done(&header);
    buf_done(&all);
    seen_done(&s);
}

/* A limit of the file's size stands for the full disk where none can be mounted; then the code is
 * that of EFBIG. With a full disk (a tmpfs, as root) it must be E_NOSPACE. */
static void
test_disk_full(void **state)
{
    static const char *const names[] = {"gzip", "zip", "plain"};
    struct buf header = BUF_INIT(100);
    char cmd[160];

    (void)state;
    buf_puts(&header, HEADER);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf all = BUF_INIT(64 << 20);
        struct errinfo ei = ERRINFO_INIT;
        struct chunker *c = NULL;
        struct chunker_options o;
        struct seen s;
        int rc;

        seen_init(&s);
        snprintf(cmd, sizeof(cmd), "mount -t tmpfs -o size=256k bl-test %s 2>/dev/null", s.dir);
        if (geteuid() != 0 || system(cmd) != 0) {
            print_message("no tmpfs can be mounted here, skipped\n");
            seen_done(&s);
            break;
        }
        close(s.fd);
        s.fd = open(s.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        o = options(&s, &header, names[i]);
        /* The zip fits as raw data and fails when the archive is built beside it. */
        assert_int_equal(chunker_open(&o, &c, &ei), 0);
        rc = feed(c, &(struct feed){i == 1 ? 6000 : 20000, 5000, true, 0}, &all, &ei);
        if (rc == 0)
            rc = chunker_finish(c, &ei);
        chunker_close(c);
        print_message("%s: %s\n", names[i], ei.msg);
        assert_int_equal(rc, E_NOSPACE);
        assert_int_equal(s.count, 0);
        assert_int_equal(files_in(s.dir), 0);
        close(s.fd);
        snprintf(cmd, sizeof(cmd), "umount %s", s.dir);
        assert_int_equal(system(cmd), 0);
        s.fd = open(s.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        buf_done(&all);
        seen_done(&s);
    }
    buf_done(&header);
}

static void
test_refusals(void **state)
{
    struct buf header = BUF_INIT(100);
    struct errinfo ei = ERRINFO_INIT;
    struct chunker *c = NULL;
    struct chunker_options o;
    struct seen s;

    (void)state;
    seen_init(&s);
    o = options(&s, &header, "rar");
    assert_int_equal(chunker_open(&o, &c, &ei), E_INVALID);
    assert_string_equal(ei.msg, "unknown file format 'rar'");
    o = options(&s, &header, "gzip");
    o.password = PASSWORD;
    assert_int_equal(chunker_open(&o, &c, &ei), E_INVALID);
    assert_null(strstr(ei.msg, PASSWORD));
    seen_done(&s);
}

/* A password must not be optional for the reader. */
static void
test_wrong_password(void **state)
{
    struct buf header = BUF_INIT(100), all = BUF_INIT(1 << 20);
    struct chunker_options o;
    struct seen s;
    char cmd[256];

    (void)state;
    if (!have("7z"))
        skip();
    buf_puts(&header, HEADER);
    seen_init(&s);
    o = options(&s, &header, "zip");
    o.password = PASSWORD;
    write_all(&s, &o, &(struct feed){100, 1000, false, 0}, &all);
    snprintf(cmd, sizeof(cmd), "7z t -pwrong %s/%s >/dev/null 2>&1", s.dir, s.name[0]);
    assert_int_not_equal(system(cmd), 0);
    snprintf(cmd, sizeof(cmd), "7z l -slt %s/%s | grep -q 'Method = AES-256 Deflate'", s.dir,
             s.name[0]);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof(cmd), "7z l -slt %s/%s | grep -q 'Path = job_001.csv'", s.dir, s.name[0]);
    assert_int_equal(system(cmd), 0);
    buf_done(&header);
    buf_done(&all);
    seen_done(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_cuts_by_rows),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_no_rows),
        cmocka_unit_test(test_resume_numbers),
        cmocka_unit_test(test_close_without_finish),
        cmocka_unit_test(test_callback_error),
        cmocka_unit_test(test_disk_full),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_wrong_password),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
