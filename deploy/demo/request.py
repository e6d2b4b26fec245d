#!/usr/bin/python3
"""request.py QUERY FROM TO: prints a body of POST /search/query for the environment's bucket.

The keys come from the environment and go to standard output, which belongs into a file that only
its owner can read.
"""

import json
import os
import sys


def request(query, start, end):
    params = {
        "aws.bucket": os.environ["S3_BUCKET"],
        "aws.region": os.environ["S3_REGION"],
        "aws.accesskey": os.environ["AWS_ACCESS_KEY_ID"],
        "aws.secretkey": os.environ["AWS_SECRET_ACCESS_KEY"],
        "format": "gzip",
    }
    if os.environ.get("AWS_SESSION_TOKEN"):
        params["aws.sessiontoken"] = os.environ["AWS_SESSION_TOKEN"]
    return {
        "query": query,
        "from": int(start),
        "to": int(end),
        "destination": {"type": "s3", "params": params},
    }


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit("usage: request.py QUERY FROM TO")
    json.dump(request(*sys.argv[1:]), sys.stdout, indent=2)
    print()
