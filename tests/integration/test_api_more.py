"""What the API has beyond the original: repeated requests, caches, waiting, pages, saved queries,
signed tokens."""

import base64
import hashlib
import hmac
import json
import os
import threading
import time

import pytest

from kit.data import FROM, TO
from kit.evidence import evidence
from kit.readers import Files, parse
from kit.stack import Stack
from kit.wait import until

pytestmark = pytest.mark.asan

SMALL = "from demo.small.data"


def job_id(r):
    assert r.status_code == 200, f"got HTTP {r.status_code} {r.text}, want 200"
    return r.json()["object"]["id"]


# --- repeated requests --------------------------------------------------------------------------


def test_same_key_and_body_make_one_job(stack, client):
    body = client.body(SMALL, FROM, TO, kind="donothing")
    key = {"Idempotency-Key": "one-job"}
    first = job_id(client.post(body, headers=key))
    assert job_id(client.post(body, headers=key)) == first
    assert job_id(client.post(body, headers=key, auth="Bearer TOKEN")) == first
    assert job_id(client.post(body)) != first
    other = client.post(dict(body, limit=1), headers=key)
    assert other.status_code == 422 and other.json()["status"] == 422, f"got {other.text}"
    stranger = stack.client(domain="other").post(dict(body, limit=1), headers=key)
    assert job_id(stranger) != first


def test_key_lives_on_after_the_job(client):
    body = client.body(SMALL, FROM, TO, kind="donothing", friendlyName="kept name")
    key = {"Idempotency-Key": "!~"}
    first = job_id(client.post(body, headers=key))
    assert job_id(client.post(body, headers=key)) == first, "the name is its own, not taken"
    client.call("DELETE", f"/job/{first}")
    assert job_id(client.post(body, headers=key)) == first


def test_refused_request_does_not_use_up_its_key(client):
    key = {"Idempotency-Key": "refused-once"}
    assert client.post({"query": SMALL}, headers=key).status_code == 400
    job_id(client.post(client.body(SMALL, FROM, TO, kind="donothing"), headers=key))


@pytest.mark.parametrize("key", ["", "a b", "x" * 256, "caf\u00e9".encode("latin-1")],
                         ids=["empty", "blank", "long", "not ASCII"])
def test_key_syntax(client, key):
    r = client.post(client.body(SMALL, FROM, TO, kind="donothing"),
                    headers={"Idempotency-Key": key})
    assert r.status_code == 400 and "Idempotency-Key" in r.text, f"got {r.status_code} {r.text}"


def test_replayed_signature_gets_the_first_answer(client):
    """Also without the Idempotency-Key, which is not signed."""
    body = json.dumps(client.body(SMALL, FROM, TO, kind="donothing")).encode()
    signed = client.headers(body)
    first = job_id(client.post(body, auth="none", headers=dict(signed, **{"Idempotency-Key": "r"})))
    assert job_id(client.post(body, auth="none", headers=signed)) == first
    assert job_id(client.post(body)) != first


# --- asking again -------------------------------------------------------------------------------


def test_etag_and_not_modified(client):
    job = client.submit(SMALL, FROM, TO, kind="donothing")
    job.wait()
    first = client.get(f"/job/{job.id}")
    tag = first.headers["ETag"]
    assert "Retry-After" not in first.headers and first.json()["object"]["extra"]["progress"] == 1
    for known in (tag, f'"x", {tag}', tag[2:], "*"):
        r = client.get(f"/job/{job.id}", headers={"If-None-Match": known})
        assert r.status_code == 304 and r.content == b"", f"got {r.status_code} {r.text}"
        assert r.headers["ETag"] == tag and "Content-Length" not in r.headers
    for other in ('"x"', tag[:-1], tag.replace('"', "")):
        assert client.get(f"/job/{job.id}", headers={"If-None-Match": other}).status_code == 200
    job.remove()
    assert client.get(f"/job/{job.id}", headers={"If-None-Match": tag}).status_code == 404


def test_unfinished_job_says_when_to_ask_again(make_stack):
    stack = make_stack()
    client = stack.client()
    stack.worker.end()
    job = client.submit(SMALL, FROM, TO, kind="donothing")
    r = client.get(f"/job/{job.id}")
    assert int(r.headers["Retry-After"]) == 1
    assert "progress" not in r.json()["object"]["extra"], "nobody knows yet how much it will be"
    job.stop()
    after = client.get(f"/job/{job.id}", headers={"If-None-Match": r.headers["ETag"]})
    assert after.status_code == 200 and after.headers["ETag"] != r.headers["ETag"]
    assert "Retry-After" not in after.headers
    job.remove()


# --- waiting for a change -------------------------------------------------------------------------


class Waiter(threading.Thread):
    """GET with a wait on its way; answer() joins."""

    def __init__(self, stack, client, job, tag=None, seconds=50):
        super().__init__(daemon=True)
        self.client, self.result, self.began = client, None, time.monotonic()
        self.path = f"/job/{job.id}?wait={seconds}"
        self.known = {"If-None-Match": tag} if tag else {}
        self.start()
        until("the API subscribes", 20, lambda: stack.redis.call(
            "PUBSUB", "NUMSUB", "{bl:0}:ev:acme")[1] > 0)

    def run(self):
        self.result = self.client.get(self.path, headers=self.known)

    def answer(self):
        self.join(20)
        assert self.result is not None, "the wait did not end"
        return self.result


@pytest.fixture
def waiting(make_stack):
    """A job that nobody works on, its tag, and two clients: one to wait, one to act."""
    stack = make_stack()
    client = stack.client()
    stack.worker.end()
    job = client.submit(SMALL, FROM, TO, kind="donothing")
    yield stack, stack.client(), job, client.get(f"/job/{job.id}").headers["ETag"]


def test_wait_ends_with_the_change(waiting):
    stack, client, job, tag = waiting
    waiter = Waiter(stack, client, job, tag)
    job.stop()
    r = waiter.answer()
    assert r.status_code == 200 and r.json()["object"]["status"] == "STOPPED", f"got {r.text}"
    tag = r.headers["ETag"]
    waiter = Waiter(stack, client, job, tag)
    job.start()
    assert waiter.answer().json()["object"]["status"] == "RUNNING"
    waiter = Waiter(stack, client, job, tag)
    job.remove()
    assert waiter.answer().status_code in (200, 404)


def test_wait_without_a_tag(waiting):
    """From now on; a job at rest is answered at once."""
    stack, client, job, _ = waiting
    quick = client.get(f"/job/{job.id}?wait=1")
    assert quick.status_code == 200 and quick.json()["object"]["status"] == "CREATED"
    waiter = Waiter(stack, client, job)
    job.stop()
    assert waiter.answer().json()["object"]["status"] == "STOPPED"
    assert client.get(f"/job/{job.id}?wait=60").json()["object"]["status"] == "STOPPED"
    job.remove()
    assert client.get(f"/job/{job.id}?wait=60").status_code == 404


def test_wait_that_nothing_ends(waiting):
    _, client, job, tag = waiting
    began = time.monotonic()
    r = client.get(f"/job/{job.id}?wait=1", headers={"If-None-Match": tag})
    assert r.status_code == 304 and time.monotonic() - began >= 0.9
    for wrong in ("0", "61", "x", ""):
        assert client.get(f"/job/{job.id}?wait={wrong}").status_code == 400
    job.remove()


def test_wait_outlives_redis(waiting):
    stack, client, job, tag = waiting
    waiter = Waiter(stack, client, job, tag)
    stack.redis.kill()
    stack.redis.start()
    stack.wait_api()
    job.stop()
    assert waiter.answer().json()["object"]["status"] == "STOPPED"
    job.remove()


def test_drain_answers_the_waits(waiting):
    stack, client, job, tag = waiting
    waiter = Waiter(stack, client, job, tag)
    stack.api.end()
    assert waiter.answer().status_code == 304
    assert waiter.result.headers["Connection"] == "close"
    stack.api.start()
    stack.wait_api()
    job.remove()


def test_wait_follows_the_work(stack, client):
    """Each answer is a new version, up to the end; no change is missed."""
    job = client.submit("from demo.big.data", FROM, TO, retention_size=1)
    tag, sent = '"none"', -1
    while True:
        r = client.get(f"/job/{job.id}?wait=50", headers={"If-None-Match": tag})
        assert r.status_code == 200, f"got HTTP {r.status_code}: nothing for 50 s"
        tag, now = r.headers["ETag"], r.json()["object"]
        assert now["eventsSent"] >= sent
        sent = now["eventsSent"]
        assert 0 <= now["extra"].get("progress", 0) <= 1
        if now["status"] == "COMPLETED":
            break
    assert now["extra"]["progress"] == 1


# --- pages --------------------------------------------------------------------------------------


def pages(client, path):
    """Every page of a list, by its cursors."""
    found, cursor = [], ""
    while cursor is not None:
        r = client.get(path + cursor)
        assert r.status_code == 200, f"got HTTP {r.status_code} {r.text}"
        found.append(r.json()["object"])
        cursor = r.json().get("cursor")
        cursor = f"&cursor={cursor}" if cursor else None
    return found


def test_files_of_a_job(store, client, tables):
    job = client.submit("from demo.big.data", FROM, TO, retention_size=1)
    status = job.wait()
    files = Files(store, job, None, status)
    assert len(files.packed) > 2
    got = pages(client, f"/job/{job.id}/files?limit=2")
    assert all(len(p) == 2 for p in got[:-1])
    got = [f for p in got for f in p]
    assert [f["index"] for f in got] == list(range(1, len(files.packed) + 1))
    assert [f["path"] for f in got] == status["extra"]["paths"]
    assert [f["bytes"] for f in got] == files.sizes
    assert [f["uncompressedBytes"] for f in got] == [len(t) for t in files.texts]
    assert [f["sha256"] for f in got] == [hashlib.sha256(p).hexdigest() for p in files.packed]
    assert [f["events"] for f in got] == [len(parse(t)) - 1 for t in files.texts]
    assert sum(f["events"] for f in got) == status["eventsSent"]
    assert client.get(f"/job/{job.id}/files?cursor=99").json()["object"] == []


def test_files_of_no_job(stack, client):
    other = stack.client(domain="other").submit(SMALL, FROM, TO, kind="donothing")
    for name in (other.id, "pataticas", "90d9fc34-9cdf-4204-b13a-e526aae12d9c"):
        r = client.get(f"/job/{name}/files")
        assert r.status_code == 404 and r.json()["status"] == 100, f"got {r.status_code} {r.text}"


def test_list_filters_and_pages(stack):
    client = stack.client(domain="lists")
    jobs = [client.submit(SMALL, FROM, TO, kind="donothing", friendlyName=f"{kind} {i}")
            for i, kind in enumerate(["a", "b", "a", "a", "b"])]
    for job in jobs:
        job.wait()
    for path, want in {"/jobs?limit=2": [4, 3, 2, 1, 0], "/jobs?limit=5": [4, 3, 2, 1, 0],
                       "/jobs?limit=1&name=a": [3, 2, 0], "/jobs/donothing/b?limit=1": [4, 1],
                       "/jobs?type=s3&limit=3": [], "/jobs?status=COMPLETED&limit=4":
                       [4, 3, 2, 1, 0], "/jobs?status=STOPPED&limit=4": [],
                       "/jobs?name=a%202&type=donothing&limit=9": [2]}.items():
        got = [j["id"] for page in pages(client, path) for j in page]
        assert got == [jobs[i].id for i in want], f"{path}: got {got}"


@pytest.mark.parametrize("query,word", [
    ("/jobs?status=completed", "status"), ("/jobs?status=REMOVED", "status"),
    ("/jobs?limit=0", "limit"), ("/jobs?limit=x", "limit"), ("/jobs?cursor=5", "cursor"),
    ("/jobs?cursor=5-x", "cursor"), ("/jobs/s3?type=s3", "type"),
    ("/job/90d9fc34-9cdf-4204-b13a-e526aae12d9c/files?limit=1001", "limit"),
    ("/job/90d9fc34-9cdf-4204-b13a-e526aae12d9c/files?cursor=-1", "cursor"),
])
def test_wrong_filters_are_named(client, query, word):
    r = client.get(query)
    assert r.status_code == 400 and word in r.json()["object"][0], f"got {r.status_code} {r.text}"


# --- saved queries ------------------------------------------------------------------------------


def put(client, name, query, **kw):
    return client.call("PUT", f"/queries/{name}", body={"query": query}, **kw)


def with_id(client, name):
    body = client.body(None, FROM, TO, kind="donothing")
    return dict(body, queryId=name)


def test_saved_query_is_stored_used_and_forgotten(stack, client, tables):
    assert job_id(put(client, "all", "from demo.odd.data")) == "all"
    assert job_id(put(client, "all", SMALL)) == "all"
    saved = client.get("/queries/all").json()["object"]
    assert (saved["id"], saved["query"], saved["owner"]) == ("all", SMALL, client.cred.key)
    assert saved["created"] <= saved["updated"]
    assert [q["id"] for q in client.get("/queries").json()["object"]] == ["all"]
    first = job_id(client.post(with_id(client, "all")))
    assert client.get(f"/job/{first}").json()["object"]["query"] == SMALL
    stranger = stack.client(domain="other")
    assert stranger.get("/queries").json()["object"] == []
    for r in (stranger.get("/queries/all"), stranger.post(with_id(stranger, "all")),
              stranger.call("DELETE", "/queries/all")):
        assert r.status_code == 404 and "'all'" in r.json()["msg"], f"got {r.status_code} {r.text}"
    assert job_id(client.call("DELETE", "/queries/all")) == "all"
    for r in (client.get("/queries/all"), client.post(with_id(client, "all")),
              client.call("DELETE", "/queries/all")):
        assert r.status_code == 404 and r.json()["status"] == 404, f"got {r.status_code} {r.text}"


def test_saved_query_is_checked(stack, client):
    for name, body, word in (("x", {"query": "from demo.small.data wher a"}, "line 1"),
                             ("x", {}, "query"), ("x", {"query": 5}, "query"), ("x", [], "object"),
                             ("a b", {"query": SMALL}, "id"), ("y" * 129, {"query": SMALL}, "id"),
                             ("x", {"query": SMALL + " " * 70000}, "longer")):
        r = client.call("PUT", f"/queries/{name}", body=body)
        assert r.status_code == 400 and word in r.json()["object"][0], f"got {r.text}"
    reader = stack.client(read_only=True)
    assert put(reader, "x", SMALL).status_code == 403
    put(client, "theirs", "from other.table.data")
    narrow = stack.client(tables="demo.**")
    r = narrow.post(with_id(narrow, "theirs"))
    assert r.status_code == 403 and "other.table.data" in r.text, f"got {r.text}"
    client.call("DELETE", "/queries/theirs")


def test_saved_queries_are_limited(stack):
    client = stack.client(domain="many")
    stack.redis.call("HSET", "{bl:0}:saved:many",
                     *[w for i in range(1000) for w in (f"q{i}", "{}")])
    r = put(client, "one-more", SMALL)
    assert r.status_code == 429 and r.json()["limit"] == "saved queries", f"got {r.text}"
    assert int(r.headers["Retry-After"]) > 0
    assert put(client, "q5", SMALL).status_code == 200, "one that is there may change"
    stack.redis.call("DEL", "{bl:0}:saved:many")


# --- signed tokens ------------------------------------------------------------------------------

JWT_KEY = "a key of the operator, long enough for HS256"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def jwt(claims, key=JWT_KEY, alg="HS256", header=None):
    parts = [b64(json.dumps(p).encode()) for p in ({"alg": alg, "typ": "JWT", **(header or {})},
                                                    claims)]
    text = ".".join(parts)
    return text + "." + b64(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())


def good(**more):
    return {"domain": "acme", "tables": ["demo.**"], "exp": time.time() + 600, **more}


@pytest.fixture(scope="module")
def jwt_client(store, tables, tmp):
    path = os.path.join(tmp, "jwt.key")
    with open(path, "w", encoding="ascii", opener=lambda p, f: os.open(p, f, 0o600)) as f:
        f.write(JWT_KEY + "\n")
    evidence.secret(JWT_KEY, "jwt key")
    s = Stack(store, tables.path, conf={"api.jwt_key_file": path})
    yield s.client()
    s.close()


def test_jwt_is_a_credential(jwt_client):
    token = jwt(good(sub="ann@acme", nbf=time.time() - 5))
    body = jwt_client.body(SMALL, FROM, TO, kind="donothing")
    made = job_id(jwt_client.post(body, auth=f"jwt {token}"))
    job = jwt_client.get(f"/job/{made}", auth=f"JWT {token}").json()["object"]
    assert (job["owner"], job["domain"]) == ("jwt:ann@acme", "acme")
    assert jwt_client.get(f"/job/{made}").status_code == 200, "the domain's, whoever made it"
    other = f"jwt {jwt(good(domain='other', tables='**'))}"
    assert jwt_client.get(f"/job/{made}", auth=other).status_code == 404
    narrow = f"jwt {jwt(good(tables=['demo.odd.*', 'x']))}"
    assert jwt_client.post(body, auth=narrow).status_code == 403
    reader = f"jwt {jwt(good(readOnly=True))}"
    assert jwt_client.post(body, auth=reader).status_code == 403
    assert jwt_client.get("/jobs", auth=reader).status_code == 200


@pytest.mark.parametrize("token,word", [
    (lambda: jwt(good(), key=JWT_KEY[:-1]), "signature"),
    (lambda: jwt(good())[:-1], "signature"),
    (lambda: jwt(good()) + "=", "signature"),
    (lambda: jwt(good()).rsplit(".", 1)[0] + ".", "signature"),
    (lambda: jwt(good(), alg="none"), "alg"),
    (lambda: jwt(good(), alg="HS512"), "alg"),
    (lambda: jwt(good(), header={"crit": ["x"]}), "crit"),
    (lambda: jwt(good(exp=time.time() - 1)), "expired"),
    (lambda: jwt(good(exp=(time.time() + 600) * 1000)), "exp"),
    (lambda: jwt(good(exp="soon")), "exp"),
    (lambda: jwt({"domain": "acme", "tables": ["**"]}), "exp"),
    (lambda: jwt(good(nbf=time.time() + 100)), "yet"),
    (lambda: jwt(good(nbf=None)), "nbf"),
    (lambda: jwt(good(domain="")), "domain"),
    (lambda: jwt(good(domain="a:b")), "domain"),
    (lambda: jwt(good(domain=5)), "domain"),
    (lambda: jwt(good(tables=[])), "tables"),
    (lambda: jwt(good(tables=[5])), "tables"),
    (lambda: jwt({"domain": "acme", "exp": time.time() + 60}), "tables"),
    (lambda: jwt(good(readOnly="no")), "readOnly"),
    (lambda: jwt(good(sub="")), "sub"),
    (lambda: jwt([1]), "claims"),
    (lambda: "x", "three parts"),
    (lambda: "..", "signature"),
    (lambda: "a.b.c.d", "three parts"),
    (lambda: "x" * 5000, "too long"),
], ids=lambda x: x if isinstance(x, str) else "")
def test_jwt_that_is_not_right(jwt_client, token, word):
    r = jwt_client.get("/jobs", auth=f"jwt {token()}")
    assert r.status_code == 401 and r.json()["error"]["code"] == 5, f"got {r.status_code} {r.text}"
    assert word in r.json()["error"]["message"], f"got {r.text}"


def test_jwt_without_a_key_is_refused(client):
    r = client.get("/jobs", auth=f"jwt {jwt(good())}")
    assert r.status_code == 401 and "not accepted" in r.text, f"got {r.status_code} {r.text}"
