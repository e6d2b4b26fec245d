"""kill -9 of each process in the middle of an export: the same result as without."""

import os
import signal

import pytest

from kit.data import FROM, TO
from kit.middle import QUERIES, Held, complete
from kit.procs import ended
from kit.tap import Tap
from kit.wait import until

BOTH = pytest.mark.parametrize("which", ["in-list", "group"])


def kill_runners(stack):
    pids = stack.runners()
    assert pids, "there is no runner"
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.asan
@BOTH
def test_runner(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    kill_runners(held.stack)
    held.release()
    complete(store, tables, held.job, which)
    held.stack.wait_spool_empty()


@pytest.mark.asan
@BOTH
def test_supervisor(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    runners = held.stack.runners()
    held.stack.worker.kill()
    until("the runners end with their supervisor", 10,
          lambda: all(ended(p) for p in runners))
    held.release()
    held.job.wait_for("notices the loss", lambda j: j["status"] == "RECONNECTING", limit=30)
    held.stack.worker.start()
    complete(store, tables, held.job, which)
    held.stack.wait_spool_empty()


@pytest.mark.asan
@BOTH
def test_uploader(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.stack.uploader.kill()
    held.release()
    held.stack.uploader.start()
    complete(store, tables, held.job, which)
    held.stack.wait_spool_empty()


def test_uploader_between_the_object_and_its_confirmation(store, tables, make_stack):
    """The store has the object, the uploader never heard of it: recognised, not doubled."""
    held = Held(make_stack, store, "in-list")
    held.tap.hold_answers()
    held.tap.release_up()
    until("an object without a confirmation", 30, lambda: len(store.keys(held.job.bucket)) > 0 and
          len(store.keys(held.job.bucket)) > len(held.job.get()["extra"].get("paths", [])))
    held.stack.uploader.kill()
    held.tap.cut()
    held.release()
    held.stack.uploader.start()
    complete(store, tables, held.job, "in-list")


def test_uploader_in_the_middle_of_a_multipart_upload(store, tables, make_stack):
    held = Held(make_stack, store, "in-list", after=7000000,
                conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M"},
                params={"multiplefile": False, "format": "plain"})
    held.stack.uploader.kill()
    held.tap.cut()
    held.release()
    held.stack.uploader.start()
    files = complete(store, tables, held.job, "in-list")
    assert len(files.keys) == 1


def test_uploader_before_it_learns_of_its_multipart_upload(store, tables, make_stack):
    """The store has created the upload, its id reached nobody: the next try aborts it."""
    tap = Tap(store)
    stack = make_stack(endpoint=tap.endpoint,
                       conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M"})
    tap.hold_answers()
    job = stack.client().submit(QUERIES["in-list"], FROM, TO, multiplefile=False, format="plain")
    until("an upload is begun", 60, lambda: store.uploads(job.bucket))
    stack.uploader.kill()
    tap.cut()
    tap.release()
    assert len(store.uploads(job.bucket)) == 1
    stack.uploader.start()
    complete(store, tables, job, "in-list")


@pytest.mark.asan
@BOTH
def test_redis(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    held.stack.redis.kill()
    held.release()
    held.stack.redis.start()
    held.stack.wait_api()
    complete(store, tables, held.job, which)
    held.stack.wait_spool_empty()


def test_redis_away_for_longer_than_a_lease(store, tables, make_stack):
    """The uploader cannot know whether its chunk is still its own: it starts no further part, and
    goes on with the same upload when it knows."""
    held = Held(make_stack, store, "in-list", after=6000000,
                conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M",
                      "upload.part_window": 1},
                params={"multiplefile": False, "format": "plain"})
    held.stack.redis.kill()
    held.tap.rate = 1e6  # the part on its way ends after the lease
    held.tap.release()
    until("the transfer pauses", 30, lambda: b"the transfer pauses" in held.stack.uploader.output())
    assert len(store.uploads(held.job.bucket)) == 1
    held.tap.rate = None
    held.stack.redis.start()
    held.stack.wait_api()
    complete(store, tables, held.job, "in-list")


@BOTH
def test_everything_at_once(store, tables, make_stack, which):
    held = Held(make_stack, store, which)
    held.wait_runner_held()
    stack = held.stack
    for p in [*stack.programs(), stack.redis]:
        p.kill()
    held.tap.cut()
    held.release()
    stack.redis.start()
    for p in stack.programs():
        p.start()
    stack.wait_api()
    complete(store, tables, held.job, which)
    stack.wait_spool_empty()


def test_runner_three_times_and_it_is_not_blamed_on_the_job(store, tables, make_stack):
    """Each attempt seals something before it dies, so none of them counts."""
    held = Held(make_stack, store, "in-list", after=1100000)
    for _ in range(3):
        until("a runner", 30, held.stack.runners)
        kill_runners(held.stack)
        held.tap.hold_after(1500000)
        until("more is sent, or all is done", 60,
              lambda: held.tap.reached() or held.job.get()["status"] == "COMPLETED")
    held.release()
    complete(store, tables, held.job, "in-list")


def test_worker_drained_by_sigterm_hands_its_job_over(store, tables, make_stack):
    held = Held(make_stack, store, "in-list")
    held.wait_runner_held()
    held.release()
    assert held.stack.worker.end() == 0
    seen = held.job.get()["status"]
    assert seen in ("PAUSED", "COMPLETED", "RUNNING"), f"got {seen}"
    held.stack.worker.start()
    complete(store, tables, held.job, "in-list")
    held.stack.wait_spool_empty()


def test_uploader_ended_by_sigterm_finishes_what_it_has(store, tables, make_stack):
    held = Held(make_stack, store, "in-list")
    held.release()
    assert held.stack.uploader.end() == 0
    held.stack.uploader.start()
    complete(store, tables, held.job, "in-list")


def test_half_written_slots_are_cleared(store, tables, make_stack):
    """A killed worker's folder in tmp/ goes with the next worker."""
    held = Held(make_stack, store, "in-list")
    held.wait_runner_held()
    held.stack.worker.kill()
    held.release()
    held.stack.worker.start()
    complete(store, tables, held.job, "in-list")
    held.stack.wait_spool_empty()
