"""Where tables lie: names and folders, kinds of files, and what is not to be reached."""

import os
import shutil

import pytest

from kit.data import FROM, TO, folder
from kit.readers import Files, duck, parse

ROWS = f"make_timestamp({FROM}000000 + i * 1000000) as eventdate, i as id"


def write(path, first, count, columns=ROWS):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    kind = {"parquet": "PARQUET", "csv": "CSV", "ndjson": "JSON", "gz": "CSV", "zst": "CSV"}
    packed = {"gz": ", COMPRESSION gzip", "zst": ", COMPRESSION zstd"}
    suffix = path.rpartition(".")[2]
    duck(f"copy (select {columns} from range({first}, {first + count}) t(i)) to '{path}' "
         f"(FORMAT {kind[suffix]}{packed.get(suffix, '')})")


def ids(store, client, query):
    job = client.submit(query, FROM, TO)
    header, *rows = parse(b"".join(Files(store, job, None, job.wait()).texts))
    at = header.index("id")
    return [int(r[at]) if r[at] else None for r in rows]


@pytest.mark.parametrize("place", ["{a}/{b}/{c}/x.parquet", "{a}.{b}.{c}/x.parquet",
                                   "{a}.{b}.{c}.parquet"])
def test_places_of_a_table(store, tables, client, place):
    names = {"a": "place", "b": f"n{place.count('/')}{len(place)}", "c": "data"}
    write(os.path.join(tables.path, place.format(**names)), 0, 5)
    assert ids(store, client, "from {a}.{b}.{c}".format(**names)) == list(range(5))


@pytest.mark.parametrize("suffix", ["parquet", "csv", "csv.gz", "csv.zst", "ndjson"])
def test_kinds_of_files_in_order_of_their_names(store, tables, client, suffix):
    name = f"kinds.{suffix.replace('.', '_')}.data"
    path = folder(tables.path, name)
    for n, first in (("c", 20), ("a", 0), ("b/b", 10), ("b/a", 5)):
        write(os.path.join(path, f"{n}.{suffix}"), first, 5)
    assert ids(store, client, f"from {name}") == [*range(0, 15), *range(20, 25)]


def test_hive_partitions_are_columns(store, tables, client):
    path = folder(tables.path, "hive.day.data")
    for i, day in enumerate(["2018-12-29", "2018-12-30"]):
        write(os.path.join(path, f"day={day}", "x.parquet"), i * 5, 5)
    assert ids(store, client, 'from hive.day.data where day = "2018-12-30"') == list(range(5, 10))


def test_prefix_is_the_union_of_what_is_below(store, tables, client):
    write(os.path.join(folder(tables.path, "union.a.data"), "x.parquet"), 0, 3)
    write(os.path.join(folder(tables.path, "union.b.data"), "x.parquet"), 3, 3,
          ROWS + ", 'only here' as extra")
    assert sorted(ids(store, client, "from union")) == list(range(6))
    assert ids(store, client, "from union.b") == [3, 4, 5]


def test_prefix_leaves_out_what_the_credential_may_not_read(store, stack, tables):
    write(os.path.join(folder(tables.path, "share.open.data"), "x.parquet"), 0, 3)
    write(os.path.join(folder(tables.path, "share.closed.data"), "x.parquet"), 3, 3)
    few = stack.client(tables="share,share.open.**")
    r = few.post(few.body("from share", FROM, TO))
    if r.status_code == 200:
        from kit.client import Job
        job = Job(few, r.json()["object"]["id"], few.destination)
        header, *rows = parse(Files(store, job, None, job.wait()).texts[0])
        assert [int(x[header.index("id")]) for x in rows] == [0, 1, 2]
    else:
        assert r.status_code == 403


def test_hints_name_readable_tables_only(stack, tables):
    few = stack.client(tables="demo.**,secret.payrol.*")
    job = few.submit("from secret.payrol.data", FROM, TO)
    job_error = " ".join(job.wait("STOPPED")["error"])
    assert "secret.payroll" not in job_error, f"got {job_error}"
    job.remove()


@pytest.mark.parametrize("target", ["file", "folder"])
def test_symlinks_out_of_the_data_folder_are_not_followed(tmp, tables, client, target):
    outside = os.path.join(tmp, "outside")
    write(os.path.join(outside, "x.parquet"), 0, 3)
    name = f"links.{target}.data"
    if target == "file":
        os.symlink(os.path.join(outside, "x.parquet"),
                   os.path.join(folder(tables.path, name), "x.parquet"))
    else:
        os.makedirs(os.path.join(tables.path, "links", "folder"))
        os.symlink(outside, os.path.join(tables.path, *name.split(".")))
    job = client.submit(f"from {name}", FROM, TO)
    assert job.wait("STOPPED")["error"]
    job.remove()


@pytest.mark.parametrize("query", [
    "from `..`.`..`.etc", "from demo.`..`.demo.small.data", "from `/etc`.passwd.x",
    "from demo.`*`.data", "from `demo/small/data`", "from demo.small.data.`x.csv`",
    "from demo.small.data where id = 1; select 1", "from demo.`small'; --`.data",
    "from demo.small.data union select 1", "from read_csv('/etc/passwd')",
    "from demo.small.data select `id\" from '/etc/passwd' --`",
    "from demo.small.data select getenv(\"HOME\") as x",
])
def test_nothing_else_is_reached(client, query):
    """Refused at once, or by the worker; never an answer with rows."""
    r = client.post(client.body(query, FROM, TO))
    if r.status_code == 200:
        from kit.client import Job
        job = Job(client, r.json()["object"]["id"], client.destination)
        assert job.wait("STOPPED")["error"]
        job.remove()
    else:
        assert r.status_code in (400, 403, 500)
    assert "root:x" not in r.text


@pytest.mark.parametrize("content", [b"PAR1 nonsense", b"", b"PAR1" + bytes(100) + b"PAR1"])
def test_broken_parquet_stops_the_job_with_its_name(tables, client, content):
    path = folder(tables.path, "broken.parquet.data")
    with open(os.path.join(path, "bad-file.parquet"), "wb") as f:
        f.write(content)
    job = client.submit("from broken.parquet.data", FROM, TO)
    error = " ".join(job.wait("STOPPED")["error"])
    assert "bad-file.parquet" in error and tables.path not in error, f"got {error}"
    job.remove()


def test_file_that_vanishes_before_the_start(tables, client):
    path = folder(tables.path, "gone.table.data")
    write(os.path.join(path, "x.parquet"), 0, 3)
    shutil.rmtree(path)
    job = client.submit("from gone.table.data", FROM, TO)
    assert "gone.table.data" in " ".join(job.wait("STOPPED")["error"])
    job.remove()


def test_a_table_of_many_files(store, tables, client):
    path = folder(tables.path, "many.files.data")
    for i in range(1500):
        with open(os.path.join(path, f"f{i:05d}.csv"), "w", encoding="ascii") as f:
            f.write(f"eventdate,id\n2018-12-29 12:{i // 60 % 60:02d}:{i % 60:02d},{i}\n")
    assert ids(store, client, "from many.files.data") == list(range(1500))
