"""What lies in the bucket: every format, read by other programs, compared row by row."""

import io
import json

import pytest

from kit import readers
from kit.data import FROM, TO
from kit.readers import Files, have, same_bytes

PASSWORD = "correct horse battery staple"
MB = 1000000
BLOCK = 1 << 20


def export(client, table, **params):
    job = client.submit(f"from {table.name}", FROM, TO, **params)
    return job, job.wait()


def check(store, job, status, table, unpack=None):
    files = Files(store, job, unpack, status)
    same_bytes(files.content(table.columns), table.expect())
    n = len(table.rows)
    assert (status["eventGenerated"], status["eventsSent"]) == (n, n)
    assert status["error"] == []
    return files


@pytest.mark.asan
@pytest.mark.parametrize("fmt,suffix", [("gzip", ".csv.gz"), ("zip", ".csv.zip"),
                                        ("plain", ".csv")])
def test_every_format_holds_exactly_the_rows(store, tables, client, fmt, suffix):
    job, status = export(client, tables.odd, format=fmt)
    files = check(store, job, status, tables.odd)
    assert files.keys == [f"apiv2_{job.id}_001{suffix}"]


def test_zip_is_the_default_format(store, tables, client):
    job, status = export(client, tables.small, format=None)
    files = check(store, job, status, tables.small)
    assert files.keys == [f"apiv2_{job.id}_001.csv.zip"]


def test_zip_has_one_entry_named_after_the_key(store, tables, client):
    job, status = export(client, tables.small, format="zip")
    entry = readers.zip_entry(check(store, job, status, tables.small).packed[0])
    assert entry.filename == f"apiv2_{job.id}_001.csv"


@pytest.mark.asan
@pytest.mark.parametrize("reader,unzip", [("7z", readers.unzip_7z),
                                          ("bsdtar", readers.unzip_bsdtar)])
def test_password_zip_opens_with_the_password_only(store, tables, client, reader, unzip):
    if not have(reader):
        pytest.skip(f"{reader} is not installed")
    job, status = export(client, tables.odd, format="zip", file_password=PASSWORD)
    files = check(store, job, status, tables.odd, lambda data: unzip(data, PASSWORD))
    entry = readers.zip_entry(files.packed[0])
    assert entry.flag_bits & 1, "the entry is not encrypted"
    assert entry.extra[:2] == b"\x01\x99" and entry.extra[8] == 3, \
        f"no AES-256 by WinZip's convention: {entry.extra!r}"
    with pytest.raises(AssertionError):
        unzip(files.packed[0], "wrong horse battery staple")


@pytest.mark.parametrize("password", ["x", "ü€漢 \" ' \\ $", "p" * 99],
                         ids=lambda p: p[:5])
def test_unusual_passwords(store, tables, client, password):
    if not have("7z"):
        pytest.skip("7z is not installed")
    job, status = export(client, tables.small, format="zip", file_password=password)
    check(store, job, status, tables.small, lambda data: readers.unzip_7z(data, password))


@pytest.mark.parametrize("fmt", ["gzip", "plain"])
def test_single_file(store, tables, client, fmt):
    job, status = export(client, tables.big, format=fmt, multiplefile=False)
    files = check(store, job, status, tables.big)
    assert len(files.keys) == 1


@pytest.mark.asan
@pytest.mark.parametrize("fmt", ["gzip", "zip", "plain"])
def test_rotation_cuts_within_one_block_of_the_size(store, tables, client, fmt):
    job, status = export(client, tables.big, format=fmt, retention_size=1)
    files = check(store, job, status, tables.big)
    assert len(files.keys) > 3
    for key, size in zip(files.keys[:-1], files.sizes):
        assert MB <= size <= MB + BLOCK + 65536, f"'{key}' has {size} bytes"
    assert files.sizes[-1] <= MB + BLOCK + 65536


def test_every_file_is_whole_rows_with_a_header(store, tables, client):
    job, status = export(client, tables.big, retention_size=1)
    rows = 0
    for text in Files(store, job, None, status).texts:
        parsed = readers.parse(text)
        assert parsed[0] == tables.big.columns
        assert all(len(r) == len(tables.big.columns) for r in parsed)
        rows += len(parsed) - 1
    assert rows == len(tables.big.rows)


@pytest.mark.parametrize("kind", ["string", "number"])
def test_numbers_and_booleans_may_be_strings(store, tables, client, kind):
    size, single = ("1", "true") if kind == "string" else (1, True)
    job, status = export(client, tables.big, retention_size=size, multiplefile=single)
    assert len(check(store, job, status, tables.big).keys) > 3


@pytest.mark.asan
@pytest.mark.parametrize("fmt", ["gzip", "zip", "plain"])
@pytest.mark.parametrize("query", ["from demo.odd.data where id < 0",
                                   "from demo.odd.data where id < 0 group by kind select kind"])
def test_no_events_give_one_file_with_the_header(store, tables, client, fmt, query):
    job = client.submit(query, FROM, TO, format=fmt)
    status = job.wait()
    columns = ["kind"] if "group" in query else tables.odd.columns
    assert Files(store, job, None, status).texts == [(",".join(columns) + "\n").encode()]
    assert (status["eventGenerated"], status["eventsSent"]) == (0, 0)


def test_file_name_replaces_the_stem(store, tables, client):
    job, status = export(client, tables.small, s3_fileName="report-7")
    assert check(store, job, status, tables.small).keys == ["report-7_001.csv.gz"]


def test_prefix_with_its_words_filled_in(store, tables, client):
    job, status = export(client, tables.small, aws_prefix="out/{table}/{job}/")
    assert check(store, job, status, tables.small).keys == \
        [f"out/demo.small.data/{job.id}/apiv2_{job.id}_001.csv.gz"]


@pytest.mark.parametrize("level", ["fast", "balanced", "best"])
def test_compression_levels(store, tables, client, level):
    job, status = export(client, tables.odd, compression=level)
    check(store, job, status, tables.odd)


def test_other_readers_agree_on_the_rows(store, tables, client, tmp_path):
    """DuckDB and csv.reader read the same fields from a file; empty and null stay apart."""
    job, status = export(client, tables.odd, format="plain")
    text = check(store, job, status, tables.odd).texts[0]
    path = tmp_path / "export.csv"
    path.write_bytes(text)
    columns = json.dumps({c: "VARCHAR" for c in tables.odd.columns}).replace('"', "'")
    seen = readers.duck(f"select id, text from read_csv('{path}', header=true, columns={columns}, "
                        "allow_quoted_nulls=false, new_line='\\n') order by id::int")
    want = [(str(r.id), r.text) for r in tables.odd.rows]
    assert seen == want
    assert [r[3] for r in readers.parse(text)[1:]] == [r.text or "" for r in tables.odd.rows]


@pytest.mark.parametrize("extra,zone", [
    ({"timeZone": "GMT+2"}, {"offset_min": 120}),
    ({"timeZone": "UTC", "dateFormat": "iso"}, {"iso": True}),
])
def test_zone_and_date_format(store, tables, client, extra, zone):
    from kit import csvtext
    table = tables.small
    job = client.submit(f"from {table.name}", FROM, TO, extra=extra)
    got = Files(store, job, None, job.wait()).content(table.columns)
    same_bytes(got, csvtext.lines(table.rows, **zone))


def test_objects_carry_the_identity_of_their_chunk(store, tables, client):
    job, status = export(client, tables.small)
    files = Files(store, job, None, status)
    head = store.client.head_object(Bucket=job.bucket, Key=files.keys[0])
    ours = {k: v for k, v in head["Metadata"].items() if k.startswith("bl-")}
    assert job.id in ours.values(), f"metadata: {head['Metadata']}"


def test_gzip_is_for_every_reader(store, tables, client):
    """One member only; Python reads it as a stream, 7z and bsdtar as a file."""
    job, status = export(client, tables.odd)
    files = check(store, job, status, tables.odd)
    import gzip
    with gzip.open(io.BytesIO(files.packed[0])) as f:
        assert sum(1 for _ in f) == files.texts[0].count(b"\n")
