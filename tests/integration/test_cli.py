"""The command line: what a person types, what is printed, and the exit status scripts rely on."""

import json
import os
import pty
import signal
import subprocess
import time

import pytest
import requests

from kit.data import FROM, TO
from kit.middle import MANY, QUERIES, Held
from kit.readers import Files, same_bytes
from kit.wait import until

pytestmark = pytest.mark.asan

OK, FAILED, USAGE, STOPPED, MISSING = 0, 1, 2, 3, 4


def client_env(stack, client, token=False):
    env = {"BUCKETLINE_URL": stack.url, "AWS_SECRET_ACCESS_KEY": stack.store.secret_key,
           "AWS_ACCESS_KEY_ID": stack.store.access_key}
    if token:
        return {**env, "BUCKETLINE_TOKEN": client.cred.token}
    return {**env, "BUCKETLINE_API_KEY": client.cred.key,
            "BUCKETLINE_API_SECRET": client.cred.secret}


@pytest.fixture
def run(stack, client):
    def run(*args, status=OK, stdin=None, token=False):
        done = stack.cli(*args, check=False, env=client_env(stack, client, token), stdin=stdin)
        assert done.returncode == status, \
            f"{args}: got status {done.returncode}, want {status}: {done.stdout}{done.stderr}"
        return done
    return run


def submit_args(client, query="from demo.small.data", **more):
    d = {**client.destination, **more}
    args = ["submit", "--query", query, "--from", FROM, "--to", TO]
    for name, value in d.items():
        args += ["--param-env", "aws.secretkey=AWS_SECRET_ACCESS_KEY"] \
            if name == "aws.secretkey" else ["--param", f"{name}={value}"]
    return args


@pytest.mark.parametrize("token", [False, True])
def test_submit_wait_status_and_list(store, tables, client, run, token):
    done = run(*submit_args(client), "--wait", token=token)
    job_id, *lines = done.stdout.split("\n")
    assert lines[-2].startswith("COMPLETED") and "10" in lines[-2]
    shown = run("status", job_id, token=token).stdout
    assert "COMPLETED" in shown and "10 generated, 10 sent" in shown and "_001.csv.gz" in shown
    answer = json.loads(run("status", job_id, "--json").stdout)
    assert answer["object"]["id"] == job_id
    assert job_id in run("list").stdout
    assert job_id in [j["id"] for j in json.loads(run("list", "--json").stdout)["object"]]
    from kit.client import Job
    job = Job(client, job_id, client.destination)
    same_bytes(Files(store, job).content(tables.small.columns), tables.small.expect())
    assert run("remove", job_id).stdout.strip() == "REMOVED"
    run("status", job_id, status=MISSING)


def test_body_from_a_file_and_from_stdin(stack, client, run):
    body = json.dumps(client.body("from demo.small.data", FROM, TO))
    path = stack.path("body.json")
    with open(path, "w", encoding="utf-8") as f:
        f.write(body)
    for args, stdin in ((["--body", path], None), (["--body", "-"], body)):
        assert len(run("submit", *args, "--wait", stdin=stdin).stdout.split("\n")[0]) == 36
    os.unlink(path)


def test_secret_as_an_argument_is_refused(client, run):
    """Others see the arguments of a process."""
    for name in ("aws.secretkey", "file.password", "aws.sessiontoken"):
        done = run("submit", "--query", "from x", "--from", "1h", "--param", f"{name}=abc",
                   status=USAGE)
        assert "--param-file" in done.stderr and "--param-env" in done.stderr


@pytest.mark.parametrize("args,status,words", [
    ([], USAGE, ""), (["nonsense"], USAGE, "nonsense"), (["submit"], USAGE, "--query"),
    (["submit", "--query", "x", "--from", "1h", "--param", "noequals"], USAGE, "name=value"),
    (["status"], USAGE, ""), (["status", "../x"], USAGE, ""),
    (["status", "00000000-0000-4000-8000-000000000000"], MISSING, "not found"),
    (["submit", "--query", "from x wher", "--from", "1h", "--to", "now"], FAILED, ""),
    (["key"], USAGE, ""), (["key", "revoke", "nobody"], FAILED, ""),
    (["list", "surplus"], USAGE, ""), (["watch"], USAGE, ""),
])
def test_wrong_use(run, args, status, words):
    done = run(*args, status=status)
    text = done.stderr or done.stdout  # the help, where nothing was asked for
    assert text and words in text, f"got {text!r}"
    assert "(null)" not in text


def test_refusal_is_told_in_the_services_words(client, run):
    done = run(*submit_args(client, format="rar"), status=FAILED)
    assert "210" in done.stderr and "zip" in done.stderr
    done = run(*submit_args(client, query="from demo.ecommerce.data wher x = 3"), status=FAILED)
    assert "line 1, column 26" in done.stderr


def test_failed_job_and_new_keys(store, client, run, stack):
    """Status 3 with the job's error; start --new-keys takes the keys of the environment."""
    args = ["x" * 40 if a is None else a for a in submit_args(client)]
    at = args.index("aws.secretkey=AWS_SECRET_ACCESS_KEY")
    path = stack.path("wrong-secret")
    with open(path, "w", encoding="ascii") as f:
        f.write("w" * 40 + "\n")
    args[at - 1:at + 1] = ["--param-file", f"aws.secretkey={path}"]
    done = run(*args, "--wait", status=STOPPED)
    assert "SignatureDoesNotMatch" in done.stderr
    job_id = done.stdout.split("\n")[0]
    run("stop", job_id, status=FAILED)
    assert run("start", job_id, "--new-keys").stdout.strip() == "RUNNING"
    assert "COMPLETED" in run("watch", job_id).stdout
    run("start", job_id, status=FAILED)
    os.unlink(path)


def test_sign(stack, client, run):
    body = json.dumps(client.body("from demo.small.data", FROM, TO, kind="donothing"))
    for method, path, text in (("GET", "/jobs", ""), ("POST", "/query", body)):
        args = ["--body", "-"] if text else []
        lines = run("sign", *args, stdin=text).stdout.strip().split("\n")
        headers = dict(line.split(": ", 1) for line in lines)
        assert sorted(headers) == ["x-logtrust-apikey", "x-logtrust-sign", "x-logtrust-timestamp"]
        r = requests.request(method, stack.url + path, data=text, headers=headers, timeout=20)
        assert r.status_code == 200, r.text
    same = [run("sign", "--timestamp", 1500000000000).stdout for _ in range(2)]
    assert same[0] == same[1] and "1500000000000" in same[0]


def test_watch_draws_a_bar_on_a_terminal(stack, client):
    job = client.submit("from demo.odd.data", FROM, TO)
    near, far = pty.openpty()
    p = subprocess.Popen([f"{stack.bin}/bucketline", "watch", job.id], stdout=far, stderr=far,
                         stdin=subprocess.DEVNULL, env={**stack.env, **client_env(stack, client)})
    os.close(far)
    seen = b""
    try:
        while data := os.read(near, 4096):
            seen += data
    except OSError:  # the other side is closed
        pass
    os.close(near)
    assert p.wait() == OK
    assert b"\r" in seen and b"####" in seen and b"COMPLETED" in seen, f"got {seen!r}"


def test_interrupted_watch_leaves_the_job_running(store, make_stack):
    held = Held(make_stack, store, "in-list")
    p = subprocess.Popen([f"{held.stack.bin}/bucketline", "watch", held.job.id],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         env={**held.stack.env, **client_env(held.stack, held.client)})
    line = p.stdout.readline()
    assert line.startswith("RUNNING"), f"got {line!r}"
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=30)
    assert p.returncode == 130 and f"bucketline watch {held.job.id}" in err, f"got {out} {err}"
    assert held.job.get()["status"] == "RUNNING"
    held.release()
    held.job.wait()


def test_keys_are_listed_and_revoked(stack, client):
    extra = stack.client(domain="visitor", tables="demo.small.**")
    assert extra.get("/jobs").status_code == 200
    listed = stack.cli("key", "list").stdout
    assert extra.cred.key in listed and "visitor" in listed and "demo.small.**" in listed
    assert extra.cred.secret not in listed and extra.cred.token not in listed
    assert extra.cred.key in json.dumps(json.loads(stack.cli("key", "list", "--json").stdout))
    stack.cli("key", "revoke", extra.cred.key)
    assert extra.cred.key not in stack.cli("key", "list").stdout
    until("the revoked key is refused", 10, lambda: extra.get("/jobs").status_code == 401)
    until("its token is refused", 10,
          lambda: extra.get("/jobs", auth="Bearer TOKEN").status_code in (401, 403))
    assert client.get("/jobs").status_code == 200


def test_expired_key(stack):
    done = stack.cli("key", "add", "--domain", "acme", "--expires-days", "-1", check=False)
    assert done.returncode != 0
    for domain in ("", "a b", "a:b", "x" * 500):
        assert stack.cli("key", "add", "--domain", domain, check=False).returncode != 0


def test_master_key_is_never_overwritten(stack):
    path = stack.path("another.key")
    stack.cli("key", "master", path)
    with open(path, encoding="ascii") as f:
        before = f.read()
    assert os.stat(path).st_mode & 0o777 == 0o600 and len(before.strip()) == 64
    assert stack.cli("key", "master", path, check=False).returncode != 0
    with open(path, encoding="ascii") as f:
        assert f.read() == before


def test_doctor(make_stack, store):
    stack = make_stack()
    done = stack.cli("doctor")
    for what in ("redis", "spool", "engine", "s3 endpoint", "clock", "master key"):
        assert what in done.stdout
    assert "FAIL" not in done.stdout
    stack.redis.kill()
    done = stack.cli("doctor", check=False)
    assert done.returncode != 0 and "FAIL  redis" in done.stdout
    stack.redis.start()
    stack.redis.call("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    done = stack.cli("doctor", check=False)
    assert done.returncode != 0 and "noeviction" in done.stdout
    stack.redis.call("CONFIG", "SET", "maxmemory-policy", "noeviction")


def test_service_that_is_not_there(stack):
    begun = time.monotonic()
    done = stack.cli("list", check=False, env={"BUCKETLINE_URL": "http://127.0.0.1:9/search",
                                               "BUCKETLINE_API_KEY": "a",
                                               "BUCKETLINE_API_SECRET": "b"})
    assert done.returncode == FAILED and "127.0.0.1" in done.stderr
    assert time.monotonic() - begun < 30


def test_queries_are_the_ones_of_the_crash_tests():
    """Ten values in the list, as the issue asks."""
    assert QUERIES["in-list"].count('"') == 20 and MANY == {"retention_size": 1}
