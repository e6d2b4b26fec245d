#!/usr/bin/python3
"""Compares common/s3/sigv4 with botocore's signer over generated requests.

    tests/conformance/sigv4_botocore.py [--count N] [--seed S] [--cli PROGRAM]

Run from the root of the repository. Without --cli the program is built from sigv4_cli.c into
build/tests/ with the archives that `make` makes. The same seed gives the same requests.
Exit status: 0 = all agree, 1 = some differ (the first few are printed), 77 = no botocore here.
"""

import argparse
import datetime
import json
import os
import random
import re
import subprocess
import sys
import urllib.parse

try:
    import botocore.auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    print("skipped: python3-botocore is not installed")
    sys.exit(77)

SAFE = "-._~"
ODD = " !\"#$%&'()*+,/:;<=>?@[\\]^`{|}~äß日本語😀\u0301"
WORDS = ["a", "data", "2026", "part-00001", "x.csv.gz", "äöü", "..", ".", "", "a b", "%41", "~u",
         "*"]


def build_cli():
    """Links the program; make does the archives so that they are the ones that are shipped."""
    archives = ["build/lib/common-s3.a", "build/lib/common-base.a"]
    subprocess.run(["make", "-s"] + archives, check=True)
    out = "build/tests/sigv4_cli"
    os.makedirs("build/tests", exist_ok=True)
    subprocess.run(["gcc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", "-I.", "-o", out,
                    "tests/conformance/sigv4_cli.c"] + archives + ["-lcrypto", "-lcjson", "-lm"],
                   check=True)
    return out


def text(rng, most, alphabet=None):
    letters = alphabet or ("abcXYZ019" + SAFE + ODD)
    return "".join(rng.choice(letters) for _ in range(rng.randint(0, most)))


def header_value(rng):
    letters = "abcXYZ019-._~!#$%&'()*+,/:;<=>?@[]^`{|}\""
    words = [text(rng, 8, letters) for _ in range(rng.randint(1, 4))]
    inner = rng.choice([" ", "  ", "   "]).join(words)
    return rng.choice(["", " ", "  "]) + inner + rng.choice(["", " "])


def generate(rng):
    """One request, as the C program gets it."""
    s3 = rng.random() < 0.7
    segments = [rng.choice(WORDS) if rng.random() < 0.6 else text(rng, 10).replace("/", "")
                for _ in range(rng.randint(1, 5))]
    path = "/" + "/".join(urllib.parse.quote(s, safe=SAFE) for s in segments)
    query = [[text(rng, 8) or "q", text(rng, 12)] for _ in range(rng.choice([0, 0, 1, 2, 4]))]
    host = rng.choice(["bkt.s3.eu-west-1.amazonaws.com", "s3.us-east-1.amazonaws.com",
                       "127.0.0.1:7480", "s3.example.com"])
    names = rng.sample(["x-amz-meta-a", "X-Amz-Meta-bl-Job", "content-type", "x-amz-storage-class",
                        "If-None-Match", "Range", "x-amz-tagging", "Cache-Control"],
                       rng.randint(0, 4))
    headers = [["host", host]] + [[n, header_value(rng)] for n in names]
    presign = rng.choice([0, 0, 1, 900, 604800]) if s3 else 0
    if presign:  # botocore keeps only one of several parameters of one name there
        query = [[k, v] for k, v in dict(query).items()]
    unsigned = presign or rng.random() < 0.2
    payload = "UNSIGNED-PAYLOAD" if unsigned else "%064x" % rng.getrandbits(256)
    if s3 and not presign:
        headers.append(["X-Amz-Content-SHA256", payload])
    return {
        "method": rng.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]),
        "path": path,
        "query": query,
        "headers": headers,
        "payload_hash": payload,
        "region": rng.choice(["us-east-1", "eu-west-1", "cn-north-1", "default"]),
        "service": "s3" if s3 else rng.choice(["sts", "iam", "kms"]),
        "time": rng.randint(0, 4102444799),
        "access_key": "AKIA" + text(rng, 16, "ABCDEFGH234567"),
        "secret_key": text(rng, 40, "abcXYZ019+/=") + "s",
        "session_token": text(rng, 60, "abcXYZ019+/=") if rng.random() < 0.4 else "",
        "presign_seconds": presign,
        "normalize_path": not s3,
        "double_encode": not s3,
    }


def signer_of(case):
    """botocore's signer with the time and payload hash of the case, and its three texts kept."""
    credentials = Credentials(case["access_key"], case["secret_key"], case["session_token"] or None)
    if case["service"] != "s3":
        base = botocore.auth.SigV4Auth
    elif case["presign_seconds"]:
        base = botocore.auth.S3SigV4QueryAuth
    else:
        base = botocore.auth.S3SigV4Auth

    class Signer(base):
        def payload(self, request):
            return case["payload_hash"]

        def _should_sha256_sign_payload(self, request):
            return True

        def canonical_request(self, request):
            self.kept_request = super().canonical_request(request)
            return self.kept_request

        def string_to_sign(self, request, canonical_request):
            self.kept_string = super().string_to_sign(request, canonical_request)
            return self.kept_string

        def signature(self, string_to_sign, *rest):
            self.kept_signature = super().signature(string_to_sign, *rest)
            return self.kept_signature

    kwargs = {"expires": case["presign_seconds"]} if case["presign_seconds"] else {}
    return Signer(credentials, case["service"], case["region"], **kwargs)


def expected(case):
    quoted = "&".join(urllib.parse.quote(k, safe=SAFE) + "=" + urllib.parse.quote(v, safe=SAFE)
                      for k, v in case["query"])
    host = dict((k.lower(), v) for k, v in case["headers"])["host"]
    request = AWSRequest(method=case["method"],
                         url="http://" + host + case["path"] + ("?" + quoted if quoted else ""))
    for name, value in case["headers"]:
        request.headers.add_header(name, value)
    now = datetime.datetime.fromtimestamp(case["time"], datetime.timezone.utc).replace(tzinfo=None)

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return now

    class Module:
        datetime = Clock

    real, botocore.auth.datetime = botocore.auth.datetime, Module
    try:
        signer = signer_of(case)
        signer.add_auth(request)
    finally:
        botocore.auth.datetime = real
    return {"canonical_request": signer.kept_request, "string_to_sign": signer.kept_string,
            "signature": signer.kept_signature,
            "authorization": request.headers.get("Authorization"), "url": request.url}


def same_url(got, want):
    """Parameters may stand in any order; each must be the same."""
    def parts(url):
        path, _, query = re.sub(r"^http://[^/]*", "", url).partition("?")
        return path, sorted(urllib.parse.unquote(p) for p in query.split("&"))
    return parts(got) == parts(want)


def differs(got, want, presigned):
    for field in ("canonical_request", "string_to_sign", "signature"):
        if got.get(field) != want[field]:
            return field
    if presigned:
        return None if same_url(got["url"], want["url"]) else "url"
    return None if got["authorization"] == want["authorization"] else "authorization"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=20261122)
    parser.add_argument("--cli")
    args = parser.parse_args()
    rng = random.Random(args.seed)
    cases = [generate(rng) for _ in range(args.count)]
    done = subprocess.run([args.cli or build_cli()], check=True, capture_output=True, text=True,
                          input="".join(json.dumps(c) + "\n" for c in cases))
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    if len(answers) != len(cases):
        print(f"got {len(answers)} answers, want {len(cases)}")
        return 1
    failed = 0
    for case, got in zip(cases, answers):
        want = expected(case)
        field = differs(got, want, case["presign_seconds"] > 0)
        if field is None:
            continue
        failed += 1
        if failed <= 3:
            print(f"{json.dumps(case)}\n  {field}: got {got.get(field, got)!r}")
            print(f"  want {want[field]!r}")
    print(f"{len(cases) - failed} of {len(cases)} requests signed as botocore signs them")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
