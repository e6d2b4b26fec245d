"""Reads exported objects with programs that are not ours, and compares their content."""

import csv
import gzip
import io
import os
import re
import shutil
import subprocess
import tempfile
import zipfile
import zlib
from urllib.parse import unquote, urlsplit

from kit.s3 import ROOT

INDEX = re.compile(r"_(\d{3,})\.csv(\.gz|\.zip)?$")


def have(program):
    return shutil.which(program) is not None


def gunzip(data):
    """One member, nothing behind it: many readers stop after the first."""
    out = gzip.decompress(data)
    d = zlib.decompressobj(wbits=31)
    first = d.decompress(data) + d.flush()
    assert d.eof and d.unused_data == b"", "more than one gzip member, or bytes behind it"
    assert first == out
    return out


def _with_file(data, suffix, command):
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "file" + suffix)
        with open(path, "wb") as f:
            f.write(data)
        done = subprocess.run([path if a == "FILE" else a for a in command], check=False,
                              stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 0, f"{command[0]}: {done.stdout[-300:]!r} {done.stderr[-300:]!r}"
    return done.stdout


def unzip_7z(data, password=None):
    return _with_file(data, ".zip", ["7z", "x", "-so", f"-p{password or ''}", "FILE"])


def unzip_bsdtar(data, password=None):
    word = ["--passphrase", password] if password else []
    return _with_file(data, ".zip", ["bsdtar", "-x", "-O", *word, "-f", "FILE"])


def unzip_infozip(data, password=None):
    word = ["-P", password] if password else []
    return _with_file(data, ".zip", ["unzip", "-p", *word, "FILE"])


def unzip_python(data, password=None):
    """Of encrypted ones Python reads the old cipher alone."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        (name,) = z.namelist()
        return z.read(name, pwd=password.encode() if password else None)


def zip_entry(data):
    """Name and facts of the single entry."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        (info,) = z.infolist()
        return info


def key_of(url, bucket):
    """The object's key from its URL in extra.paths, in either style."""
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    if parts.hostname.startswith(bucket + "."):
        return path
    assert path.startswith(bucket + "/"), f"'{url}' does not name bucket '{bucket}'"
    return path[len(bucket) + 1:]


def index_of(key):
    m = INDEX.search(key)
    assert m, f"'{key}' is no key of an export"
    return int(m.group(1))


class Files:
    """All objects of a finished job: downloaded, in index order, decompressed."""

    def __init__(self, store, job, unpack=None, status=None):
        status = status or job.get()
        self.paths = status["extra"]["paths"]
        self.keys = [key_of(u, job.bucket) for u in self.paths]
        indexes = [index_of(k) for k in self.keys]
        assert indexes == list(range(1, len(indexes) + 1)), f"indexes are {indexes}"
        stem = self.keys[0].rpartition("_")[0]
        there = store.keys(job.bucket, stem + "_")
        assert sorted(there) == sorted(self.keys), \
            f"bucket holds {sorted(there)}, the job names {sorted(self.keys)}"
        self.packed = [store.get(job.bucket, k) for k in self.keys]
        self.sizes = [len(p) for p in self.packed]
        if unpack is None:
            suffix = INDEX.search(self.keys[0]).group(2)
            unpack = {".gz": gunzip, ".zip": unzip_python, None: lambda data: data}[suffix]
        self.texts = [unpack(p) for p in self.packed]

    def content(self, header):
        """The rows of all files in order, each file's header taken off."""
        h = (",".join(header) + "\n").encode()
        for key, text in zip(self.keys, self.texts):
            assert text.startswith(h), f"'{key}' begins with {text[:200]!r}, want {h!r}"
        return b"".join(t[len(h):] for t in self.texts)


def parse(data):
    """Rows as csv.reader sees them."""
    return list(csv.reader(io.StringIO(data.decode("utf-8"), newline="")))


def same_bytes(got, want):
    """Equal, or an AssertionError that shows the first difference in its line."""
    if got == want:
        return
    g, w = got.split(b"\n"), want.split(b"\n")
    for i, (a, b) in enumerate(zip(g, w)):
        if a != b:
            raise AssertionError(f"line {i + 1} of {len(g) - 1} (want {len(w) - 1}): "
                                 f"got {a[:300]!r}, want {b[:300]!r}")
    raise AssertionError(f"got {len(g) - 1} lines, want {len(w) - 1}; the shorter is a prefix")


def duck(*statements):
    """Another program's view: DuckDB by its C interface in a process of its own; the rows of the
    last statement as tuples of text (None for null)."""
    done = subprocess.run(["/usr/bin/python3", f"{ROOT}/tests/kit/duck.py", *statements],
                          check=False, capture_output=True)
    assert done.returncode == 0, f"duckdb: {done.stderr.decode()}"
    rows = csv.reader(io.StringIO(done.stdout.decode(), newline=""))
    return [tuple(None if v == "\\N" else v for v in r) for r in rows]
