"""A private Redis and our programs around it, in one temporary folder.

Every process has its own log there. close() ends all and judges what they leave: reports of
sanitizers, secrets in logs, dumps, answers and command lines, files in the spool, processes.
"""

import json
import os
import shutil
import subprocess
import tempfile

from kit.client import Client, Credential
from kit.evidence import evidence
from kit.procs import Proc, children, command_line, free_port, pids
from kit.redis import Redis
from kit.s3 import ROOT
from kit.wait import until

BIN = os.path.abspath(os.environ.get("BIN", f"{ROOT}/build/bin"))
KIT = os.path.join(ROOT, "tests", "kit")

# Small files and short leases: what takes minutes in earnest takes seconds here.
CONF = {
    "job.lease_s": 3,
    "job.retention_size_min_mb": 1,
    "duckdb.time_columns": "demo.flights.data=date",
    "worker.heartbeat_s": 3,
    "worker.drain_s": 10,
    "upload.retry_base_ms": 50,
    "upload.retry_cap_ms": 500,
    "s3.path_style": "true",
    "spool.min_free": "64M",
    "spool.rescan_s": 1,
    "log.level": "debug",
}


def sanitizer_env():
    """Reports go to the log; a report ends the process, so that it cannot be missed."""
    leaks = os.path.join(KIT, "lsan.supp")
    return {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:exitcode=86",
            "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1",
            "LSAN_OPTIONS": f"suppressions={leaks}:print_suppressions=0"}


class Stack:
    def __init__(self, store, tables, conf=None, workers=1, uploaders=1, redis_conf=None,
                 redis_port=False, endpoint=None, wrap=None, start=True, bin_dir=None):
        """tables: a folder of tables (kit.data). endpoint: of the store, for the jobs (a Tap).
        wrap: words in front of a program, by its name (valgrind)."""
        self.bin = bin_dir or BIN
        self.dir = tempfile.mkdtemp(prefix="bl-", dir=os.environ.get("BL_TEST_TMP"))
        self.store, self.tables, self.wrap = store, tables, wrap or {}
        self.env = dict(os.environ, **sanitizer_env())
        for name in [n for n in self.env if n.startswith(("BUCKETLINE", "AWS_"))]:
            del self.env[name]
        self.redis = Redis(self.path("redis"), redis_conf, free_port() if redis_port else 0)
        self.port = free_port()
        self.spools = ["spool"]
        self.closed = False
        self.spool_may_hold = False  # a test that ends with files in the spool says so
        self.conf = dict(CONF)
        self.conf.update({
            "redis.address": self.redis.address,
            "api.listen": f"127.0.0.1:{self.port}",
            "spool.dir": self.path("spool"),
            "duckdb.data_dir": tables,
            "s3.endpoint": endpoint or store.endpoint,
            "secrets.master_key_file": self.path("master.key"),
        })
        self.conf.update(conf or {})
        self.conf_file = self.write_conf("bucketline.conf", self.conf)
        self.env["BUCKETLINE_CONF"] = self.conf_file
        self.api = self.program("api")
        self.workers = [self.program("worker", i) for i in range(workers)]
        self.uploaders = [self.program("uploader", i) for i in range(uploaders)]
        self.bucket = None
        if start:
            try:
                self.start()
            except BaseException:
                self.close()
                raise

    def path(self, *names):
        return os.path.join(self.dir, *names)

    def write_conf(self, name, conf):
        sections = {}
        for option, value in conf.items():
            section, key = option.split(".", 1)
            sections.setdefault(section, []).append(f"{key} = {value}\n")
        path = self.path(name)
        with open(path, "w", encoding="utf-8") as f:
            for section, lines in sections.items():
                f.write(f"[{section}]\n")
                f.writelines(lines)
        return path

    def program(self, kind, number=0, sets=None):
        """One of our services, not yet started. sets: options of this process alone."""
        argv = [*self.wrap.get(kind, []), f"{self.bin}/bucketline-{kind}",
                "--config", self.conf_file]
        for option, value in (sets or {}).items():
            argv += ["--set", f"{option}={value}"]
        name = f"{kind}{number or ''}"
        return Proc(name, argv, self.path(f"{name}.log"), self.env)

    # --- life ---------------------------------------------------------------------------------

    def start(self):
        self.cli("key", "master", self.path("master.key"))
        with open(self.path("master.key"), encoding="ascii") as f:
            evidence.secret(f.read().strip(), "master key")
        self.redis.start()
        for p in self.programs():
            p.start(wait=False)
        for p in self.programs():
            p.wait_ready()
        self.wait_api()

    def programs(self):
        return [self.api, *self.workers, *self.uploaders]

    def wait_api(self):
        def ready():
            try:
                return Client(self.url, None).get("/../readyz", auth="none").status_code == 200
            except OSError:
                return False
        until("the API is ready", 20, ready)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/search"

    @property
    def worker(self):
        return self.workers[0]

    @property
    def uploader(self):
        return self.uploaders[0]

    def runners(self):
        """Process ids of the runners of every live supervisor."""
        return [c for w in self.workers if w.alive() for c in children(w.pid)]

    # --- use ----------------------------------------------------------------------------------

    def cli(self, *args, check=True, env=None, stdin=None):
        """The command line program; its CompletedProcess with text."""
        argv = [*self.wrap.get("cli", []), f"{self.bin}/bucketline", *[str(a) for a in args]]
        done = subprocess.run(argv, capture_output=True, text=True, env=dict(self.env, **env or {}),
                              input=stdin if stdin is not None else "", timeout=120, check=False)
        if check:
            assert done.returncode == 0, \
                f"bucketline {' '.join(map(str, args))}: status {done.returncode}: {done.stderr}"
        return done

    def credential(self, domain="acme", tables="**", read_only=False):
        args = ["key", "add", "--domain", domain, "--tables", tables, "--json"]
        if read_only:
            args.append("--read-only")
        return Credential(json.loads(self.cli(*args).stdout), domain)

    def client(self, domain="acme", tables="**", read_only=False, **destination):
        """A client with a fresh credential whose jobs go to this stack's bucket as gzip."""
        if self.bucket is None:
            self.bucket = self.store.make_bucket()
        d = {"aws.bucket": self.bucket, "aws.region": self.store.region,
             "aws.accesskey": self.store.access_key, "aws.secretkey": self.store.secret_key,
             "format": "gzip"}
        d.update({k.replace("_", ".", 1): v for k, v in destination.items()})
        return Client(self.url, self.credential(domain, tables, read_only), d)

    def spool_files(self, folder="ready"):
        found = []
        for spool in self.spools:
            try:
                found += os.listdir(self.path(spool, folder))
            except FileNotFoundError:
                pass
        return found

    def spool_leftovers(self):
        """Every file of the spool but its id and the locks of live slots."""
        found = []
        for spool in self.spools:
            for d, _, names in os.walk(self.path(spool)):
                found += [os.path.join(d, n) for n in names
                          if n not in ("id", "lock") and not (n == "job" and "/tmp/" in d)]
        return found

    def wait_spool_empty(self, limit=20):
        until(lambda: f"an empty spool: {self.spool_leftovers()}", limit,
              lambda: not self.spool_leftovers())

    # --- the end ------------------------------------------------------------------------------

    def note_command_lines(self):
        for p in [self.redis, *self.programs()]:
            if p.alive():
                for pid in [p.pid, *children(p.pid)]:
                    evidence.command_line(p.name, command_line(pid))

    def close(self):
        if self.closed:
            return
        self.closed = True
        self.note_command_lines()
        if self.uploader.alive() and not self.spool_may_hold:
            try:
                self.wait_spool_empty()
            except AssertionError as e:
                evidence.problem(str(e))
        for p in reversed(self.programs()):
            if p.popen is None:
                continue
            alive = p.alive()
            try:
                status = p.end()
                if alive and status != 0:
                    evidence.problem(f"{p.name} ended with status {status} when asked to end")
            except AssertionError:
                evidence.problem(f"{p.name} did not end when asked to, and was killed; its log "
                                 f"ends with {p.output()[-600:].decode(errors='replace')}")
        self.redis.end()
        self.judge()
        shutil.rmtree(self.dir, ignore_errors=True)

    def judge(self):
        for p in self.programs():
            evidence.judge_file(p.log)
        evidence.judge_file(self.redis.log, sanitizer=False)
        for path in self.redis.dump_files():
            evidence.judge_file(path, sanitizer=False)
        mark = os.fsencode(self.dir)
        left = {pid: command_line(pid) for pid in pids()}
        for pid, line in left.items():
            if mark in line:
                evidence.problem(f"process {pid} is left: {line[:200]}")
                try:
                    os.kill(pid, 9)
                except ProcessLookupError:
                    pass
        if self.bucket in self.store.buckets:
            uploads = self.store.uploads(self.bucket)
            if uploads and not self.spool_may_hold:
                evidence.problem(f"multipart uploads are left in the bucket: {uploads}")
            self.store.drop_bucket(self.bucket)
