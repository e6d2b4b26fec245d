#include "api/client/client.h"

#include "common/base/clock.h"
#include "common/base/digest.h"

#include <getopt.h>

int
client_sign(const char *body, size_t len, int64_t now_ms, char lines[3][256], struct errinfo *ei)
{
    const char *key = getenv("BUCKETLINE_API_KEY"), *secret = getenv("BUCKETLINE_API_SECRET");
    unsigned char mac[DIGEST_SHA256_LEN];
    char hex[DIGEST_SHA256_HEX + 1];
    struct buf text = BUF_INIT(len + 512);

    if (key == NULL || secret == NULL || key[0] == '\0' || secret[0] == '\0')
        return errinfo_set(ei, E_INVALID,
                           "BUCKETLINE_API_KEY and BUCKETLINE_API_SECRET (or "
                           "BUCKETLINE_TOKEN) are not in the environment");
    /* HMAC-SHA256(secret, api key + body + timestamp), lower-case hex: query-api section 1.2 */
    buf_puts(&text, key);
    buf_append(&text, body, len);
    buf_printf(&text, "%lld", (long long)now_ms);
    digest_hmac_sha256(secret, strlen(secret), text.data, text.len, mac);
    digest_hex(mac, sizeof(mac), hex);
    buf_done(&text);
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
    struct errinfo ei;
    char lines[3][256], *body = mem_strdup(""), *end;
    size_t len = 0;
    int o, rc = E_OK, i;

    (void)c;
    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (o == 'b') {
            free(body);
            body = NULL;
            rc = client_read(optarg, &body, &len, &ei);
            if (rc < 0)
                return client_fail(EXIT_USAGE, "%s", ei.msg);
        } else if (o == 't') {
            now_ms = strtoll(optarg, &end, 10);
            if (*end != '\0' || now_ms <= 0)
                return client_fail(EXIT_USAGE, "--timestamp: milliseconds since 1970");
        } else {
            return EXIT_USAGE;
        }
    }
    rc = client_sign(body, len, now_ms, lines, &ei);
    free(body);
    if (rc < 0)
        return client_fail(EXIT_USAGE, "%s", ei.msg);
    for (i = 0; i < 3; i++)
        puts(lines[i]);
    return EXIT_FINE;
}
