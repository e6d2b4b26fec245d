"""Exports that are held in the middle, at a moment the test chooses, and what must come of them."""

import os

from kit import csvtext
from kit.data import FROM, KINDS, TO
from kit.evidence import evidence
from kit.readers import Files, same_bytes
from kit.tap import Tap
from kit.wait import until

LIST = ", ".join(f'"{k}"' for k in KINDS[:10])

# Two classes of query, as the design has them: streamed in storage order, and run once as a whole.
QUERIES = {
    "in-list": f"from demo.big.data where kind in {{{LIST}}}",
    "group": "from demo.big.data group by noise, id select count() as n, max(number) as top",
}
MANY = {"retention_size": 1}


def expected(tables, which):
    """Columns and CSV of the whole result."""
    if which == "in-list":
        first_ten = set(KINDS[:10])
        return tables.big.columns, tables.big.expect(lambda r: r.kind in first_ten)
    rows = sorted((r.noise, r.id, 1, r.number) for r in tables.big.rows)
    return ["noise", "id", "n", "top"], csvtext.lines(rows)


def complete(store, tables, job, which, limit=120):
    """Waits for the end, and compares all files, in order, with the whole result."""
    status = job.wait(limit=limit)
    columns, want = expected(tables, which)
    files = Files(store, job, None, status)
    same_bytes(files.content(columns), want)
    rows = len(tables.big.rows) if which == "group" else \
        sum(r.kind in KINDS[:10] for r in tables.big.rows)
    assert (status["eventGenerated"], status["eventsSent"]) == (rows, rows)
    assert store.uploads(job.bucket) == [], "a multipart upload is left"
    return files


class Held:
    """A stack whose store answers through a Tap, and a job of many files held on its way."""

    def __init__(self, make_stack, store, which, after=2500000, conf=None, params=None, **options):
        self.tap = Tap(store)
        self.stack = make_stack(endpoint=self.tap.endpoint,
                                conf={"job.unsent_chunks": 3,
                                      "upload.transfers": 2, **(conf or {})}, **options)
        self.client = self.stack.client()
        self.tap.hold_after(after)
        self.job = self.client.submit(QUERIES[which], FROM, TO, **(params or MANY))
        until(lambda: f"{after} bytes sent: {self.tap.up}; {self.job.get()}", 60, self.tap.reached)

        self.stack.note_command_lines()

    def judge_spool(self):
        """No secret in any file of the spool."""
        for d, _, names in os.walk(self.stack.path("spool")):
            for n in names:
                evidence.judge_file(os.path.join(d, n), sanitizer=False)

    def wait_runner_held(self):
        """The runner waits: as many finished files as may be unsent."""
        until(lambda: f"3 files in the spool: {self.stack.spool_files()}", 60,
              lambda: len(self.stack.spool_files()) >= 3)

    def release(self):
        self.tap.release()
