#!/usr/bin/python3
"""Many jobs of all sorts for a long time, with people who change their minds and processes that
die; at the end every result is right, nothing is left, and nothing has grown.

SOAK_SECONDS (60), SOAK_SEED (1), SOAK_KILLS (1: a kill -9 every few seconds; 0: none).
Last line: `1 passed, 0 failed`.
"""

import os
import random
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True

from kit import procs  # noqa: E402
from kit.data import FROM, TO, Tables  # noqa: E402
from kit.evidence import evidence  # noqa: E402
from kit.readers import Files, same_bytes  # noqa: E402
from kit.s3 import Gateway  # noqa: E402
from kit.stack import Stack  # noqa: E402

SECONDS = float(os.environ.get("SOAK_SECONDS", "60"))
SEED = int(os.environ.get("SOAK_SEED", "1"))
KILLS = os.environ.get("SOAK_KILLS", "1") == "1"
AT_ONCE = 8
GROWTH_KB, GROWTH_FILES = 30000, 20


class Soak:
    def __init__(self, store, tables, stack):
        self.store, self.tables, self.stack = store, tables, stack
        self.rnd = random.Random(SEED)
        self.clients = [stack.client(domain=d) for d in ("acme", "umbrella")]
        self.live = []
        self.counts = {"completed": 0, "removed": 0, "stopped": 0, "kills": 0}
        self.first = {}

    def submit(self):
        t = self.rnd.choice([self.tables.odd, self.tables.odd, self.tables.ecommerce,
                             self.tables.big])
        least = self.rnd.randrange(len(t.rows))
        skip = {"skip": least}
        params = {"format": self.rnd.choice(["gzip", "zip", "plain"])}
        if self.rnd.random() < 0.5:
            params["retention_size"] = 1
        job = self.rnd.choice(self.clients).submit(f"from {t.name}", FROM, TO, **skip, **params)
        self.live.append((job, t, least, time.monotonic()))

    def meddle(self):
        """Somebody stops, starts or removes a job, whatever state it is in."""
        job, _, _, _ = entry = self.rnd.choice(self.live)
        action = self.rnd.choice(["stop", "stop", "start", "remove"])
        http, answer = job.act(action)
        assert http == 200, f"{action} of {job}: HTTP {http} {answer}"
        if action == "remove":
            self.live.remove(entry)
            self.counts["removed"] += 1
        elif action == "stop" and answer["status"] == 0:
            self.counts["stopped"] += 1

    def kill(self):
        victim = self.rnd.choice([*self.stack.workers, *self.stack.uploaders])
        victim.kill()
        victim.start()
        self.counts["kills"] += 1

    def harvest(self):
        for entry in list(self.live):
            job, t, skip, begun = entry
            status = job.get()
            if status["status"] == "STOPPED":
                assert not status["error"], f"{job}: {status['error']}"
                job.act("start")
            elif status["status"] == "COMPLETED":
                files = Files(self.store, job, None, status)
                same_bytes(files.content(t.columns), b"".join(t.lines[skip:]))
                for key in files.keys:
                    self.store.client.delete_object(Bucket=job.bucket, Key=key)
                self.live.remove(entry)
                self.counts["completed"] += 1
            else:
                assert time.monotonic() - begun < 120, f"{job} does not come to an end: {status}"

    def measure(self):
        return {p.name: (procs.memory_kb(p.pid), procs.open_files(p.pid))
                for p in [self.stack.api] if p.alive()}

    def run(self):
        begun = time.monotonic()
        end, said, warm = begun + SECONDS, begun, begun + SECONDS / 4
        while time.monotonic() < end:
            while len(self.live) < AT_ONCE:
                self.submit()
            if self.rnd.random() < 0.2:
                self.meddle()
            if KILLS and self.rnd.random() < 0.02:
                self.kill()
            self.harvest()
            if not self.first and time.monotonic() > warm:
                self.first = self.measure()
            if time.monotonic() > said + 15:
                said = time.monotonic()
                print(f"  soak: {said - begun:.0f} s, {self.counts}, {self.measure()}", flush=True)
        last = self.measure()
        while self.live:
            self.harvest()
        for name, (kb, files) in self.first.items():
            assert last[name][0] < kb + GROWTH_KB, f"{name} grew from {kb} to {last[name][0]} KB"
            assert last[name][1] < files + GROWTH_FILES, \
                f"{name} had {files} files open, now {last[name][1]}"
        self.stack.wait_spool_empty(60)
        assert self.store.uploads(self.stack.bucket) == []
        assert self.counts["completed"] > SECONDS / 10, f"too little was done: {self.counts}"
        print(f"  soak: {self.counts}")


def main():
    failed = 0
    with tempfile.TemporaryDirectory(prefix="bl-", dir=os.environ.get("BL_TEST_TMP")) as d:
        os.environ["BL_TEST_TMP"] = d
        gateway = Gateway(os.path.join(d, "s3"))
        stack = None
        try:
            store = gateway.start()
            tables = Tables(os.path.join(d, "data"))
            stack = Stack(store, tables.path, workers=2, uploaders=2)
            Soak(store, tables, stack).run()
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc()
            failed = 1
        finally:
            if stack is not None:
                stack.close()
            gateway.stop()
        for p in evidence.take_problems():
            print(p)
            failed = 1
    print(f"{1 - failed} passed, {failed} failed")
    return failed


if __name__ == "__main__":
    sys.exit(main())
