"""kill -9 at random points, many times: after each the export holds exactly its rows.

FAULT_SEED picks the points (default 1), FAULT_ROUNDS how many (default: as many as fit into
FAULT_SECONDS, 100). A failure names its round's seed; FAULT_SEED=that FAULT_ROUNDS=1 plays the
round again (the same victims and delays; the machine's own timing differs, so try a few times).
"""

import itertools
import os
import random
import signal
import threading
import time

from kit.data import FROM, TO
from kit.middle import QUERIES, complete
from kit.tap import Tap
from kit.wait import until

SEED = int(os.environ.get("FAULT_SEED", "1"))
ROUNDS = int(os.environ.get("FAULT_ROUNDS", "0"))
SECONDS = float(os.environ.get("FAULT_SECONDS", "100"))
VICTIMS = ["runner", "runner", "worker", "worker", "uploader", "uploader", "redis", "api", "all"]


def kill_runner(stack):
    for pid in stack.runners():
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def kill(stack, victim, pause_s):
    """Kills, lets pause_s pass with it gone, starts it again."""
    if victim == "runner":
        kill_runner(stack)
        return
    dead = {"worker": stack.workers, "uploader": stack.uploaders, "redis": [stack.redis],
            "api": [stack.api], "all": [stack.redis, *stack.programs()]}[victim]
    for p in dead:
        p.kill()
    threading.Event().wait(pause_s)
    for p in dead:
        p.start(wait=p is stack.redis)
    for p in dead:
        p.wait_ready()
    if victim in ("redis", "api", "all"):
        stack.wait_api()


def one_round(store, tables, stack, client, seed):
    rnd = random.Random(seed)
    which = rnd.choice(["in-list", "in-list", "group"])
    params = {"format": rnd.choice(["gzip", "gzip", "gzip", "zip", "plain"])}
    if params["format"] != "zip" and rnd.random() < 0.2:
        params["multiplefile"] = False
    else:
        params["retention_size"] = 1
    # Delays are the fault itself, not a wait for something: kill points lie anywhere in time.
    points = [(rnd.uniform(0, 1.2), rnd.choice(VICTIMS), rnd.uniform(0, 0.5))
              for _ in range(rnd.choice([1, 1, 2, 3]))]
    print(f"  seed {seed}: {which} {params}", flush=True)
    job = client.submit(QUERIES[which], FROM, TO, **params)
    for delay, victim, pause_s in points:
        threading.Event().wait(delay)
        seen = job.get()
        print(f"    {seen['status']}, {seen['eventsSent']} of {seen['eventGenerated']} sent: "
              f"kill {victim}", flush=True)
        kill(stack, victim, pause_s)
    try:
        complete(store, tables, job, which, limit=90)
        stack.wait_spool_empty()
    except AssertionError as e:
        raise AssertionError(f"FAULT_SEED={seed}: {e}") from e
    for key in store.keys(job.bucket):
        store.client.delete_object(Bucket=job.bucket, Key=key)
    job.remove()


def test_random_kill_points(store, tables, make_stack):
    tap = Tap(store)
    tap.rate = 5000000  # an export takes some seconds, so that most points lie in its middle
    stack = make_stack(endpoint=tap.endpoint, conf={"job.lease_s": 2, "job.unsent_chunks": 4})
    client = stack.client()
    end = time.monotonic() + SECONDS
    for n in itertools.count():
        if n >= ROUNDS if ROUNDS else time.monotonic() >= end:
            break
        one_round(store, tables, stack, client, SEED + n)
    print(f"  {n} rounds", flush=True)
    assert n > 0


def test_frozen_worker_does_not_write_after_its_lease(store, tables, make_stack):
    """SIGSTOP longer than the lease: another takes the job over, and the one that wakes up again
    finds itself fenced."""
    stack = make_stack(workers=2, conf={"job.lease_s": 2, "job.unsent_chunks": 2})
    client = stack.client()
    stack.uploader.pause()
    job = client.submit(QUERIES["in-list"], FROM, TO, retention_size=1)
    until("files wait", 60, lambda: len(stack.spool_files()) >= 2)
    holder = next(w for w in stack.workers if job.id.encode() in w.output())
    frozen = [holder.pid, *[p for p in stack.runners()]]
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    other = next(w for w in stack.workers if w is not holder)
    until("the other has the job", 30, lambda: job.id.encode() in other.output())
    stack.uploader.resume()
    for pid in frozen:
        try:
            os.kill(pid, signal.SIGCONT)
        except ProcessLookupError:
            pass
    complete(store, tables, job, "in-list")
    stack.wait_spool_empty()
