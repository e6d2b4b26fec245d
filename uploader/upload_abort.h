#ifndef UPLOADER_UPLOAD_ABORT_H
#define UPLOADER_UPLOAD_ABORT_H

/*
 * Aborts the multipart uploads of removed chunks, one at a time. The store forgets one only when S3
 * has answered for good; one that could not be reached comes round again.
 */

#include <stdint.h>

struct uploader;
struct abort_run;

/* At each tick: asks the store when it is due and begins the next one. */
void upload_abort_look_after(struct uploader *u, int64_t now_mono_ms);
/* After s3_client_free. NULL is fine. */
void upload_abort_free(struct abort_run *run);

#endif
