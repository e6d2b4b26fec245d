#include "uploader/upload_where.h"

#include "uploader/uploader_state.h"

static int
open_secrets(const struct uploader *u, const char *domain, const char *job, const char *sealed,
             struct upload_where *w, struct errinfo *ei)
{
    char *place, *plain = NULL;
    int rc;

    if (w->spec.default_store) {
        w->target.access_key = config_str(u->cfg, "default_store.access_key");
        w->target.secret_key = u->default_secret_key;
        return w->target.secret_key != NULL
                   ? E_OK
                   : errinfo_set(ei, E_PERMANENT, "this server has no default store any more");
    }
    if (sealed == NULL)
        return errinfo_set(
            ei, E_PERMANENT,
            "the keys of the bucket are no longer kept: start the job with new keys");
    place = job_secrets_place(domain, job);
    rc = seal_parse(u->seal, sealed, place, &plain, ei);
    free(place);
    if (rc < 0)
        return errinfo_prepend(ei, "the keys of the bucket cannot be opened; start the job with "
                                   "new keys");
    rc = job_secrets_parse(plain, &w->secrets, ei);
    mem_wipe_free(plain);
    w->target.access_key = w->secrets.access_key;
    w->target.secret_key = w->secrets.secret_key;
    w->target.session_token = w->secrets.session_token;
    return rc;
}

int
upload_where_read(const struct uploader *u, const char *domain, const char *job, unsigned index,
                  const char *spec, const char *sealed, struct upload_where *ret,
                  struct errinfo *ei)
{
    int rc;

    memset(ret, 0, sizeof(*ret));
    rc = job_spec_parse(spec, &ret->spec, ei);
    if (rc < 0)
        return rc;
    ret->target = (struct s3_target){
        .bucket = ret->spec.bucket,
        .region = ret->spec.region,
        .endpoint = ret->spec.endpoint,
        .path_style = ret->spec.path_style,
        .bucket_owner = ret->spec.bucket_owner,
    };
    ret->key = job_spec_key(&ret->spec, index);
    rc = open_secrets(u, domain, job, sealed, ret, ei);
    return rc == E_OK ? s3_target_check(&ret->target, ret->key, ei) : rc;
}

void
upload_where_done(struct upload_where *w)
{
    job_secrets_done(&w->secrets);
    job_spec_done(&w->spec);
    free(w->key);
    memset(w, 0, sizeof(*w));
}
