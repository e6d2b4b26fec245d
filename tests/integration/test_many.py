"""Several workers and uploaders at once, and a Redis that goes away."""

import pytest
import requests

from kit.data import FROM, TO
from kit.readers import Files, gunzip, have, same_bytes, unzip_7z
from kit.wait import until

PASSWORD = "another long pass phrase"


@pytest.mark.asan
def test_twenty_jobs_on_two_workers_and_two_uploaders(store, tables, make_stack):
    """Over TCP to Redis, two domains, every format; each job's files hold its own rows."""
    stack = make_stack(workers=2, uploaders=2, redis_port=True)
    clients = [stack.client(domain="acme"), stack.client(domain="umbrella")]
    zip_params = {"format": "zip", "file_password": PASSWORD} if have("7z") else {"format": "zip"}
    kinds = [({}, gunzip), ({"format": "plain"}, None), ({"retention_size": 1}, gunzip),
             (zip_params, (lambda d: unzip_7z(d, PASSWORD)) if have("7z") else None)]
    jobs = []
    for i in range(20):
        params, unpack = kinds[i % 4]
        least = i * 500
        job = clients[i % 2].submit(f"from demo.odd.data where id >= {least}", FROM, TO, **params)
        jobs.append((job, unpack, least))
    for job, unpack, least in jobs:
        status = job.wait(limit=120)
        same_bytes(Files(store, job, unpack, status).content(tables.odd.columns),
                   tables.odd.expect(lambda r, least=least: r.id >= least))
    stack.wait_spool_empty()
    logs = [w.output() for w in stack.workers]
    assert all(any(j.id.encode() in log for j, _, _ in jobs) for log in logs), \
        "one of the workers did nothing"


def test_two_workers_share_one_spool_and_one_dies(store, tables, make_stack):
    from kit.middle import MANY, QUERIES, complete
    stack = make_stack(workers=2, uploaders=2)
    client = stack.client()
    jobs = [client.submit(QUERIES["in-list"], FROM, TO, **MANY) for _ in range(4)]
    jobs[0].wait_for("is on its way", lambda j: j["eventGenerated"] > 0)
    stack.workers[0].kill()
    stack.uploaders[1].kill()
    for job in jobs:
        complete(store, tables, job, "in-list")
    stack.wait_spool_empty()


@pytest.mark.asan
def test_redis_away(store, tables, make_stack):
    """503 with Retry-After while it is away, healthy again by itself when it is back."""
    stack = make_stack()
    client = stack.client()
    good = client.body("from demo.small.data", FROM, TO)
    root = f"http://127.0.0.1:{stack.port}"
    done = client.submit("from demo.small.data", FROM, TO)
    done.wait()
    stack.redis.kill()
    until("the API says that it cannot work", 20,
          lambda: requests.get(f"{root}/readyz", timeout=10).status_code == 503)
    assert requests.get(f"{root}/healthz", timeout=10).status_code == 200
    for r in (client.post(good), client.get(f"/job/{done.id}"), client.get("/jobs")):
        assert r.status_code == 503, f"got HTTP {r.status_code} {r.text}"
        assert int(r.headers["Retry-After"]) >= 1
    stack.redis.start()
    stack.wait_api()
    assert done.get()["status"] == "COMPLETED"
    job = client.submit("from demo.small.data", FROM, TO)
    same_bytes(Files(store, job, None, job.wait()).content(tables.small.columns),
               tables.small.expect())
    assert all(p.alive() for p in stack.programs())


def test_redis_that_hangs(make_stack):
    """A server that does not answer is as one that is away: no call waits longer than its limit."""
    stack = make_stack(conf={"redis.timeout_ms": 300})
    client = stack.client()
    stack.redis.pause()
    assert client.get("/jobs").status_code == 503
    stack.redis.resume()
    until("the API answers again", 20, lambda: client.get("/jobs").status_code == 200)


def test_redis_that_is_full_takes_no_new_job_but_ends_the_old(store, tables, make_stack):
    from kit.middle import Held, complete
    held = Held(make_stack, store, "in-list")
    used = int(dict(line.split(b":", 1) for line in held.stack.redis.call("INFO", "memory")
                    .split(b"\r\n") if b":" in line)[b"used_memory"])
    held.stack.redis.call("CONFIG", "SET", "maxmemory", used)
    new = held.client.body("from demo.small.data", FROM, TO, kind="donothing")
    # How full it is, is looked at a few times a second.
    until("a new job is refused", 10, lambda: held.client.post(new).status_code == 503)
    assert int(held.client.post(new).headers["Retry-After"]) >= 1
    held.release()
    complete(store, tables, held.job, "in-list")
    held.stack.redis.call("CONFIG", "SET", "maxmemory", 0)
    held.client.submit("from demo.small.data", FROM, TO).wait()


@pytest.mark.parametrize("program", ["api", "worker", "uploader"])
def test_a_redis_that_evicts_is_refused(make_stack, program):
    stack = make_stack(start=False, redis_conf={"maxmemory-policy": "allkeys-lru"})
    stack.cli("key", "master", stack.path("master.key"))
    stack.redis.start()
    p = stack.program(program, 9)
    p.start(wait=False)
    assert p.wait_end() == 1
    assert b"noeviction" in p.output(), f"got {p.output()!r}"


def test_queue_limit(make_stack):
    stack = make_stack(conf={"limits.queued": 3})
    client = stack.client()
    stack.worker.end()
    jobs = [client.submit("from demo.small.data", FROM, TO) for _ in range(3)]
    r = client.post(client.body("from demo.small.data", FROM, TO))
    assert r.status_code == 429 and "Retry-After" in r.headers, f"got {r.status_code}"
    assert r.json()["limit"] == "queued" and "3 jobs" in r.json()["msg"], f"got {r.text}"
    stack.worker.start()
    for job in jobs:
        job.wait()
