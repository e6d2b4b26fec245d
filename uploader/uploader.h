#ifndef UPLOADER_UPLOADER_H
#define UPLOADER_UPLOADER_H

/*
 * The service: takes finished chunks of its spool from the job store, sends them, confirms them,
 * deletes their files. Functions of struct service; see uploader.c for the loop, upload_chunk.h
 * for one chunk, recover.h for what is left over by the dead.
 */

#include "common/base/attrs.h"
#include "common/base/config.h"
#include "common/base/errinfo.h"

struct event_base;

int uploader_start(const struct config *cfg, struct event_base *base, void **ret_state,
                   struct errinfo *ei) MUST_CHECK;
void uploader_drain(void *state);
void uploader_stop(void *state);

#endif
