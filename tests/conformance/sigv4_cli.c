/*
 * Signs requests read from standard input, one JSON object a line, and prints one a line: the
 * program under test of sigv4_botocore.py.
 *
 * In: method, path (as on the wire), query [[name, value]], headers [[name, value]],
 * payload_hash, region, service, time (seconds), access_key, secret_key, session_token,
 * presign_seconds (0: by headers), normalize_path, double_encode.
 * Out: canonical_request, string_to_sign, signature, and authorization or url; or error.
 */

#include "common/base/json.h"
#include "common/s3/sigv4.h"

static void
read_pairs(const struct json *array, struct s3_headers *ret)
{
    const struct json *pair, *name;

    if (array == NULL)
        return;
    for (pair = json_first(array); pair != NULL; pair = json_next(pair)) {
        name = json_first(pair);
        if (name != NULL)
            s3_headers_add(ret, json_string(name, ""), json_string(json_next(name), ""));
    }
}

static int
sign(const struct json *j, struct json_writer *w, struct errinfo *ei)
{
    struct s3_headers query = S3_HEADERS_INIT, headers = S3_HEADERS_INIT;
    struct sigv4_trace trace;
    struct sigv4_input in;
    struct buf url;
    int64_t presign = json_get_int(j, "presign_seconds", 0);
    int rc;

    buf_init(&url, 1 << 20);
    sigv4_trace_init(&trace);
    read_pairs(json_get(j, "query"), &query);
    read_pairs(json_get(j, "headers"), &headers);
    in = (struct sigv4_input){
        .method = json_get_string(j, "method", "GET"),
        .path = json_get_string(j, "path", "/"),
        .query = query.list,
        .query_count = query.count,
        .payload_hash = json_get_string(j, "payload_hash", SIGV4_EMPTY_HASH),
        .region = json_get_string(j, "region", "us-east-1"),
        .service = json_get_string(j, "service", "s3"),
        .unix_s = json_get_int(j, "time", 0),
        .access_key = json_get_string(j, "access_key", ""),
        .secret_key = json_get_string(j, "secret_key", ""),
        .session_token = json_get_string(j, "session_token", NULL),
        .normalize_path = json_get_bool(j, "normalize_path", false),
        .double_encode = json_get_bool(j, "double_encode", false),
    };
    rc = presign > 0 ? sigv4_presign(&in, &headers, presign, &url, &trace, ei)
                     : sigv4_sign_headers(&in, &headers, &trace, ei);
    if (rc == E_OK) {
        json_w_kv_string(w, "canonical_request", buf_str(&trace.canonical_request));
        json_w_kv_string(w, "string_to_sign", buf_str(&trace.string_to_sign));
        json_w_kv_string(w, "signature", trace.signature);
        if (presign > 0)
            json_w_kv_string(w, "url", buf_str(&url));
        else
            json_w_kv_string(w, "authorization", s3_headers_find(&headers, "authorization"));
    }
    sigv4_trace_done(&trace);
    s3_headers_done(&query);
    s3_headers_done(&headers);
    buf_done(&url);
    return rc;
}

int
main(void)
{
    struct json_writer w;
    struct json *j;
    struct buf out;
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;

    buf_init(&out, 4 << 20);
    while ((n = getline(&line, &cap, stdin)) > 0) {
        struct errinfo ei = ERRINFO_INIT;

        buf_reset(&out);
        json_w_init(&w, &out);
        json_w_object(&w);
        j = NULL;
        if (json_parse(line, (size_t)n, &j, &ei) < 0 || sign(j, &w, &ei) < 0)
            json_w_kv_string(&w, "error", ei.msg);
        json_free(j);
        json_w_object_end(&w);
        puts(buf_str(&out));
    }
    free(line);
    buf_done(&out);
    return ferror(stdin) || fflush(stdout) != 0;
}
