"""Fixtures of all Python tests: one gateway and one set of tables a session, stacks on demand."""

import os
import sys
import tempfile

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
sys.dont_write_bytecode = True

from kit import wait  # noqa: E402
from kit.data import Tables  # noqa: E402
from kit.evidence import evidence  # noqa: E402
from kit.s3 import Gateway  # noqa: E402
from kit.stack import BIN, Stack  # noqa: E402

wait.STRETCH = float(os.environ.get("STRETCH", "4" if "asan" in BIN else "1"))


def pytest_configure(config):
    config.addinivalue_line("markers", "asan: also run against the build with sanitizers")
    config.addinivalue_line("markers", "valgrind: runs a program under valgrind")


def pytest_collection_modifyitems(items):
    if not os.path.exists(os.path.join(BIN, "bucketline-api")):
        raise pytest.UsageError(f"there are no programs in {BIN}; run make first")
    items.sort(key=lambda i: i.fspath.basename)


@pytest.fixture(scope="session")
def tmp():
    """Short, since Unix sockets lie below it; removed at the end."""
    with tempfile.TemporaryDirectory(prefix="bl-", dir=os.environ.get("BL_TEST_TMP")) as d:
        os.environ["BL_TEST_TMP"] = d
        yield d


@pytest.fixture(scope="session")
def store(tmp):
    gateway = Gateway(os.path.join(tmp, "s3"))
    try:
        s = gateway.start()
        yield s
        for bucket in list(s.buckets):
            s.drop_bucket(bucket)
    finally:
        gateway.stop()


@pytest.fixture(scope="session")
def tables(tmp):
    return Tables(os.path.join(tmp, "data"))


@pytest.fixture
def make_stack(store, tables):
    """Stacks of a test's own; closed at its end, and judged."""
    made = []

    def make(tables_path=None, **options):
        s = Stack(store, tables_path or tables.path, **options)
        made.append(s)
        return s
    yield make
    for s in made:
        s.close()
    judge()


@pytest.fixture(scope="module")
def stack(store, tables):
    """One stack for a file of tests that do not disturb it."""
    s = Stack(store, tables.path)
    yield s
    s.close()
    judge()


@pytest.fixture(scope="module")
def client(stack):
    return stack.client()


def judge():
    problems = evidence.take_problems()
    assert not problems, "\n".join(problems)
