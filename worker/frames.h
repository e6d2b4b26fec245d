#ifndef WORKER_FRAMES_H
#define WORKER_FRAMES_H

/*
 * What supervisor and runner say to each other: one JSON object a line over a stream socket pair.
 * Each object has "t", its kind:
 *
 *   to the runner     job       the whole job; the first frame, once
 *                     go        the answer to snapshot, result and sealed: go on
 *                     stop      seal what is open, say stopped, end
 *   to the supervisor snapshot  text, version, ordered: before the first row; waits for go
 *                     result    the materialised result is whole in the slot; waits for go
 *                     beat      rows, last: every second, from the thread that is always awake
 *                     sealed    one finished file; waits for go
 *                     done      rows, last: the query has ended, all is sealed
 *                     stopped   rows, last: as asked, all is sealed
 *                     error     code, msg: the end, nothing open is kept
 *
 * End of file on either side means that the other is gone. Frames are checked like any input.
 */

#include "common/base/attrs.h"
#include "common/base/buf.h"
#include "common/base/errinfo.h"
#include "common/base/json.h"

#define FRAME_MAX (64u << 20) /* bytes: a snapshot of 20,000 files is about 4 MiB */

/* Begins a frame of this kind in out (reset first); add members with w, then frame_send. */
void frame_begin(struct json_writer *w, struct buf *out, const char *kind);
/* Ends the object and writes the line. E_LOST: the other side is gone. */
int frame_send(int fd, struct json_writer *w, struct errinfo *ei) MUST_CHECK;

/* Reads what is there into in. 1 = something came, 0 = nothing (would block), E_LOST = end. */
int frame_receive(int fd, struct buf *in, int flags, struct errinfo *ei) MUST_CHECK;
/* Takes the next whole line out of in: 1 = *ret (json_free it), 0 = none yet, E_INVALID. */
int frame_next(struct buf *in, struct json **ret, struct errinfo *ei) MUST_CHECK;

#endif
