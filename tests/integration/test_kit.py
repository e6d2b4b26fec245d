"""The kit itself: its checks can fail, and its servers are what they are said to be."""

import gzip
import socket
import threading
from types import SimpleNamespace

import pytest

from kit import csvtext, readers
from kit.evidence import Evidence
from kit.redis import Redis
from kit.tap import Tap
from kit.wait import Late, until


def test_a_leaked_secret_is_found(tmp_path):
    e = Evidence()
    e.secret("a/secret+of=length", "test secret")
    for text in (b"x a/secret+of=length y", b'"a\\/secret+of=length"', b"YS9zZWNyZXQrb2Y9bGVuZ3Ro"):
        path = tmp_path / "a.log"
        path.write_bytes(text)
        e.judge_file(path)
        assert e.take_problems() == [f"a test secret appears in {path}"]
    e.answer("GET /x", b"a/secret+of=length")
    e.command_line("worker", b"--key\0a/secret+of=length\0")
    assert len(e.take_problems()) == 2


@pytest.mark.parametrize("line", [
    b"==1==ERROR: AddressSanitizer: heap-use-after-free on address",
    b"x.c:3:4: runtime error: signed integer overflow",
    b"==9==ERROR: LeakSanitizer: detected memory leaks",
])
def test_a_report_of_a_sanitizer_is_found(tmp_path, line):
    e = Evidence()
    path = tmp_path / "api.log"
    path.write_bytes(b"2026 info api[1] ready\n" + line + b"\n")
    e.judge_file(path)
    assert len(e.take_problems()) == 1


def test_differences_of_bytes_are_found():
    readers.same_bytes(b"a\nb\n", b"a\nb\n")
    for got in (b"a\n", b"a\nb\nb\n", b"b\na\n", b"", b"a\nc\n"):
        with pytest.raises(AssertionError):
            readers.same_bytes(got, b"a\nb\n")


def test_two_gzip_members_are_found():
    with pytest.raises(AssertionError):
        readers.gunzip(gzip.compress(b"a") + gzip.compress(b"b"))


@pytest.mark.parametrize("value,want", [
    (None, ""), ("", '""'), ("a", "a"), ("a,b", '"a,b"'), ('"', '""""'), ("a\nb", '"a\nb"'),
    ("\r", '"\r"'), (" a ", " a "), (True, "true"), (-5, "-5"), (0.125, "0.125"),
])
def test_csv_dialect(value, want):
    assert csvtext.field(value) == want


def test_late_is_an_error():
    with pytest.raises(Late):
        until("never", 0.05, lambda: False)


def test_redis_lives_and_remembers_after_kill(tmp):
    import tempfile
    with tempfile.TemporaryDirectory(dir=tmp) as d:
        r = Redis(d)
        r.start()
        assert r.call("SET", "k", "v") == b"OK"
        r.kill()
        r.start()
        assert r.call("GET", "k") == b"v"
        r.end()


def test_tap_holds_counts_and_cuts():
    echo = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                s, _ = echo.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(s,), daemon=True).start()

    def answer(s):
        try:
            while data := s.recv(99):
                s.sendall(data)
        except OSError:
            pass
    threading.Thread(target=serve, daemon=True).start()
    port = echo.getsockname()[1]
    tap = Tap(SimpleNamespace(endpoint=f"http://127.0.0.1:{port}", port=port))
    s = socket.create_connection(("127.0.0.1", tap.port))
    s.settimeout(10)
    s.sendall(b"one")
    assert s.recv(99) == b"one" and tap.up == 3
    tap.hold_after(0)
    s.sendall(b"two")
    s.settimeout(0.2)
    with pytest.raises(TimeoutError):
        s.recv(99)
    tap.release()
    s.settimeout(10)
    assert s.recv(99) == b"two"
    tap.cut()
    with pytest.raises(ConnectionResetError):
        s.recv(99)
    tap.close()
    echo.close()
