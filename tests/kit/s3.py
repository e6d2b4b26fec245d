"""The S3 store of the tests: the gateway from Debian's packages, or any store by environment."""

import os
import subprocess
import uuid
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from kit.evidence import evidence
from kit.procs import free_port

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read_env(path):
    """A shell file of assignments, read by the shell."""
    out = subprocess.run(["bash", "-c", 'set -a; . "$1"; env -0', "bash", path], check=True,
                         capture_output=True, env={"PATH": os.environ["PATH"]}).stdout
    return dict(e.split("=", 1) for e in out.decode().split("\0") if "=" in e)


class Store:
    """Addresses and keys of the store, and a boto3 client to look at it with."""

    def __init__(self, env):
        self.endpoint = env["S3_ENDPOINT"].rstrip("/")
        self.region = env.get("S3_REGION") or "us-east-1"
        self.access_key, self.secret_key = env["AWS_ACCESS_KEY_ID"], env["AWS_SECRET_ACCESS_KEY"]
        self.port = urlsplit(self.endpoint).port or (443 if "https" in self.endpoint else 80)
        self.buckets = []
        evidence.secret(self.secret_key)
        self.client = boto3.client(
            "s3", endpoint_url=self.endpoint, region_name=self.region,
            aws_access_key_id=self.access_key, aws_secret_access_key=self.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 5}))

    @property
    def virtual_host_endpoint(self):
        """curl resolves *.localhost by itself; the gateway is started with this name."""
        return f"http://s3.localhost:{self.port}"

    def bucket_name(self):
        return f"bl-test-{uuid.uuid4().hex[:12]}"

    def make_bucket(self, name=None):
        name = name or self.bucket_name()
        self.client.create_bucket(Bucket=name)
        self.buckets.append(name)
        return name

    def keys(self, bucket, prefix=""):
        """Every key with its size."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return {o["Key"]: o["Size"] for p in pages for o in p.get("Contents", [])}

    def get(self, bucket, key):
        return self.client.get_object(Bucket=bucket, Key=key)["Body"].read()

    def uploads(self, bucket):
        """Multipart uploads that were begun and neither completed nor aborted."""
        answer = self.client.list_multipart_uploads(Bucket=bucket)
        return [u["Key"] for u in answer.get("Uploads", [])]

    def drop_bucket(self, bucket):
        try:
            for u in self.client.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
                self.client.abort_multipart_upload(Bucket=bucket, Key=u["Key"],
                                                   UploadId=u["UploadId"])
            for key in self.keys(bucket):
                self.client.delete_object(Bucket=bucket, Key=key)
            self.client.delete_bucket(Bucket=bucket)
        except ClientError as e:
            if e.response["Error"]["Code"] != "NoSuchBucket":
                raise
        if bucket in self.buckets:
            self.buckets.remove(bucket)


class Gateway:
    """Gives a Store; starts the local gateway where the environment names none."""

    def __init__(self, folder):
        self.folder = folder
        self.env = None
        self.started = False

    def start(self):
        if os.environ.get("S3_ENDPOINT"):
            return Store(os.environ)
        self.env = dict(os.environ, LOCAL_DIR=self.folder, S3_PORT=str(free_port(10)),
                        REDIS_PORT=str(free_port()), API_PORT=str(free_port()))
        self.started = True
        done = subprocess.run([f"{ROOT}/deploy/stack.sh", "up", "--only", "s3"], env=self.env,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"the S3 gateway does not start: {done.stdout}{done.stderr}"
        return Store(read_env(os.path.join(self.folder, "env")))

    def stop(self):
        if self.started:
            subprocess.run([f"{ROOT}/deploy/stack.sh", "down"], env=self.env, check=True,
                           stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
