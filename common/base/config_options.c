#include "common/base/config.h"

/*
 * Every option of the system. deploy/conf/bucketline.conf shows each with its default and this
 * help; tests/unit/test_config.c holds the two together.
 */

#define KB    1024LL
#define MB    (1024 * KB)
#define GB    (1024 * MB)
#define TB    (1024 * GB)
#define DAY_S 86400LL

#define STR(s, k, def, help)                                                                       \
    {                                                                                              \
        s, k, CONFIG_STRING, def, 0, 0, NULL, NULL, help                                           \
    }
#define INT(s, k, def, lo, hi, unit, help)                                                         \
    {                                                                                              \
        s, k, CONFIG_INT, def, lo, hi, NULL, unit, help                                            \
    }
#define SIZE(s, k, def, lo, hi, help)                                                              \
    {                                                                                              \
        s, k, CONFIG_SIZE, def, lo, hi, NULL, "bytes", help                                        \
    }
#define BOOL(s, k, def, help)                                                                      \
    {                                                                                              \
        s, k, CONFIG_BOOL, def, 0, 0, NULL, NULL, help                                             \
    }
#define ENUM(s, k, def, choices, help)                                                             \
    {                                                                                              \
        s, k, CONFIG_ENUM, def, 0, 0, choices, NULL, help                                          \
    }
#define LIST(s, k, def, help)                                                                      \
    {                                                                                              \
        s, k, CONFIG_LIST, def, 0, 0, NULL, NULL, help                                             \
    }
#define SECRET(s, k, help)                                                                         \
    {                                                                                              \
        s, k, CONFIG_SECRET, "", 0, 0, NULL, NULL, help                                            \
    }

const struct config_option config_options[] = {
    STR("redis", "address", "127.0.0.1:6379", "host:port, or the path of a Unix socket"),
    INT("redis", "database", "0", 0, 15, NULL, "number of the logical database"),
    STR("redis", "user", "", "ACL user; empty = the default user"),
    SECRET("redis", "password_file", "file with the password"),
    INT("redis", "timeout_ms", "2000", 10, 60000, "ms", "longest wait for an answer"),
    BOOL("redis", "require_noeviction", "true",
         "refuse a server that may evict keys or keeps no append-only file"),

    LIST("api", "listen", "127.0.0.1:8080", "addresses to listen on, host:port"),
    BOOL("api", "allow_plain_http", "false",
         "listen for plain HTTP on addresses that are not loopback"),
    INT("api", "max_connections", "4096", 1, 100000, NULL, "open connections in all"),
    SIZE("api", "max_body", "1M", 1 * KB, 64 * MB, "largest request body"),
    SIZE("api", "max_head", "16K", 1 * KB, 1 * MB, "largest request head"),
    INT("api", "head_timeout_ms", "5000", 100, 600000, "ms", "to receive a whole head"),
    INT("api", "body_timeout_ms", "20000", 100, 600000, "ms", "to receive a whole body"),
    INT("api", "idle_timeout_ms", "60000", 100, 3600000, "ms", "between requests of a connection"),
    INT("api", "clock_skew_s", "300", 1, DAY_S, "s", "x-logtrust-timestamp may differ by this"),
    INT("api", "credential_cache_ms", "2000", 0, 5000, "ms", "a credential is read again after"),
    SECRET("api", "jwt_key_file", "file with the key of jwt tokens (HS256), 32 characters or more"),

    STR("spool", "dir", "/var/lib/bucketline/spool", "folder for chunk files, on one local disk"),
    SIZE("spool", "limit", "20G", 1 * MB, 1024 * TB, "bytes this spool may hold"),
    SIZE("spool", "min_free", "1G", 0, 1024 * TB, "disk space that is left alone"),
    SIZE("spool", "single_max", "10G", 1 * MB, 5 * TB, "largest file of multiplefile=false"),
    BOOL("spool", "allow_network_fs", "false", "accept a spool on NFS, CIFS or FUSE"),
    INT("spool", "rescan_s", "30", 1, DAY_S, "s", "look for files without a record this often"),

    ENUM("engine", "default", "duckdb", "duckdb", "engine that runs the queries"),

    STR("duckdb", "data_dir", "/var/lib/bucketline/data", "folder with the tables' files"),
    STR("duckdb", "memory_limit", "300MB", "memory_limit of the engine, in its own notation"),
    STR("duckdb", "max_temp", "20GB",
        "what a query may write to the spool while it sorts or groups, in the engine's notation"),
    INT("duckdb", "threads", "2", 1, 1024, NULL, "engine threads of a materialised query"),
    LIST("duckdb", "time_columns", "",
         "time column by table where it is not eventdate: demo.flights.data=date"),
    ENUM("duckdb", "landlock", "warn", "require|warn|off",
         "what to do where the kernel has no Landlock to guard the data folder with"),
    INT("duckdb", "max_files", "20000", 1, 1000000, NULL, "files of one table"),

    STR("clickhouse", "url", "",
        "address of the HTTP interface; for the engine to come, not read yet"),
    STR("clickhouse", "user", "default", "user of the HTTP interface; not read yet"),
    SECRET("clickhouse", "password_file", "file with the password; not read yet"),

    STR("worker", "name", "", "name of this node in job records; empty = host name and pid"),
    INT("worker", "runners", "2", 1, 1024, NULL, "jobs that run side by side"),
    INT("worker", "deflate_threads", "2", 1, 64, NULL, "compressor threads of one runner"),
    INT("worker", "heartbeat_s", "5", 1, 300, "s", "a runner silent for this long is ended"),
    INT("worker", "drain_s", "30", 1, 3600, "s", "time for a clean end after SIGTERM"),

    INT("upload", "transfers", "4", 1, 256, NULL, "files on their way at the same time"),
    SIZE("upload", "multipart_threshold", "64M", 5 * MB, 5 * GB, "larger files are sent in parts"),
    SIZE("upload", "part_size", "16M", 5 * MB, 5 * GB, "smallest part of a multipart upload"),
    INT("upload", "part_window", "2", 1, 64, NULL, "parts of one file at the same time"),
    INT("upload", "attempts", "6", 1, 1000, NULL, "tries of one request before the chunk waits"),
    INT("upload", "retry_base_ms", "200", 1, 60000, "ms", "first backoff"),
    INT("upload", "retry_cap_ms", "20000", 1, 3600000, "ms", "longest backoff"),
    INT("upload", "give_up_s", "86400", 1, 30 * DAY_S, "s",
        "a store that is away for this long stops the job"),

    STR("s3", "endpoint", "", "store for jobs that name none: http(s)://host[:port]; empty = AWS"),
    BOOL("s3", "path_style", "false", "bucket in the path instead of the host name"),
    LIST("s3", "allowed_endpoints", "", "values that a job may give as aws.endpoint"),
    STR("s3", "ca_file", "", "CA certificates for the store; empty = the system's"),
    INT("s3", "connect_timeout_ms", "10000", 100, 600000, "ms", "to connect to the store"),
    INT("s3", "stall_timeout_s", "30", 1, 3600, "s", "a transfer without progress is broken off"),

    STR("default_store", "bucket", "", "bucket of jobs without aws.*; empty = none"),
    STR("default_store", "region", "", "its region"),
    STR("default_store", "access_key", "", "its access key id"),
    SECRET("default_store", "secret_key_file", "file with its secret access key"),

    INT("job", "lease_s", "30", 2, 3600, "s", "work not renewed for this long is given away"),
    INT("job", "attempts", "5", 1, 100, NULL, "tries that sealed nothing before a job stops"),
    INT("job", "unsent_chunks", "4", 1, 10000, NULL, "finished chunks of a job not yet sent"),
    INT("job", "retention_size_min_mb", "50", 1, 500, "MB", "floor of retention.size"),
    INT("job", "retention_size_max_mb", "500", 1, 5000, "MB", "ceiling and default of it"),
    INT("job", "retention_time_min_s", "300", 1, DAY_S, "s", "floor of retention.time"),
    INT("job", "retention_time_max_s", "86400", 1, 30 * DAY_S, "s", "ceiling of retention.time"),
    INT("job", "keep_s", "2592000", 60, 3650 * DAY_S, "s", "finished jobs are forgotten after"),
    INT("job", "keep_count", "10000", 1, 10000000, NULL, "finished jobs kept of a domain"),
    INT("job", "keep_secrets_s", "604800", 1, 3650 * DAY_S, "s",
        "a stopped job keeps its sealed secrets"),

    INT("limits", "running", "0", 0, 1000000, NULL, "running jobs of a domain; 0 = no limit"),
    INT("limits", "queued", "10000", 1, 10000000, NULL, "waiting jobs of a domain"),

    SECRET("secrets", "master_key_file", "file with the key that seals secrets in Redis"),

    LIST("notify", "allowed_urls", "",
         "prefixes of webhook addresses that may be called; not read yet"),
    STR("smtp", "url", "", "mail server, smtp(s)://host:port; not read yet: no mail is sent"),
    STR("smtp", "from", "", "sender's address; not read yet"),
    STR("metrics", "listen", "", "address of the metrics page; not read yet"),

    ENUM("log", "level", "info", "error|warn|info|debug", "least important level that is written"),

    {NULL, NULL, CONFIG_STRING, NULL, 0, 0, NULL, NULL, NULL},
};
