"""What an interrupted export resumes from, and what it refuses to resume from."""

import os
import shutil
import signal

import pytest

from kit.data import FROM, KINDS, TO, ODD_TYPES, folder, odd, write_parquet
from kit.middle import QUERIES, Held, complete, expected
from kit.readers import Files, gunzip, have, same_bytes, unzip_7z
from kit.wait import until

PASSWORD = "resume with this pass phrase"


def kill_runners(stack):
    for pid in stack.runners():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


@pytest.mark.asan
def test_password_zip_through_crashes(store, tables, make_stack):
    """Each new try has a fresh salt: chunks are the same by content, not by bytes."""
    if not have("7z"):
        pytest.skip("7z is not installed")
    held = Held(make_stack, store, "in-list",
                params={"retention_size": 1, "format": "zip", "file_password": PASSWORD})
    held.wait_runner_held()
    held.judge_spool()
    kill_runners(held.stack)
    held.stack.uploader.kill()
    held.tap.cut()
    held.release()
    held.stack.uploader.start()
    status = held.job.wait(limit=90)
    columns, want = expected(tables, "in-list")
    files = Files(store, held.job, lambda d: unzip_7z(d, PASSWORD), status)
    same_bytes(files.content(columns), want)


def test_limit_and_skip_through_a_crash(store, tables, make_stack):
    first_ten = set(KINDS[:10])
    rows = [text for text, r in zip(tables.big.lines, tables.big.rows) if r.kind in first_ten]
    held = Held(make_stack, store, "in-list",
                params={"retention_size": 1, "skip": 500, "limit": 60000})
    held.wait_runner_held()
    kill_runners(held.stack)
    held.release()
    files = Files(store, held.job, None, held.job.wait(limit=90))
    same_bytes(files.content(tables.big.columns), b"".join(rows[500:60500]))


@pytest.fixture
def own(store, tmp, make_stack):
    """A stack over tables of its own, which the test may change."""
    def make(name):
        path = os.path.join(tmp, f"own-{name}")
        table = odd("demo.big.data", n=200000, seed=3)
        write_parquet(table, path, ODD_TYPES)
        held = Held(lambda **kw: make_stack(tables_path=path, **kw), store, "in-list")
        return held, table, os.path.join(folder(path, table.name), "part-000.parquet")
    return make


@pytest.mark.parametrize("how", ["touched", "replaced", "gone"])
def test_changed_source_is_refused(own, how):
    """Another file under the old name may hold other rows: the job stops, and says which."""
    held, _, path = own(how)
    held.wait_runner_held()
    held.stack.worker.kill()
    held.release()
    if how == "gone":
        os.unlink(path)
    elif how == "touched":
        os.utime(path, (1, 1))
    else:
        shutil.copyfile(path, path + ".new")
        os.rename(path + ".new", path)
    held.stack.worker.start()
    error = " ".join(held.job.wait("STOPPED")["error"])
    assert "part-000.parquet" in error or how == "gone", f"got {error}"
    assert error


def test_added_file_is_not_of_this_job(store, own):
    """The list of files is taken once, at the first start."""
    held, table, path = own("added")
    held.wait_runner_held()
    held.stack.worker.kill()
    held.release()
    shutil.copyfile(path, path.replace("part-000", "part-001"))
    held.stack.worker.start()
    status = held.job.wait(limit=90)
    files = Files(store, held.job, None, status)
    first_ten = set(KINDS[:10])
    same_bytes(files.content(table.columns), table.expect(lambda r: r.kind in first_ten))


def test_lost_result_of_a_group(store, tables, make_stack):
    """The materialised result is gone in the middle: made again where that gives the same rows,
    else the job says that it cannot."""
    held = Held(make_stack, store, "group")
    held.wait_runner_held()
    held.stack.worker.kill()
    for name in os.listdir(held.stack.path("spool", "results")):
        os.unlink(held.stack.path("spool", "results", name))
    held.release()
    held.stack.worker.start()
    status = held.job.wait_for("an end", lambda j: j["status"] in ("COMPLETED", "STOPPED"), 90)
    if status["status"] == "COMPLETED":
        complete(store, tables, held.job, "group")
    else:
        assert status["error"]


def after_tampering(make_stack, store, tamper):
    """A job whose finished files were tampered with while nobody was looking: STOPPED."""
    held = Held(make_stack, store, "in-list")
    held.wait_runner_held()
    held.stack.uploader.kill()
    held.tap.cut()
    for name in held.stack.spool_files():
        tamper(held.stack.path("spool", "ready", name))
    held.release()
    held.stack.uploader.start()
    status = held.job.wait("STOPPED", 90)
    for key in store.keys(held.job.bucket):
        gunzip(store.get(held.job.bucket, key))
    held.job.remove()
    held.stack.wait_spool_empty(40)
    return " ".join(status["error"])


def test_lost_files_of_the_spool(store, make_stack):
    assert "gone from the spool" in after_tampering(make_stack, store, os.unlink)


def test_damaged_file_of_the_spool_is_never_sent(store, make_stack):
    def damage(path):
        with open(path, "r+b") as f:
            f.seek(5000)
            f.write(b"damaged" * 10)
    assert "damaged" in after_tampering(make_stack, store, damage)


def test_poisonous_job_is_given_up(make_stack):
    """Each attempt killed before it sealed anything: STOPPED, with words, not for ever."""
    stack = make_stack(conf={"job.attempts": 2})
    client = stack.client()
    job = client.submit(QUERIES["group"], FROM, TO)
    for attempt in (1, 2):
        until(f"attempt {attempt}", 60,
              lambda n=attempt: stack.worker.output().count(b"claimed job=") >= n, step=0.005)
        kill_runners(stack)
    assert "signal 9" in " ".join(job.wait("STOPPED")["error"])
    job.remove()


def test_runner_that_hangs_is_ended(store, tables, make_stack):
    """SIGSTOP on the runner: its heartbeat is missed, another attempt finishes the job."""
    held = Held(make_stack, store, "in-list")
    held.wait_runner_held()
    # The one at work has threads; the others wait for a job.
    busy = max(held.stack.runners(), key=lambda pid: len(os.listdir(f"/proc/{pid}/task")))
    os.kill(busy, signal.SIGSTOP)
    held.release()
    complete(store, tables, held.job, "in-list")


def test_two_uploaders_and_one_dies_in_the_middle_of_parts(store, tables, make_stack):
    held = Held(make_stack, store, "in-list", after=7000000, uploaders=2,
                conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M"},
                params={"multiplefile": False, "format": "plain"})
    begun = [u for u in held.stack.uploaders if held.job.id.encode() in u.output()]
    for u in begun or held.stack.uploaders[:1]:
        u.kill()
    held.tap.cut()
    held.release()
    complete(store, tables, held.job, "in-list")
