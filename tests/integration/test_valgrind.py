"""The programs that do not load the engine's library, under valgrind: no error, no leak."""

import shutil

import pytest

from kit.data import FROM, TO
from kit.readers import Files, same_bytes
from kit.s3 import ROOT

pytestmark = [pytest.mark.valgrind,
              pytest.mark.skipif(shutil.which("valgrind") is None, reason="no valgrind")]

VALGRIND = ["valgrind", "-q", "--error-exitcode=87", "--leak-check=full",
            "--errors-for-leak-kinds=definite,indirect", "--show-leak-kinds=definite,indirect",
            f"--suppressions={ROOT}/tests/kit/valgrind.supp"]


def test_one_export(store, tables, make_stack, monkeypatch):
    """API, uploader and command line; the exit status tells (see Stack.close)."""
    monkeypatch.setattr("kit.wait.STRETCH", 4.0)
    stack = make_stack(wrap={"api": VALGRIND, "uploader": VALGRIND, "cli": VALGRIND},
                       conf={"upload.multipart_threshold": "5M", "upload.part_size": "5M",
                             "job.lease_s": 20})
    client = stack.client()
    for params in ({}, {"format": "plain", "multiplefile": False}):
        table = tables.big if params else tables.odd
        job = client.submit(f"from {table.name}", FROM, TO, **params)
        same_bytes(Files(store, job, None, job.wait()).content(table.columns), table.expect())
    bad = client.submit("from demo.small.data", FROM, TO, aws_secretkey="x" * 40)
    bad.wait("STOPPED")
    bad.remove()
    for body in (b"{", b"{}", {"query": "from x wher", "from": 1, "to": 2}):
        assert client.post(body).status_code >= 400
    assert client.get("/jobs").status_code == 200


@pytest.mark.parametrize("args", [["--help"], ["--version"], ["nonsense"], ["key"]])
def test_command_line(make_stack, args):
    stack = make_stack(start=False, wrap={"cli": VALGRIND})
    assert stack.cli(*args, check=False).returncode != 87


def test_uploader_check(make_stack):
    import subprocess
    stack = make_stack(start=False)
    done = subprocess.run([*VALGRIND, f"{stack.bin}/bucketline-uploader", "--check", "--config",
                           stack.conf_file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
