"""Jobs that cannot succeed: STOPPED, with words a person can act on, and startable again where
that can help."""

import pytest

from kit.data import FROM, TO
from kit.readers import Files, same_bytes

pytestmark = pytest.mark.asan

WRONG = "wrong/secret+key/0000000000000000000000001"


def stopped(client, query, *words, **params):
    job = client.submit(query, FROM, TO, **params)
    status = job.wait("STOPPED")
    text = " ".join(status["error"])
    for w in words:
        assert w.lower() in text.lower(), f"got error {status['error']}, want '{w}' in it"
    return job


@pytest.mark.parametrize("query,words", [
    ("from no.such.table", ["no.such.table"]),
    ("from demo.ecommerce.dat", ["demo.ecommerce.dat", "demo.ecommerce.data"]),
    ("from demo.ecommerce.data where uri in (from no.such.table select uri)", ["no.such.table"]),
    ("from demo.ecommerce.data where selct = 3", ["selct", "line 1, column 32"]),
    ("from demo.ecommerce.data select statuscode", ["statuscode", "statusCode"]),
    ("from demo.ecommerce.data group by nothing select count() as n", ["nothing"]),
    ("from demo.ecommerce.data where statusCode = \"abc\"", ["statusCode"]),
    ("from demo.ecommerce.data where uri ~ re(\"(?=x)\")", ["re"]),
])
def test_query_that_the_data_refuses(client, query, words):
    job = stopped(client, query, *words)
    job.remove()


def test_wrong_secret_is_a_pause(store, client, tables):
    """SignatureDoesNotMatch, in the store's words; start with the right key goes on."""
    from kit.evidence import evidence
    evidence.secret(WRONG, "wrong S3 secret")
    job = stopped(client, "from demo.odd.data", "SignatureDoesNotMatch", aws_secretkey=WRONG)
    assert store.keys(job.bucket, f"apiv2_{job.id}") == {}
    job.start(aws_accesskey=store.access_key, aws_secretkey=store.secret_key)
    same_bytes(Files(store, job, None, job.wait()).content(tables.odd.columns),
               tables.odd.expect())


def test_start_without_a_new_key_stops_again(store, client):
    job = stopped(client, "from demo.small.data", "SignatureDoesNotMatch", aws_secretkey=WRONG)
    job.start()
    job.wait("STOPPED")
    job.remove()


def test_unknown_access_key(client):
    stopped(client, "from demo.small.data", "InvalidAccessKeyId",
            aws_accesskey="AKIANOBODYKNOWSTHIS0").remove()


def test_missing_bucket_then_made(store, client, tables):
    name = store.bucket_name()
    job = stopped(client, "from demo.odd.data", "NoSuchBucket", name, aws_bucket=name)
    store.make_bucket(name)
    job.start()
    same_bytes(Files(store, job, None, job.wait()).content(tables.odd.columns),
               tables.odd.expect())
    store.drop_bucket(name)


@pytest.mark.parametrize("params", [
    {"query": "x"}, {"aws.bucket": "other-bucket"}, {"format": "plain"}, {"aws.region": "x"},
    {"aws.accesskey": ""}, {"aws.secretkey": 5}, {"nosuch": 1},
], ids=repr)
def test_start_changes_keys_only(client, params):
    job = stopped(client, "from no.such.table")
    r = client.post({"destination": {"params": params}}, path=f"/job/start/{job.id}")
    assert r.status_code == 400, f"got HTTP {r.status_code} {r.text}"
    assert job.get()["status"] == "STOPPED"
    job.remove()


def test_foreign_object_is_not_overwritten(store, client, tables):
    bucket = client.destination["aws.bucket"]
    store.client.put_object(Bucket=bucket, Key="taken_001.csv.gz", Body=b"somebody's")
    job = stopped(client, "from demo.small.data", "taken_001.csv.gz", s3_fileName="taken")
    assert store.get(bucket, "taken_001.csv.gz") == b"somebody's"
    store.client.delete_object(Bucket=bucket, Key="taken_001.csv.gz")
    job.start()
    same_bytes(Files(store, job, None, job.wait()).content(tables.small.columns),
               tables.small.expect())


def test_one_dead_bucket_does_not_stop_the_others(client):
    dead = [client.submit("from demo.small.data", FROM, TO, aws_secretkey=WRONG)
            for _ in range(5)]
    client.submit("from demo.small.data", FROM, TO).wait()
    for job in dead:
        job.wait("STOPPED")
        job.remove()
