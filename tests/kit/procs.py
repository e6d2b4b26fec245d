"""Processes of the tests: started with a log each, found and ended by their ids only."""

import os
import random
import signal
import socket
import subprocess

from kit.wait import until


def _is_free(port):
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port(span=1):
    """A port nobody listens on (the first of span), outside the range that outgoing connections
    take theirs from."""
    while True:
        port = random.SystemRandom().randrange(20000, 32000)
        if all(_is_free(port + i) for i in range(span)):
            return port


def parent_of(pid):
    try:
        with open(f"/proc/{pid}/stat", "rb") as f:
            fields = f.read().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] == b"Z" else int(fields[1])


def pids():
    return [int(d) for d in os.listdir("/proc") if d.isdigit()]


def ended(pid):
    """True also for a dead process that nobody has waited for: PID 1 of a container may not."""
    return parent_of(pid) is None


def children(pid):
    return [p for p in pids() if parent_of(p) == pid]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return f.read()
    except OSError:
        return b""


def memory_kb(pid):
    """Resident set of a process now, 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024
    except (OSError, IndexError):
        return 0


def open_files(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return 0


class Proc:
    """One program. Its log collects the output of all its lives."""

    def __init__(self, name, argv, log, env=None, ready=b" ready "):
        self.name, self.argv, self.log = name, [str(a) for a in argv], log
        self.env, self.ready = env, ready
        self.popen = None
        self.from_offset = 0

    @property
    def pid(self):
        return self.popen.pid

    def alive(self):
        return self.popen is not None and self.popen.poll() is None

    def start(self, wait=True):
        assert not self.alive(), f"{self.name} runs already"
        self.from_offset = os.path.getsize(self.log) if os.path.exists(self.log) else 0
        with open(self.log, "ab") as log:
            self.popen = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, env=self.env, start_new_session=True)
        if wait:
            self.wait_ready()
        return self

    def output(self):
        """What this life has written so far."""
        with open(self.log, "rb") as f:
            f.seek(self.from_offset)
            return f.read()

    def wait_ready(self, limit=30):
        def ready():
            assert self.alive(), (f"{self.name} ended with status {self.popen.returncode}: "
                                  f"{self.output()[-2000:].decode(errors='replace')}")
            return self.ready in self.output()
        until(lambda: f"{self.name} ready; its log ends with "
              f"{self.output()[-1000:].decode(errors='replace')}", limit, ready)

    def send(self, sig):
        os.kill(self.pid, sig)

    def pause(self):
        self.send(signal.SIGSTOP)

    def resume(self):
        self.send(signal.SIGCONT)

    def kill(self):
        """kill -9, and gone when this returns."""
        if self.alive():
            self.popen.kill()
        if self.popen is not None:
            self.popen.wait()

    def wait_end(self, limit=40):
        until(f"{self.name} ended", limit, lambda: not self.alive())
        return self.popen.returncode

    def end(self, limit=40):
        """Asks it to end, and gives its exit status; one that does not listen is killed."""
        if self.popen is None:
            return None
        if self.alive():
            self.send(signal.SIGCONT)
            self.send(signal.SIGTERM)
            try:
                self.wait_end(limit)
            except AssertionError:
                self.kill()
                raise
        return self.popen.returncode
