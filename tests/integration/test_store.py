"""How objects get into the store: parts, address styles, a store that fails or is away."""

import pytest

from kit.data import FROM, TO
from kit.middle import MANY, QUERIES, complete
from kit.readers import Files, same_bytes
from kit.tap import Tap
from kit.wait import until

PARTS = {"upload.multipart_threshold": "5M", "upload.part_size": "5M"}


@pytest.mark.asan
def test_large_files_go_in_parts(store, tables, make_stack):
    stack = make_stack(conf=PARTS)
    client = stack.client()
    job = client.submit("from demo.big.data", FROM, TO, format="plain", multiplefile=False)
    files = Files(store, job, None, job.wait())
    same_bytes(files.content(tables.big.columns), tables.big.expect())
    tag = store.client.head_object(Bucket=job.bucket, Key=files.keys[0])["ETag"]
    parts = int(tag.strip('"').partition("-")[2] or 0)
    assert parts >= 3, f"got ETag {tag} of {files.sizes[0]} bytes, want that of some parts"
    assert store.uploads(job.bucket) == []


def test_small_files_go_in_one_piece(store, tables, make_stack):
    client = make_stack(conf=PARTS).client()
    job = client.submit("from demo.small.data", FROM, TO)
    files = Files(store, job, None, job.wait())
    assert "-" not in store.client.head_object(Bucket=job.bucket, Key=files.keys[0])["ETag"]


@pytest.mark.parametrize("parts", [False, True])
def test_virtual_host_style(store, tables, make_stack, parts):
    import os
    if not store.endpoint.startswith("http://127.0.0.1"):
        pytest.skip("no name is known by which this store answers in this style")
    stack = make_stack(endpoint=store.virtual_host_endpoint,
                       conf={"s3.path_style": "false", **(PARTS if parts else {})})
    client = stack.client()
    table = tables.big if parts else tables.small
    job = client.submit(f"from {table.name}", FROM, TO, multiplefile=False)
    status = job.wait()
    assert status["extra"]["paths"][0].startswith(f"http://{job.bucket}.s3.localhost:{store.port}/")
    same_bytes(Files(store, job, None, status).content(table.columns), table.expect())
    assert os.path.exists(stack.path("spool"))


@pytest.mark.parametrize("name", ["with blank", "plus+and&and=", "ünïcödé", "per%cent",
                                  "a~b(c)'d!*"])
def test_keys_that_need_escaping(store, tables, make_stack, name):
    client = make_stack().client()
    job = client.submit("from demo.small.data", FROM, TO, s3_fileName=name)
    files = Files(store, job, None, job.wait())
    assert files.keys == [f"{name}_001.csv.gz"]
    same_bytes(files.content(tables.small.columns), tables.small.expect())


def test_store_that_is_away_for_a_while(store, tables, make_stack):
    """Connections refused and reset: retried until it is back, the job never stops."""
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint)
    client = stack.client()
    tap.refusing = True
    job = client.submit(QUERIES["in-list"], FROM, TO, **MANY)
    until("files wait in the spool", 60, lambda: len(stack.spool_files()) >= 3)
    seen = job.get()
    assert seen["status"] == "RUNNING" and seen["eventsSent"] == 0 and seen["eventGenerated"] > 0
    tap.refusing = False
    complete(store, tables, job, "in-list")
    stack.wait_spool_empty()


def test_connections_cut_again_and_again(store, tables, make_stack):
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint)
    client = stack.client()
    job = client.submit(QUERIES["in-list"], FROM, TO, **MANY)
    for _ in range(8):
        tap.hold_after(700000)
        until("bytes on their way, or all is done", 60,
              lambda: tap.reached() or job.get()["status"] == "COMPLETED")
        tap.cut()
    tap.release()
    complete(store, tables, job, "in-list")


def test_answer_that_is_lost(store, tables, make_stack):
    """The object is there, its answer is not: the next try recognises it as ours."""
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint)
    client = stack.client()
    tap.hold_answers()
    job = client.submit("from demo.odd.data", FROM, TO)
    until("the object is in the store", 30, lambda: store.keys(job.bucket))
    tap.cut()
    tap.release()
    same_bytes(Files(store, job, None, job.wait()).content(tables.odd.columns),
               tables.odd.expect())


def test_stalled_transfer_is_broken_off(store, tables, make_stack):
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint, conf={"s3.stall_timeout_s": 1})
    client = stack.client()
    tap.hold_after(300000)
    job = client.submit("from demo.odd.data", FROM, TO)
    until("some of it is sent", 30, tap.reached)
    before = len(tap.pairs)
    until("a new connection after the stalled one", 30, lambda: len(tap.pairs) != before or
          not tap.pairs)
    tap.release()
    job.wait()


def test_spool_limit_holds_the_runner_back(store, tables, make_stack):
    """More than fits is exported all the same, and the spool stays within its limit."""
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint, conf={"spool.limit": "4M", "job.unsent_chunks": 100})
    client = stack.client()
    tap.refusing = True
    job = client.submit(QUERIES["in-list"], FROM, TO, **MANY)
    until("files wait in the spool", 60, lambda: stack.spool_files())
    import os
    most = 0

    def used():
        total = 0
        for d, _, names in os.walk(stack.path("spool")):
            for n in names:
                try:
                    total += os.path.getsize(os.path.join(d, n))
                except FileNotFoundError:
                    pass
        return total
    for _ in range(50):
        most = max(most, used())
        job.get()
    assert job.get()["status"] in ("RUNNING", "PAUSED")
    tap.refusing = False
    complete(store, tables, job, "in-list")
    assert most <= 4 * (1 << 20) + 2 * (1 << 20), f"the spool held {most} bytes"


def test_emptied_redis_costs_no_file(store, tables, make_stack):
    """Files of jobs that Redis forgot are reported and kept, never sent and never deleted."""
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint)
    stack.spool_may_hold = True
    tap.refusing = True
    job = stack.client().submit(QUERIES["in-list"], FROM, TO, **MANY)
    until("files wait in the spool", 60, lambda: len(stack.spool_files()) >= 2)
    stack.worker.kill()
    before = sorted(stack.spool_files())
    stack.redis.call("FLUSHALL")
    tap.refusing = False
    stack.uploader.kill()
    stack.uploader.start()
    until("they are reported", 30,
          lambda: b"files of jobs that Redis does not know" in stack.uploader.output())
    assert sorted(stack.spool_files()) == before
    assert not store.keys(job.bucket)
