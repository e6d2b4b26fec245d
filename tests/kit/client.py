"""A client of the API, written from the wire protocol alone."""

import hashlib
import hmac
import json
import time

import requests

from kit.evidence import evidence
from kit.wait import until

END = {"COMPLETED", "STOPPED"}


def signature(secret, key, body, timestamp):
    text = key.encode() + body + timestamp.encode()
    return hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


class Credential:
    def __init__(self, fields, domain):
        self.key, self.secret, self.token = fields["apiKey"], fields["apiSecret"], fields["token"]
        self.domain = domain
        evidence.secret(self.secret, "API secret")
        evidence.secret(self.token, "token")


class Client:
    """One credential at one API. destination: S3 parameters that submit() starts from."""

    def __init__(self, url, credential, destination=None):
        self.url, self.cred, self.destination = url, credential, dict(destination or {})
        self.http = requests.Session()
        self.http.trust_env = False
        self.last_ms = 0

    def headers(self, body=b"", auth="sign", shift_ms=0):
        if auth == "sign":
            # Two equal requests of one ms would be one signature: a replay, answered as the first.
            self.last_ms = max(self.last_ms + 1, int(time.time() * 1000))
            ts = str(self.last_ms + shift_ms)
            return {"x-logtrust-apikey": self.cred.key, "x-logtrust-timestamp": ts,
                    "x-logtrust-sign": signature(self.cred.secret, self.cred.key, body, ts)}
        if auth == "none":
            return {}
        return {"Authorization": auth.replace("TOKEN", self.cred.token)}

    def call(self, method, path, body=b"", auth="sign", headers=None, shift_ms=0):
        """One request; path is relative to the base. auth: sign, none, or an Authorization value
        in which TOKEN stands for the token."""
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        h = self.headers(body, auth, shift_ms)
        if body:
            h["Content-Type"] = "application/json"
        h.update(headers or {})
        r = self.http.request(method, self.url + path, data=body or None, headers=h, timeout=60,
                              allow_redirects=False)
        evidence.answer(f"{method} {path}", repr(r.headers).encode() + r.content)
        return r

    def get(self, path, **kw):
        return self.call("GET", path, **kw)

    def post(self, body, path="/query", **kw):
        return self.call("POST", path, body=body, **kw)

    def body(self, query, frm, to, kind="s3", skip=None, limit=None, extra=None, **params):
        """The body of a submit. Names of params: `_` stands for `.` in the first place
        (aws_bucket is aws.bucket); a value of None leaves the parameter out."""
        p = dict(self.destination) if kind == "s3" else {}
        for name, value in params.items():
            p[name.replace("_", ".", 1)] = value
        p = {k: v for k, v in p.items() if v is not None}
        if "file.password" in p and isinstance(p["file.password"], str) \
                and len(p["file.password"]) >= 8:
            evidence.secret(p["file.password"], "zip password")
        body = {"query": query, "from": frm, "to": to, "destination": {"type": kind, "params": p}}
        if skip is not None:
            body["skip"] = skip
        if limit is not None:
            body["limit"] = limit
        body.update(extra or {})
        return body

    def submit(self, query, frm, to, **kw):
        """Posts a job that is expected to be taken; a Job."""
        body = self.body(query, frm, to, **kw)
        r = self.post(body)
        assert r.status_code == 200, f"got HTTP {r.status_code} {r.text}, want 200"
        answer = r.json()
        assert answer["status"] == 0 and answer["msg"] == "", f"got {answer}"
        return Job(self, answer["object"]["id"], body["destination"]["params"])

    def jobs(self, path="/jobs"):
        r = self.get(path)
        assert r.status_code == 200, f"got HTTP {r.status_code} {r.text}, want 200"
        return r.json()["object"]


class Job:
    def __init__(self, client, job_id, params):
        self.client, self.id, self.params = client, job_id, params

    @property
    def bucket(self):
        return self.params["aws.bucket"]

    def __repr__(self):
        return f"job {self.id}"

    def get(self):
        r = self.client.get(f"/job/{self.id}")
        assert r.status_code == 200, f"{self}: got HTTP {r.status_code} {r.text}, want 200"
        return r.json()["object"]

    def act(self, action, body=b"", method=None):
        r = self.client.call(method or ("POST" if body else "GET"), f"/job/{action}/{self.id}",
                             body=body)
        return r.status_code, r.json()

    def expect(self, action, status, body=b"", code=0):
        """An action and its answer: HTTP 200, task code, public status."""
        http, answer = self.act(action, body)
        got = (http, answer["status"], answer.get("object", {}).get("status"))
        assert got == (200, code, status), f"{action} of {self}: got {answer}, want {code} {status}"
        return answer["object"]

    def stop(self):
        return self.expect("stop", "STOPPED")

    def start(self, **params):
        body = b""
        if params:
            body = {"destination": {"params":
                                    {k.replace("_", ".", 1): v for k, v in params.items()}}}
        return self.expect("start", "RUNNING", body)

    def remove(self):
        return self.expect("remove", "REMOVED")

    def wait(self, status="COMPLETED", limit=60):
        """Waits for a status; ends early, with the job's own words, where it cannot come."""
        last = {}

        def there():
            last.update(self.get())
            if last["status"] != status and last["status"] in END:
                raise AssertionError(f"{self} is {last['status']}, want {status}; error: "
                                     f"{last['error']}")
            return last["status"] == status
        until(lambda: f"{self} {status}: {last}", limit, there)
        return last

    def wait_for(self, what, condition, limit=60):
        last = {}

        def there():
            last.clear()
            last.update(self.get())
            return condition(last)
        until(lambda: f"{self} {what}: {last}", limit, there)
        return last
