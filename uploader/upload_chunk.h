#ifndef UPLOADER_UPLOAD_CHUNK_H
#define UPLOADER_UPLOAD_CHUNK_H

/*
 * One claimed chunk on its way: look at the file, send it, judge the answer, tell the store until
 * it has answered, delete the file. It belongs to the uploader's list and frees itself.
 *
 * The file is deleted only after the store acknowledged the confirmation. No S3 request is begun
 * when the lease has run out by our clock, in the middle of a transfer neither: that one pauses,
 * and goes on where it was when the lease is renewed, since an outage of the store takes no lease
 * away (PROTOCOL.md, tick key). A request that is on its way as the only one is not broken off.
 */

#include "common/store/job_store.h"

#include <stdint.h>

struct uploader;
struct upload;

/* Takes over *claim. claimed_mono_ms: taken before the call that claimed it. */
void upload_start(struct uploader *u, struct chunk_claim *claim, int64_t claimed_mono_ms);
/* At each tick: renews the lease, begins what had to wait, tells the store what is owed. */
void upload_look_after(struct upload *up, int64_t now_mono_ms);
struct upload *upload_next(const struct upload *up);
/* Drain: breaks the transfer off and gives the chunk back to the queue. */
void upload_hand_back(struct upload *up);
/* Frees it without a word to anybody. */
void upload_free(struct upload *up);

#endif
