"""Stop, start and remove in the middle of an export: nothing lost, nothing twice."""

import pytest

from kit.middle import Held, complete
from kit.wait import until


@pytest.mark.asan
@pytest.mark.parametrize("which", ["in-list", "group"])
def test_stop_and_start(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    held.job.stop()
    held.release()
    # What was sealed before the stop still goes up.
    seen = held.job.wait_for("has sent what was sealed",
                             lambda j: j["status"] == "STOPPED" and j["eventsSent"] > 0 and
                             not held.stack.spool_files())
    assert 0 < seen["eventsSent"] < len(tables.big.rows)
    held.job.start()
    complete(store, tables, held.job, which)
    held.stack.wait_spool_empty()


@pytest.mark.parametrize("fmt", ["zip", "plain"])
def test_stop_and_start_of_other_formats(store, tables, make_stack, fmt):
    held = Held(make_stack, store, "in-list", params={"retention_size": 1, "format": fmt})
    held.job.stop()
    held.release()
    held.job.start()
    complete(store, tables, held.job, "in-list")


def test_stop_and_start_many_times(store, tables, make_stack):
    held = Held(make_stack, store, "in-list", after=1200000)
    for _ in range(5):
        held.job.act("stop")
        held.tap.release()
        _, answer = held.job.act("start")  # the rest may have been sealed, and sent, before
        assert answer["object"]["status"] in ("RUNNING", "COMPLETED"), f"got {answer}"
        held.tap.hold_after(1200000)
        until("more is sent, or all is done", 60,
              lambda: held.tap.reached() or held.job.get()["status"] == "COMPLETED")
    held.release()
    complete(store, tables, held.job, "in-list")


def test_stop_of_a_single_file(store, tables, make_stack):
    """Nothing shows before the end, and the end is one whole file."""
    held = Held(make_stack, store, "in-list", params={"multiplefile": False})
    seen = held.job.get()
    assert not seen.get("extra", {}).get("paths") and seen["eventsSent"] == 0
    held.job.stop()
    held.release()
    held.job.start()
    files = complete(store, tables, held.job, "in-list")
    assert len(files.keys) == 1


@pytest.mark.asan
@pytest.mark.parametrize("which", ["in-list", "group"])
def test_remove(store, make_stack, which):
    """Files sent stay; nothing comes after, and nothing is left in the spool or half uploaded."""
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    held.job.remove()
    assert held.client.get(f"/job/{held.job.id}").status_code == 404
    before = set(store.keys(held.job.bucket))
    held.release()
    held.stack.wait_spool_empty(40)
    until(lambda: f"no multipart upload: {store.uploads(held.job.bucket)}", 20,
          lambda: not store.uploads(held.job.bucket))
    # The files that were on their way when it was removed may have arrived; no later ones.
    after = set(store.keys(held.job.bucket))
    assert before <= after and len(after) - len(before) <= 4


def test_remove_aborts_the_upload_of_a_dead_uploader(store, make_stack):
    """Its chunk is gone with the job; what the abort needs is not."""
    held = Held(make_stack, store, "in-list", after=7000000,
                conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M"},
                params={"multiplefile": False, "format": "plain"})
    held.stack.uploader.kill()
    held.tap.cut()
    held.release()
    assert len(store.uploads(held.job.bucket)) == 1
    held.job.remove()
    held.stack.uploader.start()
    until(lambda: f"no multipart upload: {store.uploads(held.job.bucket)}", 20,
          lambda: not store.uploads(held.job.bucket))
    held.stack.wait_spool_empty()
    assert not store.keys(held.job.bucket)


def test_paths_come_in_index_order_while_it_runs(store, tables, make_stack):
    held = Held(make_stack, store, "in-list", after=4500000)
    running = held.job.wait_for("has paths", lambda j: j["extra"]["paths"])
    assert running["status"] == "RUNNING" and 0 < running["eventsSent"] < running["eventGenerated"]
    assert running["lastDatetime"] > 0
    held.release()
    files = complete(store, tables, held.job, "in-list")
    seen = running["extra"]["paths"]
    assert seen == sorted(seen) and set(seen) <= set(files.paths)
