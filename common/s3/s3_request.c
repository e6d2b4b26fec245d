#include "common/s3/s3_request.h"

#include "common/s3/sigv4.h"

#include <ctype.h>

#define URL_MAX (16 * 1024)

void
s3_wire_init(struct s3_wire *w)
{
    buf_init(&w->url, URL_MAX);
    w->headers = (struct s3_headers)S3_HEADERS_INIT;
}

void
s3_wire_done(struct s3_wire *w)
{
    buf_done(&w->url);
    s3_headers_done(&w->headers);
}

int
s3_request_build(const struct s3_request *req, const struct s3_endpoint *ep, const char *region,
                 const struct s3_credentials *cred, int64_t unix_ms, struct s3_wire *w,
                 struct errinfo *ei)
{
    struct buf path;
    int rc;

    buf_init(&path, URL_MAX);
    s3_wire_done(w);
    s3_endpoint_path(ep, req->key, &path);
    s3_endpoint_origin(ep, &w->url);
    buf_puts(&w->url, buf_str(&path));
    if (req->query.count > 0) {
        buf_putc(&w->url, '?');
        sigv4_encode_query(&w->url, req->query.list, req->query.count);
    }
    s3_headers_add(&w->headers, "Host", ep->host);
    s3_headers_add(&w->headers, "X-Amz-Content-Sha256", req->payload_hash);
    s3_headers_copy(&w->headers, req->headers.list, req->headers.count);
    rc = sigv4_sign_headers(
        &(struct sigv4_input){
            .method = req->method,
            .path = buf_str(&path),
            .query = req->query.list,
            .query_count = req->query.count,
            .payload_hash = req->payload_hash,
            .region = region,
            .service = "s3",
            .unix_s = unix_ms / 1000,
            .access_key = cred->access_key,
            .secret_key = cred->secret_key,
            .session_token = cred->session_token,
        },
        &w->headers, NULL, ei);
    if (rc == E_OK && (w->url.failed || path.failed))
        rc = errinfo_set(ei, E_INVALID, "the URL is too long");
    buf_done(&path);
    return rc;
}

static bool
all_visible(const char *s, const char *but_not)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x21 || (unsigned char)*s > 0x7e || strchr(but_not, *s) != NULL)
            return false;
    }
    return true;
}

int
s3_check_header(const struct s3_header *h, struct errinfo *ei)
{
    const char *p;

    if (h->name == NULL || h->name[0] == '\0' || !all_visible(h->name, "()<>@,;:\\\"/[]?={}"))
        return errinfo_set(ei, E_INVALID, "'%.60s' cannot be the name of a header",
                           h->name != NULL ? h->name : "");
    if (h->value == NULL)
        return errinfo_set(ei, E_INVALID, "header '%.60s' has no value", h->name);
    for (p = h->value; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || (unsigned char)*p > 0x7e)
            return errinfo_set(ei, E_INVALID, "header '%.60s' may hold visible ASCII only",
                               h->name);
    }
    return E_OK;
}

int
s3_check_credentials(const struct s3_credentials *cred, struct errinfo *ei)
{
    if (cred->access_key == NULL || cred->access_key[0] == '\0')
        return errinfo_set(ei, E_INVALID, "access key is empty");
    if (strlen(cred->access_key) > 256 || !all_visible(cred->access_key, ",/="))
        return errinfo_set(ei, E_INVALID, "access key holds characters that no access key has");
    if (cred->secret_key == NULL || cred->secret_key[0] == '\0')
        return errinfo_set(ei, E_INVALID, "secret key is empty");
    if (strlen(cred->secret_key) > 1024)
        return errinfo_set(ei, E_INVALID, "secret key is too long");
    if (cred->session_token != NULL &&
        (strlen(cred->session_token) > 8192 || !all_visible(cred->session_token, "")))
        return errinfo_set(ei, E_INVALID, "session token holds characters that no token has");
    return E_OK;
}
