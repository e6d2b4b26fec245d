"""The HTTP side: health, methods, limits and strictness, over raw sockets where it matters."""

import json
import re
import socket

import pytest

from kit.data import FROM, TO
from kit.evidence import evidence

pytestmark = pytest.mark.asan


@pytest.fixture
def raw(stack):
    """Sends bytes on a fresh connection; everything that comes back until it is closed."""
    def send(data, end=True, limit=20):
        with socket.create_connection(("127.0.0.1", stack.port)) as s:
            s.settimeout(limit)
            try:
                s.sendall(data)
                if end:
                    s.shutdown(socket.SHUT_WR)
            except OSError:
                pass
            got = b""
            try:
                while True:
                    more = s.recv(65536)
                    if not more:
                        break
                    got += more
            except ConnectionResetError:
                pass
        evidence.answer(repr(data[:80]), got)
        return got
    return send


def statuses(answer):
    """Status codes of the answers on a connection, in order."""
    return [int(code) for code in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n"


def test_health(stack):
    import requests
    for path in ("healthz", "readyz"):
        r = requests.get(f"http://127.0.0.1:{stack.port}/{path}", timeout=10)
        assert r.status_code == 200


def test_unknown_path_and_method(client):
    assert client.get("/nothing").status_code == 404
    for method in ("PUT", "PATCH", "GET"):
        r = client.call(method, "/query")
        assert r.status_code == 405 and "POST" in r.headers["Allow"]


def test_pipelined_requests_are_answered_in_order(raw):
    got = raw(GET + b"\r\n" + b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" + GET +
              b"Connection: close\r\n\r\n", end=False)
    assert statuses(got) == [200, 404, 200], f"got {got!r}"


def test_connection_is_kept(raw):
    assert statuses(raw(GET + b"\r\n" + GET + b"\r\n")) == [200, 200]


def test_http_1_0_is_closed_after_the_answer(raw):
    got = raw(b"GET /healthz HTTP/1.0\r\n\r\n", end=False)
    assert b" 200 " in got.split(b"\r\n")[0] + b" "


def test_expect_continue(stack, client):
    body = json.dumps(client.body("from demo.small.data", FROM, TO, kind="donothing")).encode()
    head = "".join(f"{k}: {v}\r\n" for k, v in client.headers(body).items())
    with socket.create_connection(("127.0.0.1", stack.port)) as s:
        s.settimeout(20)
        s.sendall(f"POST /search/query HTTP/1.1\r\nHost: x\r\n{head}Expect: 100-continue\r\n"
                  f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode())
        assert s.recv(4096).startswith(b"HTTP/1.1 100")
        s.sendall(body)
        got = s.recv(65536)
        assert got.startswith(b"HTTP/1.1 200"), f"got {got!r}"


def test_chunked_body(stack, client):
    body = json.dumps(client.body("from demo.small.data", FROM, TO, kind="donothing")).encode()
    head = "".join(f"{k}: {v}\r\n" for k, v in client.headers(body).items())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + 40]), body[i:i + 40])
                      for i in range(0, len(body), 40))
    with socket.create_connection(("127.0.0.1", stack.port)) as s:
        s.settimeout(20)
        s.sendall(f"POST /search/query HTTP/1.1\r\nHost: x\r\n{head}Connection: close\r\n"
                  "Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n")
        got = s.recv(65536)
        assert got.startswith(b"HTTP/1.1 200"), f"got {got!r}"


POST = b"POST /search/query HTTP/1.1\r\nHost: x\r\n"
BAD = {
    "two lengths": POST + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "length and chunked": POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n"
                          b"\r\n0\r\n\r\n",
    "unknown coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding misspelt": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "length with a sign": POST + b"Content-Length: +2\r\n\r\n{}",
    "length in words": POST + b"Content-Length: two\r\n\r\n{}",
    "length too long": POST + b"Content-Length: 99999999999999999999\r\n\r\n{}",
    "chunk size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
    "chunk size with a sign": POST + b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "chunk longer than said": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{}\r\n0\r\n\r\n",
    "blank before the colon": b"GET /healthz HTTP/1.1\r\nHost : x\r\n\r\n",
    "empty name": b"GET /healthz HTTP/1.1\r\nHost: x\r\n: y\r\n\r\n",
    "folded header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n",
    "bare CR in a header": b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n",
    "no host": b"GET /healthz HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
    "version": b"GET /healthz HTTP/9.9\r\nHost: x\r\n\r\n",
    "no version": b"GET /healthz\r\n\r\n",
    "control byte in the path": b"GET /heal\x01thz HTTP/1.1\r\nHost: x\r\n\r\n",
    "nonsense": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(50),
    "many headers": GET + b"".join(b"h%d: x\r\n" % i for i in range(400)) + b"\r\n",
    "long head": GET + b"A: " + b"x" * 20000 + b"\r\n\r\n",
    "long path": b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_can_be_read_in_two_ways_is_refused(raw, name):
    """Refused and closed: what follows is never taken for a second request."""
    got = raw(BAD[name] + GET + b"\r\n")
    codes = statuses(got)
    assert len(codes) == 1 and codes[0] in (400, 405, 413, 414, 431, 501, 505), f"got {got[:300]!r}"


def test_slow_head_and_slow_body_are_closed(store, tables, make_stack):
    stack = make_stack(conf={"api.head_timeout_ms": 300, "api.body_timeout_ms": 300,
                             "api.idle_timeout_ms": 300})
    for start in (b"", b"GET /heal", POST + b"Content-Length: 100\r\n\r\n{"):
        with socket.create_connection(("127.0.0.1", stack.port)) as s:
            s.settimeout(20)
            s.sendall(start)
            got = s.recv(65536)
            assert got == b"" or got.startswith(b"HTTP/1.1 408"), f"got {got!r} after {start!r}"


def test_connections_beyond_the_limit_wait_or_are_refused(make_stack):
    stack = make_stack(conf={"api.max_connections": 5})
    held = [socket.create_connection(("127.0.0.1", stack.port)) for _ in range(8)]
    for s in held:
        s.close()
    stack.wait_api()


def test_answers_name_no_server_details_and_are_not_cached(client):
    r = client.get("/jobs")
    assert r.headers.get("Cache-Control") == "no-store"
    assert r.headers.get("X-Content-Type-Options") == "nosniff"
