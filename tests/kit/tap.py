"""A TCP relay in front of the store: holds, slows, cuts and counts what the uploader sends.

With it a test brings about the moment it is about ("half of the body is sent, no answer yet")
instead of hoping to hit it.
"""

import socket
import struct
import threading
import time

import pytest


class Tap:
    def __init__(self, store):
        if not store.endpoint.startswith("http://127.0.0.1"):
            pytest.skip("only the local gateway is reached through a relay")
        self.target = ("127.0.0.1", store.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Condition()
        self.up = 0            # bytes from the uploader so far
        self.down = 0          # ... and to it
        self.up_limit = None   # hold the uploader's bytes behind this many
        self.down_held = False  # hold the store's answers
        self.refusing = False
        self.rate = None       # bytes a second of the uploader, all connections together
        self.pace = threading.Lock()
        self.pairs, self.half = set(), set()
        self.closed = False
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            if self.refusing or self.closed:
                self._reset(near)
                continue
            try:
                far = socket.create_connection(self.target, timeout=10)
            except OSError:
                self._reset(near)
                continue
            far.settimeout(None)
            pair = (near, far)
            with self.lock:
                self.pairs.add(pair)
            threading.Thread(target=self._pump, args=(near, far, True, pair), daemon=True).start()
            threading.Thread(target=self._pump, args=(far, near, False, pair), daemon=True).start()

    def _held(self, upwards):
        if upwards:
            return self.up_limit is not None and self.up >= self.up_limit
        return self.down_held

    def _pump(self, src, dst, upwards, pair):
        try:
            while True:
                data = src.recv(65536)
                if not data:
                    dst.shutdown(socket.SHUT_WR)
                    self._ended(pair)
                    return
                with self.lock:
                    while self._held(upwards) and pair in self.pairs:
                        self.lock.wait(1)
                    if pair not in self.pairs:
                        return
                    if upwards:
                        self.up += len(data)
                    else:
                        self.down += len(data)
                    self.lock.notify_all()
                if upwards and self.rate:
                    with self.pace:
                        time.sleep(len(data) / self.rate)
                dst.sendall(data)
        except OSError:
            self._drop(pair)

    @staticmethod
    def _reset(s):
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            s.shutdown(socket.SHUT_RD)  # wakes a thread in recv, which would keep it open
        except OSError:
            pass
        try:
            s.close()
        except OSError:
            pass

    def _ended(self, pair):
        """One direction is done; the sockets are closed with the second."""
        with self.lock:
            if pair not in self.half:
                self.half.add(pair)
                return
        self._drop(pair)

    def _drop(self, pair):
        with self.lock:
            self.pairs.discard(pair)
            self.half.discard(pair)
            self.lock.notify_all()
        for s in pair:
            self._reset(s)

    def hold_after(self, n):
        """Lets n more bytes of the uploader through, then holds."""
        with self.lock:
            self.up_limit = self.up + n

    def hold_answers(self):
        with self.lock:
            self.down_held = True

    def release_up(self):
        """The uploader's bytes only."""
        with self.lock:
            self.up_limit = None
            self.lock.notify_all()

    def reached(self):
        with self.lock:
            return self.up_limit is not None and self.up >= self.up_limit

    def release(self):
        with self.lock:
            self.up_limit, self.down_held = None, False
            self.lock.notify_all()

    def cut(self):
        """Resets every connection."""
        for pair in list(self.pairs):
            self._drop(pair)

    def close(self):
        self.closed = True
        self.listener.close()
        self.cut()
