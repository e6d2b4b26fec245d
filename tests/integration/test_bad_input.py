"""Wrong requests: each gets an answer that says what is wrong, and no job."""

import json
import socket
import uuid

import pytest

from kit.data import FROM, TO
from kit.evidence import evidence
from kit.readers import Files

pytestmark = pytest.mark.asan

QUERY = "from demo.small.data"
DROP = object()


def refused(r, http, *words):
    """The answer has this HTTP status, is JSON, and holds all the words (any case)."""
    assert r.status_code == http, f"got HTTP {r.status_code} {r.text}, want {http}"
    assert "application/json" in r.headers["Content-Type"]
    r.json()
    for w in words:
        assert str(w).lower() in r.text.lower(), f"got {r.text}, want '{w}' in it"


def bad_parameters(r, code, *words):
    """HTTP 400 in the shape {"error":"Bad parameters","object":["<code> : ..."],...}."""
    refused(r, 400, *words)
    answer = r.json()
    assert answer["error"] == "Bad parameters", f"got {answer}"
    assert {"status", "cid", "timestamp"} <= set(answer), f"got {answer}"
    assert answer["object"] and all(isinstance(o, str) for o in answer["object"])
    codes = (code,) if isinstance(code, int) else code
    assert codes is None or answer["object"][0].startswith(tuple(f"{c} : " for c in codes)), \
        f"got {answer['object']}, want code {code}"


def change(body, **changes):
    """The body with keys set or dropped; names with two underscores are paths."""
    body = json.loads(json.dumps(body))
    for name, value in changes.items():
        at, (*path, last) = body, name.split("__")
        for p in path:
            at = at[p]
        if value is DROP:
            at.pop(last, None)
        else:
            at[last] = value
    return body


@pytest.fixture
def good(client):
    return client.body(QUERY, FROM, TO)


@pytest.fixture(autouse=True)
def nothing_is_created(client):
    before = {j["id"] for j in client.jobs()}
    yield
    after = {j["id"] for j in client.jobs()}
    assert after == before, "a refused request left a job"


# --- who asks ----------------------------------------------------------------------------------

def test_no_credentials(client, good):
    r = client.post(good, auth="none")
    refused(r, 401, "Unauthorized")
    assert r.json()["error"]["code"] == 401


@pytest.mark.parametrize("name,value", [
    ("x-logtrust-apikey", "nobody"), ("x-logtrust-sign", "0" * 64), ("x-logtrust-sign", "xyz"),
    ("x-logtrust-sign", ""), ("x-logtrust-timestamp", "soon"), ("x-logtrust-timestamp", ""),
    ("x-logtrust-timestamp", "-1"), ("x-logtrust-timestamp", "9" * 40),
])
def test_wrong_credentials(client, good, name, value):
    r = client.post(good, headers={name: value})
    refused(r, 401)
    assert r.json()["error"]["code"] in (5, 12), f"got {r.text}"


def test_signature_of_another_body(client, good):
    other = json.dumps(change(good, query=QUERY + " limit 1")).encode()
    r = client.post(good, headers=client.headers(other))
    refused(r, 401)
    assert r.json()["error"]["code"] in (5, 12)


@pytest.mark.parametrize("minutes", [-6, 6])
def test_stale_signature(client, good, minutes):
    refused(client.post(good, shift_ms=minutes * 60000), 401)


@pytest.mark.parametrize("value", ["Bearer nonsense", "nonsense", "Basic YTpi", "Bearer",
                                   "jwt x.y.z"])
def test_wrong_token(client, good, value):
    assert client.post(good, auth=value).status_code in (401, 403)


# --- the body ----------------------------------------------------------------------------------

@pytest.mark.parametrize("body", [
    b"", b"{", b"not json", b'{"query":', b"\xff\xfe{}", b'{"query":"\xff"}', b'{"a":1} {"b":2}',
    b"[" * 5000 + b"]" * 5000, b'{"query":"a\\u0000b"}',
], ids=range(9))
def test_body_that_is_no_json(client, body):
    refused(client.post(body), 400)


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"true"])
def test_body_that_is_no_object(client, body):
    refused(client.post(body), 400, "object")


def test_body_too_large(client, good):
    refused(client.post(change(good, query=QUERY + " " * (1 << 20))), 413)


def test_body_cut_off(stack, client, good):
    """The connection ends in the middle of the body: no job (see nothing_is_created)."""
    body = json.dumps(good).encode()
    head = "".join(f"{k}: {v}\r\n" for k, v in client.headers(body).items())
    with socket.create_connection(("127.0.0.1", stack.port)) as s:
        s.sendall(f"POST /search/query HTTP/1.1\r\nHost: x\r\n{head}"
                  f"Content-Length: {len(body)}\r\n\r\n".encode() + body[:-10])
        s.shutdown(socket.SHUT_WR)
        s.settimeout(30)
        answer = s.recv(65536)
        evidence.answer("a cut body", answer)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400"), f"got {answer!r}"


# --- the query and its range -------------------------------------------------------------------

@pytest.mark.parametrize("value", [DROP, None, 5, "", [], "   "], ids=repr)
def test_no_query(client, good, value):
    refused(client.post(change(good, query=value)), 400, "query")


def test_an_empty_body_object_tells_of_from(client):
    refused(client.post(b"{}"), 400, "405")


def test_no_from(client, good):
    bad_parameters(client.post(change(good, **{"from": DROP})), 405, "from")


@pytest.mark.parametrize("value", ["whenever", "2026-09-28T12:00:00Z", True, [], {}, "", "now() -",
                                   "5x"], ids=repr)
def test_bad_from(client, good, value):
    bad_parameters(client.post(change(good, **{"from": value})), (405, 406), "from")


@pytest.mark.parametrize("value", ["whenever", "2026-09-28T12:00:00Z", True, [], {}], ids=repr)
def test_bad_to(client, good, value):
    bad_parameters(client.post(change(good, to=value)), (406, 407), "to")


def test_from_after_to(client, good):
    bad_parameters(client.post(change(good, **{"from": TO, "to": FROM})), 408)


@pytest.mark.parametrize("name,value", [("limit", -1), ("limit", "many"), ("limit", 1.5),
                                        ("skip", -1), ("offset", "x"), ("timeZone", "Mars/Base"),
                                        ("timeZone", 5), ("dateFormat", "roman"),
                                        ("timeUnit", "WEEKS")])
def test_other_bad_members(client, good, name, value):
    refused(client.post(change(good, **{name: value})), 400, name)


@pytest.mark.parametrize("query,line,column,found", [
    ("from demo.ecommerce.data wher x = 3", 1, 26, "wher"),
    ("from demo.ecommerce.data\nselect eventdate,\n  where uri = \"a\"", 3, 3, "where"),
    ("from demo.ecommerce.data where (statusCode = 3", 1, 47, "end"),
    ("from demo.ecommerce.data where uri = \"open", 1, 38, None),
    ("from demo.ecommerce.data where 'é' = uri )", 1, 42, ")"),
])
def test_syntax_error_tells_its_place(client, good, query, line, column, found):
    r = client.post(change(good, query=query))
    assert r.status_code in (400, 500), f"got HTTP {r.status_code} {r.text}"
    assert f"line {line}, column {column}" in r.text, f"got {r.text}"
    assert found is None or found in r.text, f"got {r.text}"


@pytest.mark.parametrize("query,word", [
    ("from demo.ecommerce.data select nosuchfunction(uri) as x", "nosuchfunction"),
    ("from demo.ecommerce.data select length() as x", "length"),
    ("from demo.ecommerce.data select length(uri, uri, uri) as x", "length"),
])
def test_unknown_function_and_wrong_arguments_are_named(client, good, query, word):
    r = client.post(change(good, query=query))
    assert r.status_code in (400, 500), f"got HTTP {r.status_code} {r.text}"
    assert word in r.text and "line 1, column" in r.text, f"got {r.text}"


@pytest.mark.parametrize("query", [
    "from demo.ecommerce.data where " + "(" * 300 + "1 = 1" + ")" * 300,
    "from demo.ecommerce.data where uri = \"" + "x" * 70000 + "\"",
    "from demo.ecommerce.data select " + ", ".join(f"uri as u{i}" for i in range(1100)),
], ids=["depth", "length", "columns"])
def test_limits_of_a_query(client, good, query):
    r = client.post(change(good, query=query))
    assert r.status_code in (400, 500), f"got HTTP {r.status_code} {r.text}"


# --- the destination ---------------------------------------------------------------------------

@pytest.mark.parametrize("value", [DROP, None], ids=["absent", "null"])
def test_no_destination(client, good, value):
    refused(client.post(change(good, destination=value)), 400, "destination is required")


@pytest.mark.parametrize("value", [5, "s3", [], {}, {"params": {}}, {"type": "s3"},
                                   {"type": "s3", "params": []}, {"type": 5, "params": {}}],
                         ids=repr)
def test_destination_of_the_wrong_type(client, good, value):
    refused(client.post(change(good, destination=value)), 400)


@pytest.mark.parametrize("kind", ["kafka", "S3", "", "s3 "])
def test_unknown_destination_type(client, good, kind):
    refused(client.post(change(good, destination__type=kind)), 400, "s3", "donothing")


MISSING = {"aws.bucket": 205, "aws.region": 205, "aws.accesskey": 205, "aws.secretkey": 205}


@pytest.mark.parametrize("null", [False, True])
@pytest.mark.parametrize("name", MISSING)
def test_s3_parameter_missing(client, good, name, null):
    """null is as absent, as elsewhere in a body."""
    good["destination"]["params"][name] = None
    if not null:
        del good["destination"]["params"][name]
    bad_parameters(client.post(good), MISSING[name], name)


def test_no_s3_parameter_at_all(client, good):
    good["destination"]["params"] = {"format": "gzip"}
    bad_parameters(client.post(good), 205)


# Parameter, codes of the wire (None: any), values that are not allowed.
S3_VALUES = [
    ("aws.bucket", (206,), [5, "", True, [], {}]),
    ("aws.bucket", None, ["../", "../x", "a#b", "192.168.1.1", "127.0.0.1", "Upper", "ab", "a..b",
                          "-abc", "abc-", "x" * 64, "a/b", "a?b", "a@evil.example", "a b", "a\nb",
                          "xn--abc", "under_score", ".abc", "abc.", "ünicode"]),
    ("aws.accesskey", (207, 200), [5, "", "  ", []]),
    ("aws.secretkey", (208, 200), [5, "", "  ", []]),
    ("aws.region", (209,), [5, "", False]),
    ("aws.region", None, ["../", "a#b", "eu west 1", "127.0.0.1", "x.evil.example/",
                          "eu-west-1\r\nX: y", "@evil", "a" * 200]),
    ("aws.accesskey", None, ["with\nnewline", "with/slash,comma", "x" * 5000]),
    ("format", (210,), [5, "", "rar", "GZIP ", []]),
    ("multiplefile", None, ["maybe", 2, [], "1"]),
    ("retention.size", None, [0, 501, -1, 1.5, "many", "", "1.5", [], True, 10 ** 30]),
    ("retention.time", None, [0, 299, 86401, -1, "soon", 300.5]),
    ("compression", None, ["fastest", 5, ""]),
    ("friendlyName", None, [5, "", [], "x" * 2000]),
    ("s3.fileName", None, [5, "", "a/../b", "/abs", "a\nb", "x" * 2000]),
    ("aws.prefix", None, [5, "../", "a/../../b/", "x" * 2000, "a\nb/"]),
    ("aws.endpoint", None, ["http://evil.example", "http://169.254.169.254", 5, "file:///etc"]),
    ("retention.events", None, [0, 10000001, 1.5, "all", True]),
    ("csv.delimiter", None, ["", "a", ";;", "\"", "\n", " ", 5]),
    ("csv.null", None, ["", "x" * 17, "a b", "é", "\"", "\t", 5]),
    ("csv.bom", None, ["yes", 1, []]),
    ("csv.formulaguard", None, ["", 0]),
    ("zip.encryption", None, ["des", "AES256", "", 5]),
    ("aws.sse", None, ["AES", "", 5]),
    ("aws.storageclass", None, ["standard", "", 5]),
    ("aws.expectedbucketowner", None, ["1", "x" * 12, 123456789012]),
    ("aws.tags", None, ["a", "a=b&a=c", "a=b\r\nX: y", "a=%zz", "aws:a=b", 5, {"a": "b"}]),
    ("overwrite", None, ["always", True, ""]),
    ("retention.sise", None, [100]),
    ("nosuchkey", None, ["x", None, 1]),
]


@pytest.mark.parametrize("name,codes,value",
                         [(n, c, v) for n, c, values in S3_VALUES for v in values],
                         ids=lambda v: repr(v)[:40])
def test_s3_parameter_of_a_wrong_value(client, good, name, codes, value):
    good["destination"]["params"][name] = value
    r = client.post(good)
    if codes:
        bad_parameters(r, codes)
    else:
        bad_parameters(r, None, name)


@pytest.mark.parametrize("name,low,high", [("retention.size", 1, 500),
                                           ("retention.time", 300, 86400)])
def test_bounds_are_named(client, good, name, low, high):
    good["destination"]["params"][name] = high + 1
    bad_parameters(client.post(good), None, name, str(high + 1), str(low), str(high))


@pytest.mark.parametrize("params,codes,words", [
    ({"format": "gzip", "file.password": "long enough"}, (211,), ["password"]),
    ({"format": "plain", "file.password": "long enough"}, (211,), ["password"]),
    ({"format": "zip", "file.password": ""}, (212,), ["password"]),
    ({"format": "zip", "file.password": 5}, (212,), ["password"]),
    ({"format": "zip", "multiplefile": False}, None, ["zip"]),
    ({"multiplefile": False, "retention.size": 100}, None, ["retention.size"]),
    ({"multiplefile": False, "retention.time": 600}, None, ["retention.time"]),
    ({"multiplefile": False, "retention.events": 9}, None, ["retention.events"]),
    ({"format": "zip", "zip.encryption": "zipcrypto"}, None, ["file.password"]),
    ({"aws.kmskeyid": "k", "aws.sse": "AES256"}, None, ["aws.kmskeyid", "aws:kms"]),
    ({"csv.null": "a|b", "csv.delimiter": "|"}, None, ["csv.null", "delimiter"]),
])
def test_parameters_that_do_not_go_together(client, good, params, codes, words):
    good["destination"]["params"].update(params)
    bad_parameters(client.post(good), codes, *words)


def test_unknown_members_outside_the_destination_are_ignored(store, client, tables, good):
    r = client.post(change(good, whatever={"x": 1}, mode={"type": "csv"}))
    assert r.status_code == 200
    from kit.client import Job
    job = Job(client, r.json()["object"]["id"], good["destination"]["params"])
    Files(store, job, None, job.wait())
    job.remove()


@pytest.mark.parametrize("region", ["EU-WEST-1", "../", "a#b", "10.0.0.1",
                                    "eu-west-1.evil.example"])
def test_regions_of_amazon(make_stack, region):
    """Where the region makes the host name, it has the form of Amazon's."""
    own = make_stack(conf={"s3.endpoint": ""}).client()
    bad_parameters(own.post(own.body(QUERY, FROM, TO, aws_region=region)), 209, "aws.region")


# --- jobs --------------------------------------------------------------------------------------

@pytest.mark.parametrize("action", ["", "stop/", "start/", "remove/"])
@pytest.mark.parametrize("job", [str(uuid.UUID(int=5, version=4)), "pataticas", "..%2f..%2f", "%00",
                                 "a" * 3000], ids=lambda v: v[:10])
def test_unknown_job(client, action, job):
    r = client.get(f"/job/{action}{job}")
    refused(r, 400 if job == "%00" else 404)
    if len(job) == 36:
        answer = r.json()
        assert (answer["msg"], answer["status"]) == ("Task not found", 100), f"got {answer}"
        assert "object" not in answer and {"timestamp", "cid"} <= set(answer)
