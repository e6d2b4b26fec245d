"""The life of a job as its owner sees it: status, lists, stop, start, remove, isolation."""

import re
import time

import pytest

from kit.data import FROM, TO
from kit.readers import Files, same_bytes

JOB_FIELDS = {"status", "id", "eventGenerated", "eventsSent", "lastDatetime", "extra", "type",
              "friendlyName", "query", "cid", "owner", "table", "error"}
QUERY = "from demo.small.data"


def done(client, **kw):
    job = client.submit(QUERY, FROM, TO, **kw)
    return job, job.wait()


@pytest.mark.asan
def test_answer_to_a_submit(client):
    r = client.post(client.body(QUERY, FROM, TO))
    answer = r.json()
    assert r.status_code == 200 and r.headers["Content-Type"].startswith("application/json")
    assert (answer["msg"], answer["status"]) == ("", 0)
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
                        answer["object"]["id"])
    assert abs(answer["timestamp"] - time.time() * 1000) < 60000 and answer["cid"]


@pytest.mark.asan
def test_status_of_a_completed_job(store, client):
    before = int(time.time() * 1000)
    job, status = done(client)
    assert JOB_FIELDS <= set(status), f"missing: {JOB_FIELDS - set(status)}"
    assert status["id"] == job.id and status["status"] == "COMPLETED"
    assert (status["eventGenerated"], status["eventsSent"]) == (10, 10)
    assert status["lastDatetime"] == 0
    assert status["type"] == "s3" and re.fullmatch(r"s3_[0-9A-Za-z]{10}", status["friendlyName"])
    assert (status["query"], status["table"]) == (QUERY, "demo.small.data")
    assert status["owner"] == client.cred.key and status["cid"]
    assert status["error"] == []
    (path,) = status["extra"]["paths"]
    assert path == f"{store.endpoint}/{job.bucket}/apiv2_{job.id}_001.csv.gz"
    envelope = client.get(f"/job/{job.id}").json()
    assert envelope["status"] == 0 and envelope["timestamp"] >= before and envelope["cid"]


def test_name_of_ones_own(client):
    job, status = done(client, friendlyName="Daily export ü")
    assert status["friendlyName"] == "Daily export ü"
    job.remove()


def test_name_is_unique_until_completed_or_removed(client):
    job = client.submit("from no.such.table", FROM, TO, friendlyName="the-name")
    job.wait("STOPPED")
    r = client.post(client.body(QUERY, FROM, TO, friendlyName="the-name"))
    assert r.status_code >= 400
    assert r.json()["msg"] == "Unable to Start Task: Task Key Duplicate: the-name"
    assert r.json()["code"] == 500
    job.remove()
    for _ in range(2):
        job, _status = done(client, friendlyName="the-name")
    job.remove()


def test_same_name_in_two_domains(stack, client):
    other = stack.client(domain="umbrella", **{})
    a = client.submit("from no.such.table", FROM, TO, friendlyName="shared")
    b = other.submit("from no.such.table", FROM, TO, friendlyName="shared")
    for job in (a, b):
        job.wait("STOPPED")
        job.remove()


@pytest.mark.asan
def test_lists(stack):
    mine = stack.client(domain="lister")
    names = ["alpha-1", "alpha-2", "beta-1"]
    jobs = [mine.submit(QUERY, FROM, TO, friendlyName=n) for n in names]
    for job in jobs:
        job.wait()
    ids = [j.id for j in jobs]
    entries = mine.jobs()
    assert [e["id"] for e in entries] == ids[::-1], "newest first"
    assert all(JOB_FIELDS <= set(e) for e in entries)
    assert [e["id"] for e in mine.jobs("/jobs/s3")] == ids[::-1]
    assert mine.jobs("/jobs/donothing") == []
    assert [e["id"] for e in mine.jobs("/jobs/s3/alpha")] == [ids[1], ids[0]]
    assert mine.jobs("/jobs/s3/gamma") == []
    jobs[2].remove()
    assert [e["id"] for e in mine.jobs()] == [ids[1], ids[0]]


@pytest.mark.asan
def test_another_domain_sees_nothing(stack, client):
    job = client.submit("from no.such.table", FROM, TO)
    job.wait("STOPPED")
    other = stack.client(domain="umbrella")
    unknown = other.get("/job/00000000-0000-4000-8000-000000000000").json()
    for action in ("", "stop/", "start/", "remove/"):
        r = other.get(f"/job/{action}{job.id}")
        assert r.status_code == 404
        assert {**r.json(), "cid": 0, "timestamp": 0} == {**unknown, "cid": 0, "timestamp": 0}
    assert job.id not in [j["id"] for j in other.jobs()]
    assert job.get()["status"] == "STOPPED"
    job.remove()


def test_table_globs_of_a_credential(stack):
    few = stack.client(domain="acme", tables="demo.small.*,demo.ecommerce.**")
    job = few.submit(QUERY, FROM, TO)
    job.wait()
    for query in ("from secret.payroll.data", "from demo.odd.data",
                  "from demo.small.data where id in (from secret.payroll.data select salary)"):
        r = few.post(few.body(query, FROM, TO))
        table = "demo.odd.data" if "odd" in query else "secret.payroll.data"
        assert r.status_code == 403, f"got HTTP {r.status_code} {r.text}"
        assert r.json()["error"] == f"Access not allowed for table '{table}'"
        assert r.json()["status"] == 403


def test_read_only_credential(stack, client):
    viewer = stack.client(domain="acme", read_only=True)
    job, _ = done(client)
    assert viewer.get(f"/job/{job.id}").status_code == 200
    assert viewer.post(viewer.body(QUERY, FROM, TO)).status_code == 403
    for action in ("stop", "start", "remove"):
        assert viewer.get(f"/job/{action}/{job.id}").status_code == 403
    assert job.get()["status"] == "COMPLETED"


@pytest.mark.parametrize("auth", ["Bearer TOKEN", "bearer TOKEN", "TOKEN"])
def test_token(client, auth):
    r = client.post(client.body(QUERY, FROM, TO), auth=auth)
    assert r.status_code == 200, r.text
    path = f"/job/{r.json()['object']['id']}"
    assert client.get(path, auth=auth).json()["object"]["owner"] == client.cred.key


def test_timestamp_of_whole_seconds_is_fine(client):
    """As the Python client sends it."""
    shift = -(int(time.time() * 1000) % 1000)
    assert client.get("/jobs", shift_ms=shift).status_code == 200


@pytest.mark.asan
def test_donothing_counts_and_keeps_nothing(store, stack, client, tables):
    job = client.submit("from demo.odd.data", FROM, TO, kind="donothing")
    status = job.wait()
    assert status["eventGenerated"] == len(tables.odd.rows)
    assert status["type"] == "donothing"
    assert not status.get("extra", {}).get("paths")
    assert not store.keys(stack.bucket, f"apiv2_{job.id}")
    stack.wait_spool_empty()


@pytest.mark.asan
def test_actions_on_a_completed_job(client):
    job, _ = done(client)
    job.expect("stop", "COMPLETED", code=101)
    job.expect("start", "COMPLETED", code=101)
    job.remove()
    for action in ("stop", "start", "remove"):
        http, answer = job.act(action)
        assert (http, answer["status"]) == (404, 100)
    assert client.get(f"/job/{job.id}").status_code == 404


def test_actions_on_a_stopped_job(client):
    job = client.submit("from no.such.table", FROM, TO)
    job.wait("STOPPED")
    job.expect("stop", "STOPPED", code=108)
    job.start()
    job.wait("STOPPED")
    job.remove()


def test_other_spellings_of_actions(client):
    """POST as well as GET, the id before the action, DELETE for remove."""
    job = client.submit("from no.such.table", FROM, TO)
    job.wait("STOPPED")
    assert client.post(b"", path=f"/job/{job.id}/start").json()["object"]["status"] == "RUNNING"
    job.wait("STOPPED")
    assert client.get(f"/job/{job.id}/stop").json()["status"] == 108
    r = client.call("DELETE", f"/job/{job.id}")
    assert (r.status_code, r.json()["object"]["status"]) == (200, "REMOVED")
    assert client.get(f"/job/{job.id}").status_code == 404


def test_vault_names(client):
    jobs = [client.submit(QUERY, FROM, TO, extra={"vaultName": v})
            for v in ("low", "normal", "high")]
    for job in jobs:
        job.wait()
    assert client.post(client.body(QUERY, FROM, TO, extra={"vaultName": "first"})) \
        .status_code == 400


def test_idle_job_is_created_until_a_worker_comes(store, tables, make_stack):
    stack = make_stack()
    client = stack.client()
    stack.worker.end()
    job = client.submit(QUERY, FROM, TO)
    assert job.get()["status"] == "CREATED"
    job.expect("start", "CREATED", code=101)
    stopped = client.submit(QUERY, FROM, TO)
    stopped.stop()
    stack.worker.start()
    same_bytes(Files(store, job, None, job.wait()).content(tables.small.columns),
               tables.small.expect())
    assert stopped.get()["status"] == "STOPPED"
    stopped.start()
    stopped.wait()


def test_vaults_order_the_queue_of_a_domain(make_stack):
    stack = make_stack(conf={"worker.runners": 1})
    client = stack.client()
    stack.worker.end()
    order = ["low", "normal", "high"]
    jobs = [client.submit(QUERY, FROM, TO, kind="donothing", extra={"vaultName": v})
            for v in order]
    stack.worker.start()
    for job in jobs:
        job.wait()
    log = stack.worker.output().decode()
    first = [log.find(j.id) for j in jobs]
    assert first[2] < first[1] < first[0], f"claimed in another order: {dict(zip(order, first))}"


def test_a_crowd_of_one_domain_does_not_starve_another(make_stack):
    stack = make_stack(conf={"worker.runners": 1})
    crowd, lone = stack.client(domain="crowd"), stack.client(domain="lone")
    stack.worker.end()
    many = [crowd.submit(QUERY, FROM, TO, kind="donothing") for _ in range(8)]
    one = lone.submit(QUERY, FROM, TO, kind="donothing")
    stack.worker.start()
    one.wait()
    for job in many:
        job.wait()
    log = stack.worker.output().decode()
    assert sum(log.find(j.id) < log.find(one.id) for j in many) <= 2
