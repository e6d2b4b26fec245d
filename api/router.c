#include "api/router.h"

#include "api/api.h"

#include <string.h>
#include <strings.h>

#define GET    (HTTP_M_GET | HTTP_M_HEAD)
#define POST   HTTP_M_POST
#define PUT    HTTP_M_PUT
#define DELETE HTTP_M_DELETE
#define CHANGE (ROUTE_AUTH | ROUTE_WRITES)

/* GET that changes state is the original's; POST and DELETE say the same properly. HEAD does not
 * change anything, so it is not among their methods. */
#define ACT (HTTP_M_GET | POST)

static const struct route routes[] = {
    {POST, "/search/query", query_post, CHANGE},
    {GET, "/search/job/{}", jobs_get, ROUTE_AUTH},
    {DELETE, "/search/job/{}", job_action_remove, CHANGE},
    {GET, "/search/job/{}/files", jobs_files, ROUTE_AUTH},
    {GET, "/search/jobs", jobs_list, ROUTE_AUTH},
    {GET, "/search/jobs/{}", jobs_list, ROUTE_AUTH},
    {GET, "/search/jobs/{}/{}", jobs_list, ROUTE_AUTH},
    {ACT, "/search/job/stop/{}", job_action_stop, CHANGE},
    {ACT, "/search/job/start/{}", job_action_start, CHANGE},
    {ACT, "/search/job/remove/{}", job_action_remove, CHANGE},
    {ACT, "/search/job/{}/stop", job_action_stop, CHANGE},
    {ACT, "/search/job/{}/start", job_action_start, CHANGE},
    {ACT, "/search/job/{}/remove", job_action_remove, CHANGE},
    {GET, "/search/queries", saved_list, ROUTE_AUTH},
    {GET, "/search/queries/{}", saved_get, ROUTE_AUTH},
    {PUT, "/search/queries/{}", saved_put, CHANGE},
    {DELETE, "/search/queries/{}", saved_delete, CHANGE},
    {GET, "/healthz", health_live, 0},
    {GET, "/readyz", health_ready, 0},
};

/* Does the pattern fit the path? args: where its "{}" parts are. */
static bool
fits(const char *pattern, const char *path, const char *args[REQUEST_ARGS_MAX],
     size_t lens[REQUEST_ARGS_MAX])
{
    size_t n, p, count = 0;

    while (*pattern == '/' && *path == '/') {
        p = strcspn(pattern + 1, "/");
        n = strcspn(path + 1, "/");
        if (p == 2 && strncmp(pattern + 1, "{}", 2) == 0) {
            if (n == 0 || count == REQUEST_ARGS_MAX)
                return false;
            args[count] = path + 1;
            lens[count++] = n;
        } else if (p != n || strncmp(pattern + 1, path + 1, n) != 0) {
            return false;
        }
        pattern += 1 + p;
        path += 1 + n;
    }
    return *pattern == '\0' && (*path == '\0' || strcmp(path, "/") == 0);
}

static bool
take_args(struct request *rq, const char *args[REQUEST_ARGS_MAX], size_t lens[REQUEST_ARGS_MAX])
{
    char *p = mem_zalloc(lens[0] + lens[1] + 2);
    size_t i;

    rq->parts = p;
    for (i = 0; i < REQUEST_ARGS_MAX; i++) {
        memcpy(p, args[i], lens[i]);
        if (!request_decode(p, false))
            return false;
        rq->args[i] = p;
        p += lens[i] + 1;
    }
    return true;
}

enum router_verdict
router_find(struct request *rq, unsigned *ret_allowed)
{
    const char *args[REQUEST_ARGS_MAX];
    size_t lens[REQUEST_ARGS_MAX], i;

    *ret_allowed = 0;
    for (i = 0; i < ARRAY_LEN(routes); i++) {
        args[0] = args[1] = "";
        lens[0] = lens[1] = 0;
        if (!fits(routes[i].pattern, rq->path, args, lens))
            continue;
        *ret_allowed |= routes[i].methods;
        if (!(routes[i].methods & (unsigned)rq->head.method))
            continue;
        rq->route = &routes[i];
        return take_args(rq, args, lens) ? ROUTER_FOUND : ROUTER_BAD_PATH;
    }
    return *ret_allowed != 0 ? ROUTER_NO_METHOD : ROUTER_NO_PATH;
}

void
router_allow(unsigned methods, char *out, size_t size)
{
    size_t used = 0;
    unsigned bit;
    int n;

    out[0] = '\0';
    for (bit = 1; bit <= HTTP_M_OPTIONS; bit <<= 1) {
        if (!(methods & bit))
            continue;
        n = snprintf(out + used, size - used, "%s%s", used != 0 ? ", " : "", http_method_name(bit));
        if (n < 0 || (size_t)n >= size - used)
            return;
        used += (size_t)n;
    }
}

bool
router_takes_body(const struct request *rq)
{
    static const char *const fine[] = {"application/x-www-form-urlencoded", "text/plain",
                                       "application/octet-stream"};
    const char *type = request_header(rq, "Content-Type");
    const char *encoding = request_header(rq, "Content-Encoding");
    size_t i, n;

    if (rq->body.len == 0)
        return true;
    if (encoding != NULL && encoding[0] != '\0' && strcasecmp(encoding, "identity") != 0)
        return false;
    if (type == NULL || type[0] == '\0' || strcasestr(type, "json") != NULL)
        return true;
    n = strcspn(type, "; \t");
    for (i = 0; i < ARRAY_LEN(fine); i++) {
        if (strlen(fine[i]) == n && strncasecmp(fine[i], type, n) == 0)
            return true;
    }
    return false;
}
