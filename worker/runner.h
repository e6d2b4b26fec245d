#ifndef WORKER_RUNNER_H
#define WORKER_RUNNER_H

/*
 * The runner process: one job, then the end. Started by the supervisor (never by hand) as
 * `bucketline-worker --runner ...` with the socket pair as RUNNER_FD; waits for its job there, so
 * that a spare one is warm. It knows no Redis, no network and no AWS secret.
 */

#define RUNNER_FD 3

int runner_main(int argc, char **argv);

#endif
