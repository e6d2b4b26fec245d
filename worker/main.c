#include "common/base/service.h"
#include "worker/runner.h"
#include "worker/supervisor.h"

#include <string.h>

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "bucketline-worker",
        .short_name = "worker",
        .summary = "claims jobs, runs their queries and writes compressed chunk files",
        .start = supervisor_start,
        .drain = supervisor_drain,
        .stop = supervisor_stop,
    };

    if (argc > 1 && strcmp(argv[1], "--runner") == 0)
        return runner_main(argc - 1, argv + 1);
    supervisor_set_argv(argv);
    return service_main(&service, argc, argv);
}
