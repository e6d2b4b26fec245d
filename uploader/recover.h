#ifndef UPLOADER_RECOVER_H
#define UPLOADER_RECOVER_H

/*
 * What the dead leave behind in the spool: chunk files whose record says that they are sent or
 * that has none and gets none, results that nobody reads any more. Deleted, never put back.
 */

struct uploader;

/* Asks the store about every file; stops at the first question without an answer. */
void recover_rescan(struct uploader *u);
/* Files of removed and dropped chunks that the store names. */
void recover_trash(struct uploader *u);

#endif
