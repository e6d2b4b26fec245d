#include "worker/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights by ABI: kernel headers of Debian 12 stop at ABI 2, so later ones are named here. */
#define FS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define FS_EXEC (FS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define FS_WRITE                                                                                   \
    (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |                               \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG)
#define FS_OTHER                                                                                   \
    (LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO |  \
     LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
#define FS_REFER    (1ULL << 13) /* ABI 2: rename between folders */
#define FS_TRUNCATE (1ULL << 14) /* ABI 3 */
#define NET_TCP     3ULL         /* ABI 4: bind and connect */

/* struct landlock_ruleset_attr with the member of ABI 4. */
struct ruleset_attr {
    __u64 handled_access_fs;
    __u64 handled_access_net;
};

struct grant {
    const char *path;
    __u64 rights;
};

int
sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

    return abi > 0 ? (int)abi : 0;
}

static int
allow(int ruleset, const struct grant *g, __u64 handled, struct errinfo *ei)
{
    struct landlock_path_beneath_attr rule = {.allowed_access = g->rights & handled};
    int rc = E_OK;

    rule.parent_fd = open(g->path, O_PATH | O_CLOEXEC);
    if (rule.parent_fd < 0)
        return errno == ENOENT ? E_OK : errinfo_errno(ei, errno, "open '%s'", g->path);
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        rc = errinfo_errno(ei, errno, "landlock rule for '%s'", g->path);
    close(rule.parent_fd);
    return rc;
}

static int
landlock(int abi, const char *data_dir, const char *slot_dir, bool network, struct errinfo *ei)
{
    const struct grant grants[] = {
        {"/usr", FS_EXEC},
        {"/lib", FS_EXEC},
        {"/lib64", FS_EXEC},
        {"/proc", FS_READ},
        {"/sys", FS_READ},
        {"/dev/null", LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE},
        {data_dir, FS_READ},
        {slot_dir, FS_READ | FS_WRITE | FS_REFER | FS_TRUNCATE},
    };
    struct ruleset_attr attr = {.handled_access_fs = FS_EXEC | FS_WRITE | FS_OTHER};
    size_t i, size = sizeof(attr.handled_access_fs);
    int fd, rc = E_OK;

    if (abi >= 2)
        attr.handled_access_fs |= FS_REFER;
    if (abi >= 3)
        attr.handled_access_fs |= FS_TRUNCATE;
    if (abi >= 4) {
        attr.handled_access_net = network ? 0 : NET_TCP;
        size = sizeof(attr);
    }
    fd = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (fd < 0)
        return errinfo_errno(ei, errno, "landlock ruleset");
    for (i = 0; rc == E_OK && i < ARRAY_LEN(grants); i++)
        rc = allow(fd, &grants[i], attr.handled_access_fs, ei);
    if (rc == E_OK && syscall(SYS_landlock_restrict_self, fd, 0) < 0)
        rc = errinfo_errno(ei, errno, "landlock");
    close(fd);
    return rc;
}

int
sandbox_enter(const struct config *cfg, const char *slot_dir, bool network, bool *ret_missing,
              struct errinfo *ei)
{
    const char *mode = config_str(cfg, "duckdb.landlock"),
               *data = config_str(cfg, "duckdb.data_dir");
    const struct rlimit no_core = {0, 0};
    int abi = sandbox_landlock_abi();

    *ret_missing = false;
    setrlimit(RLIMIT_CORE, &no_core);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return errinfo_errno(ei, errno, "no_new_privs");
    if (strcmp(mode, "off") == 0)
        return E_OK;
    if (abi == 0) {
        *ret_missing = true;
        if (strcmp(mode, "require") == 0)
            return errinfo_set(ei, E_PERMANENT,
                               "this kernel has no Landlock, and duckdb.landlock "
                               "requires it");
        return E_OK;
    }
    return landlock(abi, data, slot_dir, network, ei);
}
