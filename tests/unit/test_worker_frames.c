/* worker/frames and worker/sandbox: what crosses the pipe, and what a runner can no longer do. */

#include "common/base/fs.h"
#include "worker/frames.h"
#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void
frames_come_out_whole(void **state)
{
    struct buf out = BUF_INIT(FRAME_MAX), in = BUF_INIT(FRAME_MAX);
    struct json_writer w;
    struct json *j;
    struct errinfo ei;
    int pair[2], i;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
    for (i = 0; i < 3; i++) {
        frame_begin(&w, &out, "sealed");
        json_w_kv_int(&w, "index", i);
        json_w_kv_string(&w, "text", "line\nbreak");
        assert_int_equal(frame_send(pair[0], &w, &ei), E_OK);
    }
    assert_int_equal(frame_next(&in, &j, &ei), 0);
    assert_int_equal(frame_receive(pair[1], &in, 0, &ei), 1);
    for (i = 0; i < 3; i++) {
        assert_int_equal(frame_next(&in, &j, &ei), 1);
        assert_int_equal(json_get_int(j, "index", -1), i);
        assert_string_equal(json_get_string(j, "text", ""), "line\nbreak");
        json_free(j);
    }
    assert_int_equal(frame_receive(pair[1], &in, MSG_DONTWAIT, &ei), 0);
    assert_int_equal(send(pair[0], "{]\n", 3, 0), 3);
    assert_int_equal(frame_receive(pair[1], &in, 0, &ei), 1);
    assert_int_equal(frame_next(&in, &j, &ei), E_INVALID);
    close(pair[0]);
    assert_int_equal(frame_receive(pair[1], &in, 0, &ei), E_LOST);
    frame_begin(&w, &out, "go");
    assert_int_equal(frame_send(pair[1], &w, &ei), E_LOST);
    close(pair[1]);
    buf_done(&out);
    buf_done(&in);
}

static bool
may_open(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static bool
may_connect(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(9)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), rc;

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    rc = connect(fd, (struct sockaddr *)&a, sizeof(a));
    rc = rc < 0 && errno != ECONNREFUSED;
    close(fd);
    return rc == 0;
}

/* Bit by bit what the sandboxed child could not do as it should. */
static int
try_inside(const char *data, const char *slot)
{
    char path[256];
    int bad = 0;

    snprintf(path, sizeof(path), "%s/t.csv", data);
    bad |= may_open(path, O_RDONLY) ? 0 : 1;
    bad |= may_open(path, O_WRONLY) ? 2 : 0;
    snprintf(path, sizeof(path), "%s/new", data);
    bad |= may_open(path, O_WRONLY | O_CREAT) ? 4 : 0;
    snprintf(path, sizeof(path), "%s/chunk", slot);
    bad |= may_open(path, O_RDWR | O_CREAT | O_TRUNC) ? 0 : 8;
    bad |= unlink(path) == 0 ? 0 : 16;
    bad |= may_open("/etc/passwd", O_RDONLY) ? 32 : 0;
    if (sandbox_landlock_abi() >= 4)
        bad |= may_connect() ? 64 : 0;
    return bad;
}

static void
sandbox_keeps_to_its_folders(void **state)
{
    char data[] = "/tmp/bucketline-data-XXXXXX", slot[] = "/tmp/bucketline-slot-XXXXXX";
    struct config *cfg = config_new();
    char *set, *file;
    struct errinfo ei;
    bool missing;
    int status;
    pid_t pid;

    (void)state;
    if (sandbox_landlock_abi() == 0)
        skip();
    assert_non_null(mkdtemp(data));
    assert_non_null(mkdtemp(slot));
    file = mem_printf("%s/t.csv", data);
    assert_int_equal(fs_replace_file(file, "a\n", 2, 0600, &ei), E_OK);
    set = mem_printf("duckdb.data_dir=%s", data);
    assert_int_equal(config_set(cfg, set, &ei), E_OK);
    pid = fork();
    if (pid == 0) {
        if (sandbox_enter(cfg, slot, false, &missing, &ei) < 0)
            _exit(255);
        _exit(try_inside(data, slot));
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_int_equal(fs_remove_tree(AT_FDCWD, data, true, &ei), E_OK);
    assert_int_equal(fs_remove_tree(AT_FDCWD, slot, true, &ei), E_OK);
    free(file);
    free(set);
    config_free(cfg);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_come_out_whole),
        cmocka_unit_test(sandbox_keeps_to_its_folders),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
