"""What the API has beyond the original: repeated requests, caches, waiting, pages, saved queries,
signed tokens."""

import json
import re
import time

import pytest

from kit.data import FROM, TO

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
