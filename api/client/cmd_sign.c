#include "api/client/client.h"

#include "common/base/clock.h"
#include "common/base/digest.h"

#include <getopt.h>

#define KEY_MAX 200

int
client_sign(const char *body, size_t len, int64_t now_ms, char lines[3][256], struct errinfo *ei)
{
    const char *key = getenv("BUCKETLINE_API_KEY"), *secret = getenv("BUCKETLINE_API_SECRET");
    unsigned char mac[DIGEST_SHA256_LEN];
    char hex[DIGEST_SHA256_HEX + 1];
    struct buf text;

    if (key == NULL || secret == NULL || key[0] == '\0' || secret[0] == '\0')
        return errinfo_set(ei, E_INVALID,
                           "BUCKETLINE_API_KEY and BUCKETLINE_API_SECRET (or "
                           "BUCKETLINE_TOKEN) are not in the environment");
    if (strlen(key) > KEY_MAX)
        return errinfo_set(ei, E_INVALID, "BUCKETLINE_API_KEY is longer than %d bytes", KEY_MAX);
    /* HMAC-SHA256(secret, api key + body + timestamp), lower-case hex: query-api section 1.2 */
    buf_init(&text, len + 512);
    buf_puts(&text, key);
    buf_append(&text, body, len);
    buf_printf(&text, "%lld", (long long)now_ms);
    digest_hmac_sha256(secret, strlen(secret), text.data, text.len, mac);
    digest_hex(mac, sizeof(mac), hex);
    buf_wipe(&text); /* a body may hold keys */
    snprintf(lines[0], 256, "x-logtrust-apikey: %s", key);
    snprintf(lines[1], 256, "x-logtrust-timestamp: %lld", (long long)now_ms);
    snprintf(lines[2], 256, "x-logtrust-sign: %s", hex);
    return E_OK;
}

int
cmd_sign(struct client *c, int argc, char **argv)
{
    static const struct option options[] = {{"body", required_argument, NULL, 'b'},
                                            {"timestamp", required_argument, NULL, 't'},
                                            {NULL, 0, NULL, 0}};
    int64_t now_ms = clock_now_ms();
    const char *path = NULL;
    struct errinfo ei;
    char lines[3][256], *body = NULL, *end;
    size_t len = 0;
    int o, i, rc = E_OK;

    (void)c;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'b') {
            path = optarg;
        } else if (o == 't') {
            now_ms = strtoll(optarg, &end, 10);
            if (*end != '\0' || now_ms <= 0 || now_ms == INT64_MAX)
                return client_fail(EXIT_USAGE, "--timestamp: milliseconds since 1970");
        } else {
            return EXIT_USAGE;
        }
    }
    if (client_no_more(argc, argv) != EXIT_FINE)
        return EXIT_USAGE;
    if (path != NULL)
        rc = client_read(path, &body, &len, &ei);
    if (rc == E_OK)
        rc = client_sign(body != NULL ? body : "", len, now_ms, lines, &ei);
    mem_wipe_free(body);
    if (rc < 0)
        return client_fail(EXIT_USAGE, "%s", ei.msg);
    for (i = 0; i < 3; i++)
        puts(lines[i]);
    return EXIT_FINE;
}
