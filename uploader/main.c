#include "common/base/service.h"
#include "uploader/uploader.h"

int
main(int argc, char **argv)
{
    static const struct service service = {
        .name = "bucketline-uploader",
        .short_name = "uploader",
        .summary = "sends finished chunk files of its spool to S3",
        .start = uploader_start,
        .drain = uploader_drain,
        .stop = uploader_stop,
    };

    return service_main(&service, argc, argv);
}
