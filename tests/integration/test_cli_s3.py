"""bucketline s3: URLs, signatures, put and head by hand, and the exit status scripts rely on."""

import json
import os
import pty
import random
import signal
import subprocess
from urllib.parse import urlsplit

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from kit.stack import BIN
from kit.tap import Tap
from kit.wait import until

pytestmark = pytest.mark.asan

OK, FAILED, USAGE, MISSING, INTERRUPTED = 0, 1, 2, 4, 130
PARTS = ["--set", "upload.multipart_threshold=5M", "--set", "upload.part_size=5M"]


def s3_env(store, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "BUCKETLINE"))}
    return {**clean, "AWS_ACCESS_KEY_ID": store.access_key, "AWS_REGION": store.region,
            "AWS_SECRET_ACCESS_KEY": store.secret_key,
            "BUCKETLINE__S3__ENDPOINT": store.endpoint, **more}


@pytest.fixture
def run(store):
    def run(*args, status=OK, stdin="", before=(), **env):
        done = subprocess.run([f"{BIN}/bucketline", *before, "s3", *args], text=True, input=stdin,
                              capture_output=True, env=s3_env(store, **env), check=False,
                              timeout=120)
        assert done.returncode == status, \
            f"{args}: got {done.returncode}, want {status}: {done.stdout}{done.stderr}"
        assert store.secret_key not in done.stdout + done.stderr
        return done
    return run


@pytest.fixture
def file(tmp):
    """A file of so many bytes."""
    made = []

    def file(size):
        path = os.path.join(tmp, f"cli-s3-{len(made)}")
        with open(path, "wb") as f:
            f.write(random.Random(size).randbytes(size))
        made.append(path)
        return path
    yield file
    for path in made:
        os.unlink(path)


@pytest.mark.parametrize("args,url", [
    ("--bucket my-bucket --region eu-west-1", "https://my-bucket.s3.eu-west-1.amazonaws.com/"),
    ("--bucket my-bucket --region eu-west-1 --key a/b+c",
     "https://my-bucket.s3.eu-west-1.amazonaws.com/a/b%2Bc"),
    ("--bucket my.bucket --region us-east-1 --key k",
     "https://s3.us-east-1.amazonaws.com/my.bucket/k"),
    ("--bucket my-bucket --region us-east-1 --path-style --key k",
     "https://s3.us-east-1.amazonaws.com/my-bucket/k"),
    ("--bucket my-bucket --region cn-north-1 --key k",
     "https://my-bucket.s3.cn-north-1.amazonaws.com.cn/k"),
    ("--bucket my-bucket --region us-gov-west-1 --fips --dualstack --key k",
     "https://my-bucket.s3-fips.dualstack.us-gov-west-1.amazonaws.com/k"),
    ("--bucket my-bucket --region anywhere --endpoint http://10.0.0.1:9000 --key k",
     "http://10.0.0.1:9000/my-bucket/k"),
    ("--bucket my-bucket --region anywhere --endpoint https://store.example.com --key k",
     "https://my-bucket.store.example.com/k"),
])
def test_url(run, args, url):
    assert run("url", *args.split()).stdout.strip() == url


@pytest.mark.parametrize("args,status,rule", [
    ("--bucket My_Bucket --region us-east-1", FAILED, "lower-case"),
    ("--bucket ab --region us-east-1", FAILED, "bucket"),
    ("--bucket 10.0.0.1 --region us-east-1", FAILED, "bucket"),
    ("--bucket my-bucket --region nowhere", FAILED, "region"),
    ("--bucket my-bucket --region us-east-1 --key a/../../b", FAILED, "climbs out"),
    ("--bucket my-bucket --region us-east-1 --fips --endpoint http://h", FAILED, "endpoint"),
    ("--bucket my-bucket --region us-east-1 --endpoint ftp://h", FAILED, "endpoint"),
    ("--bucket my-bucket", USAGE, "--region"), ("--region us-east-1", USAGE, "--bucket"),
    ("--bucket my-bucket --region us-east-1 surplus", USAGE, "surplus"),
    ("--nonsense", USAGE, "nonsense"),
])
def test_url_that_is_forbidden(run, args, status, rule):
    done = run("url", *args.split(), status=status)
    assert not done.stdout and rule in done.stderr and "(null)" not in done.stderr


def test_sign_as_another_signer_does(run):
    """botocore's steps for the same request at the same time, for a service without S3's
    exceptions."""
    for method, url, body, token in (
            ("GET", "https://sts.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15", "",
             None),
            ("POST", "https://example.amazonaws.com/a%20b/c", "Param=ü&x=1", None),
            ("GET", "https://example.amazonaws.com:8443/?b=2&a=%2B%20%2F&a=&%C3%A9=x", "", "token/+=")):
        request = AWSRequest(method=method, url=url, data=body.encode(),
                             headers={"Host": urlsplit(url).netloc, "X-Other": "a  b "})
        auth = SigV4Auth(Credentials("AKID", "SECRET", token), "service", "eu-west-1")
        request.context["timestamp"] = "20261122T210410Z"
        if token:
            request.headers["X-Amz-Security-Token"] = token
        request.headers["X-Amz-Date"] = request.context["timestamp"]
        canonical = auth.canonical_request(request)
        signature = auth.signature(auth.string_to_sign(request, canonical), request)
        asked = {"method": method, "url": url, "headers": {"X-Other": "a  b "}, "body": body,
                 "region": "eu-west-1", "service": "service", "access_key": "AKID",
                 "secret_key": "SECRET", "time": request.context["timestamp"],
                 "normalize_path": True, "double_encode": True}
        if token:
            asked["session_token"] = token
        got = json.loads(run("sign", stdin=json.dumps(asked)).stdout)
        assert got["canonical_request"] == canonical
        assert got["signature"] == signature and signature in got["authorization"]
    assert "SECRET" in run("sign", stdin='{"SECRET":1}', status=USAGE).stderr
    assert "url is missing" in run("sign", stdin="{}", status=USAGE).stderr


def test_presigned_url_works(run, store):
    bucket = store.make_bucket()
    store.client.put_object(Bucket=bucket, Key="a b/ü+1", Body=b"content")
    place = run("url", "--bucket", bucket, "--region", store.region, "--endpoint", store.endpoint,
                "--key", "a b/ü+1", "--path-style").stdout.strip()
    asked = {"url": place, "region": store.region, "access_key": store.access_key,
             "secret_key": store.secret_key, "presign_seconds": 60}
    url = json.loads(run("sign", stdin=json.dumps(asked)).stdout)["url"]
    answer = requests.get(url, timeout=20)
    assert answer.status_code == 200 and answer.content == b"content", answer.text
    url = json.loads(run("sign", stdin=json.dumps({**asked, "secret_key": "x"})).stdout)["url"]
    assert requests.get(url, timeout=20).status_code == 403


@pytest.mark.parametrize("size,parts", [(0, 0), (1, 0), (100000, 0), (12000000, 3)])
def test_put_and_head(run, store, file, size, parts):
    bucket, path = store.make_bucket(), file(size)
    place = f"s3://{bucket}/folder/ä b"
    done = run("put", path, place, "--content-type", "text/x-test", before=PARTS)
    assert f"bytes: {size}\n" in done.stdout and done.stderr == ""
    with open(path, "rb") as f:
        assert store.get(bucket, "folder/ä b") == f.read()
    shown = json.loads(run("head", place, "--json").stdout)
    assert shown["bytes"] == size and shown["content-type"] == "text/x-test"
    assert shown["etag"].strip('"').endswith(f"-{parts}") == (parts > 0), f"got {shown}"
    assert "content-type: text/x-test\n" in run("head", place).stdout
    refused = run("put", path, place, "--no-replace", status=FAILED, before=PARTS)
    assert "412" in refused.stderr or "exists" in refused.stderr
    run("put", path, place, before=PARTS)
    assert store.uploads(bucket) == []


def test_refusals_are_told(run, store, file):
    bucket, path = store.make_bucket(), file(10)
    assert "404" in run("head", f"s3://{bucket}/none", status=MISSING).stderr
    for args, status, env, words in (
            (["put", path, f"s3://{store.bucket_name()}/k"], FAILED, {}, "NoSuchBucket"),
            (["put", path, f"s3://{bucket}/k"], FAILED, {"AWS_SECRET_ACCESS_KEY": "x"},
             "SignatureDoesNotMatch"),
            (["put", path, f"s3://{bucket}/k"], FAILED, {"AWS_ACCESS_KEY_ID": "x"},
             "InvalidAccessKeyId"),
            (["put", path, f"s3://{bucket}/k"], USAGE, {"AWS_ACCESS_KEY_ID": ""},
             "AWS_ACCESS_KEY_ID"),
            (["put", path + "-none", f"s3://{bucket}/k"], FAILED, {}, "No such file"),
            (["put", "/dev/null", f"s3://{bucket}/k"], FAILED, {}, "regular"),
            (["put", path, f"s3://{bucket}/"], USAGE, {}, "s3://bucket/key"),
            (["put", path, f"s3://{bucket}/k", "--region", "no_where"], FAILED, {}, "region"),
            (["put", path], USAGE, {}, "usage"), (["head"], USAGE, {}, "usage"), ([], USAGE, {}, ""),
            (["get"], USAGE, {}, "url, sign, put or head")):
        done = run(*args, status=status, **env)
        assert words in done.stderr and "(null)" not in done.stderr, f"{args}: {done.stderr}"
    assert store.keys(bucket) == {}


def test_put_draws_a_bar_on_a_terminal(store, file):
    bucket, path = store.make_bucket(), file(3000000)
    near, far = pty.openpty()
    with subprocess.Popen([f"{BIN}/bucketline", "s3", "put", path, f"s3://{bucket}/k"], stdout=far,
                          stderr=far, stdin=subprocess.DEVNULL, env=s3_env(store)) as p:
        os.close(far)
        seen = b""
        try:
            while data := os.read(near, 4096):
                seen += data
        except OSError:  # the other side is closed
            pass
        os.close(near)
    assert p.returncode == OK
    assert b"\r" in seen and b"####" in seen and b"3.0 of 3.0 MB" in seen, f"got {seen!r}"


def test_interrupted_put_leaves_no_upload(store, file):
    bucket, path = store.make_bucket(), file(20000000)
    tap = Tap(store)
    tap.hold_after(7000000)
    with subprocess.Popen([f"{BIN}/bucketline", *PARTS, "s3", "put", path, f"s3://{bucket}/k"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=s3_env(store, BUCKETLINE__S3__ENDPOINT=tap.endpoint)) as p:
        until("it is in the middle", 60, tap.reached)
        assert len(store.uploads(bucket)) == 1
        tap.rate = 8e6  # what is left takes longer than a signal
        p.send_signal(signal.SIGINT)
        tap.release()
        out, err = p.communicate(timeout=60)
    tap.close()
    assert p.returncode == INTERRUPTED and "interrupted" in err, f"got {p.returncode} {out}{err}"
    assert store.uploads(bucket) == [] and store.keys(bucket) == {}
