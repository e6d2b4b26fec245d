#include "common/spool/spool_internal.h"

#include "common/base/buf.h"
#include "common/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define JOB      "16cea1dd-43a4-4a0b-9f36-28bf3eb71e5c"
#define JOB2     "26cea1dd-43a4-4a0b-9f36-28bf3eb71e5c"
#define ATTEMPT  "0123456789abcdef0123456789abcdef"
#define ATTEMPT2 "1123456789abcdef0123456789abcdef"

struct fixture {
    char dir[64];
    struct config *cfg;
    struct spool *spool;
};

static struct config *
config_for(const char *dir)
{
    struct config *cfg = config_new();
    char *set = mem_printf("spool.dir=%s/spool", dir);

    assert_int_equal(config_set(cfg, set, NULL), 0);
    free(set);
    return cfg;
}

static int
setup(void **state)
{
    struct fixture *f = mem_zalloc(sizeof(*f));
    struct errinfo ei = ERRINFO_INIT;

    snprintf(f->dir, sizeof(f->dir), "/tmp/test_spool.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->cfg = config_for(f->dir);
    if (spool_open(f->cfg, &f->spool, &ei) < 0)
        fail_msg("spool_open: %s", ei.msg);
    *state = f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;

    spool_close(f->spool);
    config_free(f->cfg);
    assert_int_equal(fs_remove_tree(AT_FDCWD, f->dir, true, NULL), 0);
    free(f);
    return 0;
}

static void
put_file(int dir, const char *name, const char *text)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static bool
exists(struct fixture *f, const char *sub, const char *name)
{
    char *path = mem_printf("%s/spool/%s/%s", f->dir, sub, name);
    bool is = access(path, F_OK) == 0;

    free(path);
    return is;
}

struct seen {
    int count;
    char names[8][256];
};

static void
see_name(void *ctx, const char *name)
{
    struct seen *s = ctx;

    assert_true(s->count < 8);
    snprintf(s->names[s->count++], sizeof(s->names[0]), "%s", name);
}

static void
see_slot(void *ctx, const char *job, const char *attempt)
{
    struct seen *s = ctx;

    assert_true(s->count < 8);
    snprintf(s->names[s->count++], sizeof(s->names[0]), "%s %s", job, attempt);
}

static void
names(void **state)
{
    static const struct {
        const char *name;
        bool ok;
        unsigned index;
    } cases[] = {
        {JOB ".1." ATTEMPT, true, 1},
        {JOB ".4294967295." ATTEMPT, true, 4294967295u},
        {JOB "." ATTEMPT, true, 0},
        {JOB ".4294967296." ATTEMPT, false, 0},
        {JOB ".99999999999999999999." ATTEMPT, false, 0},
        {JOB ".0." ATTEMPT, false, 0},
        {JOB ".01." ATTEMPT, false, 0},
        {JOB ".-1." ATTEMPT, false, 0},
        {JOB "..1." ATTEMPT, false, 0},
        {JOB ".1." ATTEMPT "0", false, 0},
        {JOB ".1.0123456789ABCDEF0123456789abcdef", false, 0},
        {JOB ".1", false, 0},
        {JOB ".", false, 0},
        {JOB, false, 0},
        {"", false, 0},
        {"../" JOB ".1." ATTEMPT, false, 0},
        {"id", false, 0},
    };
    char job[IDS_UUID_LEN + 1], attempt[IDS_ATTEMPT_LEN + 1], out[96];
    unsigned index;
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        bool got = spool_name_parse(cases[i].name, job, &index, attempt);

        if (got != cases[i].ok)
            fail_msg("'%s': got %d, want %d", cases[i].name, got, cases[i].ok);
        if (!got)
            continue;
        if (index != cases[i].index || strcmp(job, JOB) != 0 || strcmp(attempt, ATTEMPT) != 0)
            fail_msg("'%s': got %s %u %s", cases[i].name, job, index, attempt);
        if (index > 0) {
            spool_name_format(out, job, index, attempt);
            assert_string_equal(out, cases[i].name);
        }
    }
}

static void
id_is_kept(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct spool *again;
    char *path = mem_printf("%s/spool/id", f->dir);

    assert_int_equal(spool_open(f->cfg, &again, &ei), 0);
    assert_string_equal(spool_id(again), spool_id(f->spool));
    spool_close(again);
    assert_int_equal(fs_replace_file(path, "junk\n", 5, 0600, &ei), 0);
    assert_int_equal(spool_open(f->cfg, &again, &ei), E_PERMANENT);
    assert_non_null(strstr(ei.msg, "/id"));
    free(path);
}

static void
network_file_systems(void **state)
{
    static const struct {
        uint32_t magic;
        const char *want;
    } cases[] = {
        {0x6969, "NFS"},    {0xff534d42, "CIFS"}, {0x65735546, "FUSE"}, {0xef53, NULL},
        {0x58465342, NULL}, {0x9123683e, NULL},   {0x01021994, NULL},   {0x794c7630, NULL},
    };
    size_t i;

    (void)state;
    for (i = 0; i < ARRAY_LEN(cases); i++) {
        const char *got = spool_network_fs(cases[i].magic);

        if ((got == NULL) != (cases[i].want == NULL) ||
            (got != NULL && strcmp(got, cases[i].want) != 0))
            fail_msg("0x%x: got %s, want %s", cases[i].magic, got != NULL ? got : "local",
                     cases[i].want != NULL ? cases[i].want : "local");
    }
}

static void
unusable_folder_is_named(void **state)
{
    struct config *cfg = config_new();
    struct errinfo ei = ERRINFO_INIT;
    struct spool *s = NULL;

    (void)state;
    assert_int_equal(config_set(cfg, "spool.dir=/proc/no/such", NULL), 0);
    assert_true(spool_open(cfg, &s, &ei) < 0);
    assert_non_null(strstr(ei.msg, "/proc/no"));
    config_free(cfg);
}

static void
publish_never_replaces(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct spool_slot slot;
    char name[96], text[16] = "";
    int64_t bytes = 0;
    int fd;

    assert_int_equal(spool_slot_take(f->spool, &slot, &ei), 0);
    put_file(slot.fd, "chunk", "first");
    assert_int_equal(spool_publish(f->spool, &slot, "chunk", JOB, 3, ATTEMPT, &ei), 0);
    assert_int_equal(faccessat(slot.fd, "chunk", F_OK, 0), -1);
    put_file(slot.fd, "chunk", "second");
    assert_int_equal(spool_publish(f->spool, &slot, "chunk", JOB, 3, ATTEMPT, &ei), E_CONFLICT);

    spool_name_format(name, JOB, 3, ATTEMPT);
    assert_int_equal(spool_open_ready(f->spool, name, &fd, &bytes, &ei), 0);
    assert_int_equal(bytes, 5);
    assert_int_equal(read(fd, text, sizeof(text)), 5);
    assert_string_equal(text, "first");
    close(fd);

    assert_int_equal(spool_remove_ready(f->spool, name, &ei), 0);
    assert_int_equal(spool_remove_ready(f->spool, name, &ei), 0);
    assert_int_equal(spool_open_ready(f->spool, name, &fd, &bytes, &ei), E_NOT_FOUND);
    assert_int_equal(spool_open_ready(f->spool, "../id", &fd, &bytes, &ei), E_INVALID);
    assert_int_equal(spool_remove_ready(f->spool, "../id", &ei), E_INVALID);
    assert_true(exists(f, ".", "id"));
    spool_slot_drop(f->spool, &slot);
}

static void
bad_names_are_ignored(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct seen seen = {0};
    int ready = spool_ready_fd(f->spool);

    put_file(ready, JOB ".1." ATTEMPT, "x");
    put_file(ready, JOB "." ATTEMPT, "a result in the wrong folder");
    put_file(ready, "README", "x");
    put_file(ready, JOB ".1." ATTEMPT ".tmp", "x");
    assert_int_equal(spool_each(f->spool, false, 0, see_name, &seen, &ei), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], JOB ".1." ATTEMPT);

    seen.count = 0;
    assert_int_equal(spool_each(f->spool, false, 3600 * 1000, see_name, &seen, &ei), 0);
    assert_int_equal(seen.count, 0);
    assert_int_equal(symlinkat("../id", ready, JOB2 ".1." ATTEMPT), 0);
    assert_true(spool_open_ready(f->spool, JOB2 ".1." ATTEMPT, &(int){0}, &(int64_t){0}, &ei) < 0);
}

static void
results_are_links(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct spool_slot a, b;
    struct seen seen = {0};
    struct stat st;
    char name[96];
    int64_t before, used, left;

    assert_int_equal(spool_slot_take(f->spool, &a, &ei), 0);
    assert_int_equal(spool_slot_take(f->spool, &b, &ei), 0);
    assert_int_equal(spool_space(f->spool, &before, &left, &ei), 0);
    put_file(a.fd, "result.parquet", "twelve bytes");
    assert_int_equal(spool_publish_result(f->spool, &a, JOB, ATTEMPT, name, &ei), 0);
    assert_string_equal(name, JOB "." ATTEMPT);
    assert_int_equal(spool_link_result(f->spool, &b, name, &ei), 0);
    assert_int_equal(fstatat(b.fd, "result.parquet", &st, 0), 0);
    assert_int_equal(st.st_size, 12);
    assert_int_equal(spool_space(f->spool, &used, &left, &ei), 0);
    assert_int_equal(used - before, 12); /* three links, one file */

    assert_int_equal(spool_each(f->spool, true, 0, see_name, &seen, &ei), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], name);
    assert_int_equal(spool_remove_result(f->spool, name, &ei), 0);
    spool_slot_drop(f->spool, &b);
    assert_int_equal(spool_slot_take(f->spool, &b, &ei), 0);
    assert_int_equal(spool_link_result(f->spool, &b, name, &ei), E_NOT_FOUND);
    assert_int_equal(spool_link_result(f->spool, &b, "../id", &ei), E_INVALID);
    spool_slot_drop(f->spool, &a);
    spool_slot_drop(f->spool, &b);
}

static void
space_is_bounded(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct spool *s;
    int64_t used, left;

    put_file(spool_ready_fd(f->spool), JOB ".1." ATTEMPT, "0123456789");
    assert_int_equal(config_set(f->cfg, "spool.limit=1M", &ei), 0);
    assert_int_equal(config_set(f->cfg, "spool.min_free=0", &ei), 0);
    assert_int_equal(spool_open(f->cfg, &s, &ei), 0);
    assert_int_equal(spool_space(s, &used, &left, &ei), 0);
    assert_true(used >= 10);
    assert_int_equal(left, 1024 * 1024 - used);
    spool_close(s);
    assert_int_equal(config_set(f->cfg, "spool.min_free=1024T", &ei), 0);
    assert_int_equal(spool_open(f->cfg, &s, &ei), 0);
    assert_int_equal(spool_space(s, &used, &left, &ei), 0);
    assert_int_equal(left, 0);
    spool_close(s);
}

/* A child that takes a slot, marks it and waits to be killed; returns once it has the slot. */
static pid_t
child_with_slot(struct fixture *f, const char *attempt)
{
    int fds[2];
    char c;
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        struct spool *s;
        struct spool_slot slot;

        if (spool_open(f->cfg, &s, NULL) < 0 || spool_slot_take(s, &slot, NULL) < 0 ||
            spool_slot_mark(&slot, JOB, attempt, NULL) < 0)
            _exit(1);
        close(openat(slot.fd, "half-written", O_WRONLY | O_CREAT, 0600));
        if (write(fds[1], "r", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], &c, 1), 1);
    close(fds[0]);
    return pid;
}

static void
dead_slots_are_recovered(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct seen seen = {0};
    pid_t alive = child_with_slot(f, ATTEMPT), dead = child_with_slot(f, ATTEMPT2);
    struct spool_slot mine;

    assert_int_equal(spool_slot_take(f->spool, &mine, &ei), 0);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 0);

    kill(dead, SIGKILL);
    assert_int_equal(waitpid(dead, NULL, 0), dead);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], JOB " " ATTEMPT2);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 1);

    kill(alive, SIGKILL);
    assert_int_equal(waitpid(alive, NULL, 0), alive);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 2);
    assert_true(exists(f, "tmp", mine.name)); /* ours is locked, by this very process */
    spool_slot_drop(f->spool, &mine);
}

/* The runner inherits lock_fd: a slot whose supervisor died is alive while the runner lives. */
static void
lock_lives_with_its_heir(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct seen seen = {0};
    struct spool_slot slot;
    pid_t heir;

    assert_int_equal(spool_slot_take(f->spool, &slot, &ei), 0);
    heir = fork();
    if (heir == 0)
        for (;;)
            pause();
    close(slot.fd);
    close(slot.lock_fd);
    free(slot.path);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 0);
    kill(heir, SIGKILL);
    assert_int_equal(waitpid(heir, NULL, 0), heir);
    assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
    assert_int_equal(seen.count, 1);
    assert_string_equal(seen.names[0], " "); /* unmarked */
}

static void
damaged_marks_say_nothing(void **state)
{
    static const char *const marks[] = {"",
                                        "junk",
                                        JOB " " ATTEMPT,
                                        JOB "\n" ATTEMPT " ",
                                        JOB " " ATTEMPT "\nmore",
                                        "../../etc/passwd-43a4-4a0b-9f36-28bf3 " ATTEMPT "\n"};
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct spool_slot slot;
    size_t i;

    for (i = 0; i < ARRAY_LEN(marks); i++) {
        struct seen seen = {0};

        assert_int_equal(spool_slot_take(f->spool, &slot, &ei), 0);
        put_file(slot.fd, "job", marks[i]);
        close(slot.fd);
        close(slot.lock_fd);
        free(slot.path);
        assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
        if (seen.count != 1 || strcmp(seen.names[0], " ") != 0)
            fail_msg("mark '%s': got '%s', want nothing", marks[i], seen.names[0]);
    }
}

/* Takers and recoverers side by side: a slot that was taken is never taken away. */
static void
take_and_recover_race(void **state)
{
    struct fixture *f = *state;
    struct errinfo ei = ERRINFO_INIT;
    struct seen seen;
    pid_t takers[2];
    int status, i, r, running = 2;

    for (i = 0; i < 2; i++) {
        takers[i] = fork();
        if (takers[i] != 0)
            continue;
        for (r = 0; r < 200; r++) {
            struct spool_slot slot;

            if (spool_slot_take(f->spool, &slot, NULL) < 0 ||
                spool_slot_mark(&slot, JOB, ATTEMPT, NULL) < 0 ||
                faccessat(AT_FDCWD, slot.path, F_OK, 0) < 0)
                _exit(1);
            spool_slot_drop(f->spool, &slot);
        }
        _exit(0);
    }
    while (running > 0) {
        seen.count = 0;
        assert_int_equal(spool_slots_recover(f->spool, see_slot, &seen, &ei), 0);
        for (i = 0; i < 2; i++) {
            if (takers[i] > 0 && waitpid(takers[i], &status, WNOHANG) == takers[i]) {
                assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
                takers[i] = 0;
                running--;
            }
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test_setup_teardown(id_is_kept, setup, teardown),
        cmocka_unit_test(network_file_systems),
        cmocka_unit_test(unusable_folder_is_named),
        cmocka_unit_test_setup_teardown(publish_never_replaces, setup, teardown),
        cmocka_unit_test_setup_teardown(bad_names_are_ignored, setup, teardown),
        cmocka_unit_test_setup_teardown(results_are_links, setup, teardown),
        cmocka_unit_test_setup_teardown(space_is_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(dead_slots_are_recovered, setup, teardown),
        cmocka_unit_test_setup_teardown(lock_lives_with_its_heir, setup, teardown),
        cmocka_unit_test_setup_teardown(damaged_marks_say_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(take_and_recover_race, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
