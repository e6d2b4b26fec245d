#!/usr/bin/python3
"""bucket.py make|check: the bucket that the environment names.

make creates it unless it is there; check only looks. Reads S3_ENDPOINT, S3_REGION, S3_BUCKET and
the AWS keys from the environment, so that no key is on a command line.
"""

import os
import sys

import boto3
import botocore.exceptions
from botocore.client import Config


def client():
    return boto3.client(
        "s3",
        endpoint_url=os.environ["S3_ENDPOINT"],
        region_name=os.environ["S3_REGION"],
        config=Config(
            signature_version="s3v4",
            connect_timeout=10,
            read_timeout=60,
            retries={"max_attempts": 3},
            s3={"addressing_style": "virtual" if is_aws() else "path"},
        ),
    )


def is_aws():
    return "amazonaws.com" in os.environ["S3_ENDPOINT"]


def main():
    bucket = os.environ["S3_BUCKET"]
    s3 = client()
    try:
        if sys.argv[1:] == ["make"]:
            s3.create_bucket(Bucket=bucket)
        s3.head_bucket(Bucket=bucket)
    except botocore.exceptions.ClientError as e:
        status = e.response["ResponseMetadata"]["HTTPStatusCode"]
        code = e.response["Error"].get("Code", "")
        if sys.argv[1:] == ["check"] and status == 403:
            print("the keys may not look at the bucket '%s' (403); going on" % bucket)
            return 0
        print("bucket '%s' at %s: %s %s" % (bucket, os.environ["S3_ENDPOINT"], status, code))
        return 1
    except botocore.exceptions.BotoCoreError as e:
        print("bucket '%s' at %s: %s" % (bucket, os.environ["S3_ENDPOINT"], e))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
