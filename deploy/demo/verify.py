#!/usr/bin/python3
"""verify.py JOB TABLE-FOLDER: is what the job sent to the bucket what the table holds?

Lists the job's objects, downloads and decompresses each, counts its events with Python's own CSV
reader, and holds four numbers against each other: events in the files, the job's eventsSent and
eventGenerated, and the rows that the footers of the table's Parquet files state. Ends with 0 only
if all agree and the job names exactly the objects that are there.
"""

import csv
import gzip
import io
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
sys.dont_write_bytecode = True

from bucket import client  # noqa: E402
from parquet_rows import parquet_rows  # noqa: E402


def job_status(job):
    request = urllib.request.Request(
        "%s/job/%s" % (os.environ["BUCKETLINE_URL"], job),
        headers={"Authorization": "Bearer " + os.environ["BUCKETLINE_TOKEN"]},
    )
    # Never through a proxy: the address is this machine's.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as answer:
        return json.load(answer)["object"]


def objects(s3, bucket, job):
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="apiv2_" + job)
    return [o for page in pages for o in page.get("Contents", [])]


def count_events(s3, bucket, key):
    """Events of one object; its first row is the header."""
    body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    with gzip.GzipFile(fileobj=body) as plain:
        rows = csv.reader(io.TextIOWrapper(plain, encoding="utf-8", newline=""))
        width = len(next(rows))
        events = 0
        for row in rows:
            if len(row) != width:
                raise ValueError("%s: event %d has %d fields, the header has %d"
                                 % (key, events + 1, len(row), width))
            events += 1
    return events


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: verify.py JOB TABLE-FOLDER")
    job, folder = sys.argv[1:]
    bucket = os.environ["S3_BUCKET"]
    status = job_status(job)
    s3 = client()
    found = objects(s3, bucket, job)
    total = 0
    print("  %-62s %12s %11s" % ("object in bucket '%s'" % bucket, "bytes", "events"))
    for o in found:
        began = time.monotonic()
        events = count_events(s3, bucket, o["Key"])
        total += events
        print("  %-62s %12d %11d   (read in %.1f s)"
              % (o["Key"], o["Size"], events, time.monotonic() - began))

    paths = (status.get("extra") or {}).get("paths") or []
    named = sorted(urllib.parse.unquote(p).rsplit("/", 1)[-1] for p in paths)
    checks = [
        ("status of the job", status.get("status"), "COMPLETED"),
        ("objects that the job names", named, sorted(o["Key"].rsplit("/", 1)[-1] for o in found)),
        ("rows that the table's files state", parquet_rows(folder), total),
        ("eventsSent of the job", status.get("eventsSent"), total),
        ("eventGenerated of the job", status.get("eventGenerated"), total),
    ]
    print("  %-62s %12s %11d" % ("events in the files", "", total))
    ok = bool(found)
    for what, got, want in checks:
        good = got == want
        ok = ok and good
        shown = len(got) if isinstance(got, list) else got
        verdict = "agrees" if good else "DIFFERS: %s, want %s" % (got, want)
        print("  %-62s %12s %11s   %s" % (what, "", shown, verdict))
    if status.get("error"):
        print("  the job says: %s" % "; ".join(map(str, status["error"])))
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, ValueError, EOFError) as e:  # urllib's errors are OSErrors
        sys.exit("verify.py: %s" % e)
    except KeyboardInterrupt:
        sys.exit(130)
