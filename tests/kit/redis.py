"""A private redis-server on a Unix socket, and just enough of its protocol to look into it."""

import os
import socket

from kit.procs import Proc
from kit.wait import until


class RedisError(Exception):
    pass


def _read(f):
    line = f.readline()
    if not line.endswith(b"\r\n"):
        raise ConnectionError("redis closed the connection")
    kind, rest = line[:1], line[1:-2]
    if kind == b"+":
        return rest
    if kind == b"-":
        raise RedisError(rest.decode())
    if kind == b":":
        return int(rest)
    n = int(rest)
    if n < 0:
        return None
    if kind == b"$":
        return f.read(n + 2)[:-2]
    return [_read(f) for _ in range(n)]


class Redis(Proc):
    """Append-only file on, never evicts: what the programs ask for. `conf` adds or replaces."""

    def __init__(self, folder, conf=None, port=0):
        os.makedirs(folder, exist_ok=True)
        self.folder, self.port = folder, port
        self.socket = os.path.join(folder, "redis.sock")
        self.address = f"127.0.0.1:{port}" if port else self.socket
        options = {"port": port, "bind": "127.0.0.1", "unixsocket": self.socket, "dir": folder,
                   "appendonly": "yes", "appendfsync": "everysec", "save": '""',
                   "maxmemory-policy": "noeviction", "daemonize": "no",
                   "set-proc-title": "no"}
        options.update(conf or {})
        path = os.path.join(folder, "redis.conf")
        with open(path, "w", encoding="ascii") as f:
            f.writelines(f"{k} {v}\n" for k, v in options.items())
        super().__init__("redis", ["redis-server", path], os.path.join(folder, "redis.log"))

    def call(self, *args):
        s = socket.socket(socket.AF_UNIX)
        with s:
            s.settimeout(10)
            s.connect(self.socket)
            words = [str(a).encode() for a in args]
            s.sendall(b"*%d\r\n" % len(words) +
                      b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
            with s.makefile("rb") as f:
                return _read(f)

    def answers(self):
        try:
            return self.call("PING") == b"PONG"
        except (OSError, RedisError):
            return False

    def wait_ready(self, limit=30):
        until("redis answers", limit, self.answers)

    def dump_files(self):
        return [os.path.join(d, n) for d, _, names in os.walk(self.folder) for n in names
                if n.endswith((".aof", ".rdb", ".manifest"))]
