#include "api/client/http.h"

#include "api/client/client.h"
#include "common/base/clock.h"

#include <curl/curl.h>

#define ANSWER_MAX (64u << 20)

static const char *
base_url(void)
{
    const char *url = getenv("BUCKETLINE_URL");

    return url != NULL && url[0] != '\0' ? url : "http://127.0.0.1:8080/search";
}

void
http_answer_done(struct http_answer *a)
{
    json_free(a->json);
    free(a->text);
    *a = (struct http_answer){0};
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
    struct buf *b = arg;

    buf_append(b, p, size * n);
    return b->failed ? 0 : size * n;
}

static const volatile sig_atomic_t *stop_flag;

void
http_watch_flag(const volatile sig_atomic_t *flag)
{
    stop_flag = flag;
}

static int
on_progress(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)ctx;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return stop_flag != NULL && *stop_flag != 0;
}

/* Adds the credential's headers: a token if there is one, else the signature over the body. */
static int
add_auth(struct curl_slist **headers, const char *body, struct errinfo *ei)
{
    const char *token = getenv("BUCKETLINE_TOKEN");
    char lines[3][256], *line;
    int rc, i;

    if (token != NULL && token[0] != '\0' && getenv("BUCKETLINE_API_KEY") == NULL) {
        line = mem_printf("Authorization: Bearer %s", token);
        *headers = curl_slist_append(*headers, line);
        mem_wipe_free(line);
        return E_OK;
    }
    rc = client_sign(body != NULL ? body : "", body != NULL ? strlen(body) : 0, clock_now_ms(),
                     lines, ei);
    for (i = 0; rc == E_OK && i < 3; i++)
        *headers = curl_slist_append(*headers, lines[i]);
    return rc;
}

int
http_call(const char *path, const char *body, struct http_answer *ret, struct errinfo *ei)
{
    struct buf answer = BUF_INIT(ANSWER_MAX);
    struct curl_slist *headers = NULL;
    char *base = mem_strdup(base_url()), *url;
    CURL *curl = curl_easy_init();
    CURLcode code;
    struct errinfo ignored;
    int rc;

    while (base[0] != '\0' && base[strlen(base) - 1] == '/')
        base[strlen(base) - 1] = '\0';
    url = mem_printf("%s%s", base, path);
    *ret = (struct http_answer){0};
    rc = curl == NULL ? errinfo_set(ei, E_TRANSIENT, "cannot start libcurl") : E_OK;
    if (rc == E_OK)
        rc = add_auth(&headers, body, ei);
    if (rc < 0)
        goto out;
    headers = curl_slist_append(headers, "Content-Type: application/json");
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &answer);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 60000L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    if (body != NULL)
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
    code = curl_easy_perform(curl);
    if (code == CURLE_ABORTED_BY_CALLBACK) {
        rc = errinfo_set(ei, E_CANCELLED, "interrupted");
        goto out;
    }
    if (code != CURLE_OK) {
        rc = errinfo_set(ei, E_TRANSIENT, "no answer from %s: %s", url, curl_easy_strerror(code));
        goto out;
    }
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &ret->status);
    ret->text = buf_take(&answer);
    if (json_parse(ret->text, strlen(ret->text), &ret->json, &ignored) < 0)
        ret->json = NULL;
out:
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    buf_done(&answer);
    free(url);
    free(base);
    return rc;
}

/* A 404 of something that is no bucketline says nothing about a job. */
enum client_exit
http_exit(const struct http_answer *a)
{
    return a->status == 404 && a->json != NULL ? EXIT_MISSING : EXIT_FAILED;
}

char *
http_error_text(const struct http_answer *a)
{
    const struct json *error = json_get(a->json, "error");
    const struct json *list = json_get(a->json, "object"), *i;
    struct buf out = BUF_INIT(65536);
    const char *word;

    if (a->json == NULL) {
        buf_printf(&out, "the answer (HTTP %ld) is no JSON: is BUCKETLINE_URL right?", a->status);
        return buf_take(&out);
    }
    if (json_type(error) == JSON_OBJECT)
        buf_puts(&out, json_get_string(error, "message", ""));
    else if (json_type(error) == JSON_STRING)
        buf_puts(&out, json_string(error, ""));
    else
        buf_puts(&out, json_get_string(a->json, "msg", ""));
    for (i = json_type(list) == JSON_ARRAY ? json_first(list) : NULL; i != NULL; i = json_next(i)) {
        word = json_string(i, "");
        if (strcmp(word, buf_str(&out)) != 0)
            buf_printf(&out, "%s%s", out.len > 0 ? ": " : "", word);
    }
    if (out.len == 0)
        buf_printf(&out, "%.500s", a->text != NULL ? a->text : "");
    buf_printf(&out, " (HTTP %ld)", a->status);
    return buf_take(&out);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
    static const char name[] = "date:";
    char text[128];
    int64_t *date = arg;

    if (size * n > sizeof(name) && strncasecmp(p, name, sizeof(name) - 1) == 0) {
        snprintf(text, sizeof(text), "%.*s", (int)(size * n - sizeof(name) + 1),
                 p + sizeof(name) - 1);
        *date = (int64_t)curl_getdate(text, NULL);
    }
    return size * n;
}

int
http_clock(const char *url, const char *ca_file, bool *ret_known, int64_t *ret_ahead_s,
           struct errinfo *ei)
{
    CURL *curl = curl_easy_init();
    int64_t date = -1;
    CURLcode code = CURLE_FAILED_INIT;

    if (curl != NULL) {
        curl_easy_setopt(curl, CURLOPT_URL, url);
        curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
        curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
        curl_easy_setopt(curl, CURLOPT_HEADERDATA, &date);
        curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, 10000L);
        curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
        if (ca_file[0] != '\0')
            curl_easy_setopt(curl, CURLOPT_CAINFO, ca_file);
        code = curl_easy_perform(curl);
    }
    curl_easy_cleanup(curl);
    if (code != CURLE_OK)
        return errinfo_set(ei, E_TRANSIENT, "no answer from %s: %s", url, curl_easy_strerror(code));
    *ret_known = date >= 0;
    *ret_ahead_s = date >= 0 ? clock_now_ms() / 1000 - date : 0;
    return E_OK;
}
