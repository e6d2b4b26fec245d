"""The destination's optional parameters, each seen in what lies in the bucket afterwards."""

import csv
import io
import json

import pytest

from kit import csvtext, readers
from kit.data import FROM, TO
from kit.middle import Held, QUERIES
from kit.readers import Files, have, same_bytes
from kit.tap import Tap
from kit.wait import until

GUARDED = tuple("=+-@\t\r")


def export(client, table, **params):
    job = client.submit(f"from {table.name}", FROM, TO, **params)
    return job, job.wait()


def dialect(params, column):
    """The fields of a column by the rules of the parameters, written down a second time."""
    delimiter, null = params.get("csv_delimiter", ","), params.get("csv_null", "")

    def field(value):
        if value is None:
            return null
        text = isinstance(value, str)
        out = value if text else csvtext.field(value)
        if text and params.get("csv_formulaguard") and out.startswith(GUARDED):
            out = "'" + out
        special = text and (out == "" or set(out) & {delimiter, '"', "\r", "\n"})
        if special or null and out == null:
            return '"' + out.replace('"', '""') + '"'
        return out
    return [field(v) for v in column]


def lines(params, rows):
    columns = [dialect(params, c) for c in zip(*rows)]
    join = params.get("csv_delimiter", ",").join
    return "".join(join(r) + "\n" for r in zip(*columns)).encode()


def header(params, columns):
    bom = b"\xef\xbb\xbf" if params.get("csv_bom") else b""
    return bom + params.get("csv_delimiter", ",").join(columns).encode() + b"\n"


def body(files, params, columns):
    head = header(params, columns)
    for key, text in zip(files.keys, files.texts):
        assert text.startswith(head), f"'{key}' begins with {text[:200]!r}, want {head!r}"
    return b"".join(t[len(head):] for t in files.texts)


# --- rows a file ------------------------------------------------------------------------------

def rows_of(files):
    return [len(readers.parse(t)) - 1 for t in files.texts]


@pytest.mark.asan
@pytest.mark.parametrize("fmt", ["gzip", "zip", "plain"])
@pytest.mark.parametrize("events,want", [(10000, [10000] * 2), (7001, [7001, 7001, 5998]),
                                         (20001, [20000]), ("19999", [19999, 1])])
def test_files_of_exactly_so_many_events(store, tables, client, fmt, events, want):
    job, status = export(client, tables.odd, format=fmt, retention_events=events)
    files = Files(store, job, None, status)
    same_bytes(files.content(tables.odd.columns), tables.odd.expect())
    assert rows_of(files) == want


def test_one_event_a_file(store, tables, client):
    job, status = export(client, tables.small, retention_events=1)
    files = Files(store, job, None, status)
    assert rows_of(files) == [1] * 10
    same_bytes(files.content(tables.small.columns), tables.small.expect())


def test_files_that_span_blocks_end_at_the_event(store, tables, client):
    """60,000 rows are several blocks of CSV, and no whole number of them."""
    job, status = export(client, tables.big, retention_events=60000)
    files = Files(store, job, None, status)
    assert rows_of(files) == [60000, 60000, 60000, 20000]
    same_bytes(files.content(tables.big.columns), tables.big.expect())


def test_events_and_size_together(store, tables, client):
    """Whichever comes first cuts; ends by events are multiples of the job's count."""
    job, status = export(client, tables.big, retention_events=50000, retention_size=1)
    files = Files(store, job, None, status)
    same_bytes(files.content(tables.big.columns), tables.big.expect())
    ends, at = [], 0
    for n in rows_of(files):
        assert at // 50000 == (at + n - 1) // 50000, f"a file reaches from {at} to {at + n}"
        at += n
        ends.append(at)
    assert {50000, 100000, 150000, 200000} <= set(ends) and len(ends) > 4, f"ends: {ends}"


@pytest.mark.parametrize("query", ["from demo.odd.data where id < 0",
                                   "from demo.odd.data where id < 100"])
def test_events_of_small_results(store, tables, client, query):
    n = 100 if "100" in query else 0
    job = client.submit(query, FROM, TO, retention_events=100)
    assert rows_of(Files(store, job, None, job.wait())) == [n]


# --- how fields are written -------------------------------------------------------------------

DIALECTS = [
    {"csv_bom": True},
    {"csv_delimiter": ";"},
    {"csv_delimiter": "|"},
    {"csv_delimiter": "\t"},
    {"csv_null": "NULL"},
    {"csv_null": "\\N"},
    {"csv_null": "true"},
    {"csv_formulaguard": True},
    {"csv_formulaguard": True, "csv_delimiter": "\t", "csv_bom": "true", "csv_null": "'=1+1"},
]


@pytest.mark.asan
@pytest.mark.parametrize("params", DIALECTS, ids=repr)
def test_dialect(store, tables, client, params):
    job, status = export(client, tables.odd, retention_events=9000, **params)
    files = Files(store, job, None, status)
    assert len(files.keys) == 3
    same_bytes(body(files, params, tables.odd.columns), lines(params, tables.odd.rows))


@pytest.mark.parametrize("delimiter", [";", "|", "\t"])
def test_other_readers_take_the_dialect(store, tables, client, tmp_path, delimiter):
    """DuckDB and csv.reader read the values back; null and its like stay apart."""
    table = tables.odd
    job, status = export(client, table, format="plain", csv_delimiter=delimiter, csv_null="NULL",
                         csv_bom=True)
    (text,) = Files(store, job, None, status).texts
    read = list(csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""),
                           delimiter=delimiter))
    assert read[0] == table.columns
    assert [r[3] for r in read[1:]] == ["NULL" if r.text is None else r.text for r in table.rows]
    path = tmp_path / "export.csv"
    path.write_bytes(text)
    columns = json.dumps({c: "VARCHAR" for c in table.columns}).replace('"', "'")
    seen = readers.duck(f"select id, text from read_csv('{path}', header=true, columns={columns}, "
                        f"delim='{delimiter}', nullstr='NULL', allow_quoted_nulls=false, "
                        "new_line='\\n') order by id::int")
    assert seen == [(str(r.id), r.text) for r in table.rows]


def test_the_header_alone_has_the_dialect(store, tables, client):
    job = client.submit("from demo.odd.data where id < 0", FROM, TO, csv_bom=True,
                        csv_delimiter=";")
    files = Files(store, job, None, job.wait())
    assert files.texts == [header({"csv_bom": 1, "csv_delimiter": ";"}, tables.odd.columns)]


def test_a_stopped_job_goes_on_in_its_dialect(store, tables, make_stack):
    """The row that is compared on resuming is written in the job's own dialect, and files still
    end at multiples of the events."""
    params = {"csv_delimiter": ";", "csv_null": "NULL", "csv_formulaguard": True, "csv_bom": True}
    held = Held(make_stack, store, "in-list",
                params={"retention_size": 1, "retention_events": 30000, **params})
    held.wait_runner_held()
    held.job.stop()
    held.release()
    held.job.start()
    files = Files(store, held.job, None, held.job.wait(limit=90))
    rows = [r for r in tables.big.rows if f'"{r.kind}"' in QUERIES["in-list"]]
    same_bytes(body(files, params, tables.big.columns), lines(params, rows))
    at = 0
    for t in files.texts:
        n = len(list(csv.reader(io.StringIO(t.decode("utf-8-sig"), newline=""),
                                delimiter=";"))) - 1
        assert at // 30000 == (at + n - 1) // 30000, f"a file reaches from {at} to {at + n}"
        at += n



# --- encryption of zips -----------------------------------------------------------------------

PASSWORD = "old and weak pass phrase"


@pytest.mark.asan
@pytest.mark.parametrize("reader,unzip", [("python3", readers.unzip_python),
                                          ("unzip", readers.unzip_infozip),
                                          ("7z", readers.unzip_7z)])
def test_old_cipher_of_zips(store, tables, client, reader, unzip):
    if not have(reader):
        pytest.skip(f"{reader} is not installed")
    job, status = export(client, tables.odd, format="zip", file_password=PASSWORD,
                         zip_encryption="zipcrypto", retention_events=5000)
    files = Files(store, job, lambda data: unzip(data, PASSWORD), status)
    assert len(files.keys) == 4
    same_bytes(files.content(tables.odd.columns), tables.odd.expect())
    for packed in files.packed:
        entry = readers.zip_entry(packed)
        assert entry.flag_bits & 1 and b"\x01\x99" not in entry.extra, "AES, or not encrypted"
    with pytest.raises((AssertionError, RuntimeError)):
        unzip(files.packed[0], "another pass phrase")


def test_aes_may_be_named(store, tables, client):
    job, status = export(client, tables.small, format="zip", file_password=PASSWORD,
                         zip_encryption="aes256")
    packed = Files(store, job, lambda data: readers.unzip_7z(data, PASSWORD), status).packed[0]
    assert readers.zip_entry(packed).extra[:2] == b"\x01\x99"

# --- what is asked of the objects -------------------------------------------------------------

def tags_of(store, job, key):
    answer = store.client.get_object_tagging(Bucket=job.bucket, Key=key)
    return {t["Key"]: t["Value"] for t in answer["TagSet"]}


@pytest.mark.parametrize("text,want", [
    ("team=web&cost%20center=4%2B2", {"team": "web", "cost center": "4+2"}),
    ("only=", {"only": ""}),
    ("&".join(f"k{i}=v{i}" for i in range(10)), {f"k{i}": f"v{i}" for i in range(10)}),
], ids=["two", "empty", "ten"])
def test_tags(store, tables, client, text, want):
    job, status = export(client, tables.odd, aws_tags=text, retention_events=8000)
    files = Files(store, job, None, status)
    assert [tags_of(store, job, k) for k in files.keys] == [want] * 3
    same_bytes(files.content(tables.odd.columns), tables.odd.expect())


def test_storage_class(store, tables, client):
    job, status = export(client, tables.small, aws_storageclass="STANDARD")
    files = Files(store, job, None, status)
    head = store.client.head_object(Bucket=job.bucket, Key=files.keys[0])
    assert head.get("StorageClass", "STANDARD") == "STANDARD"


@pytest.mark.parametrize("params", [
    {"aws_sse": "AES256"},
    {"aws_sse": "aws:kms", "aws_kmskeyid": "arn:aws:kms:us-east-1:123456789012:key/none"},
    {"aws_storageclass": "GLACIER_IR"},
], ids=repr)
def test_what_the_store_may_refuse(store, tables, client, params):
    """Then the job says what was asked; a store that takes it shows it at the object."""
    job = client.submit(f"from {tables.small.name}", FROM, TO, **params)
    seen = job.wait_for("is over", lambda j: j["status"] in ("STOPPED", "COMPLETED"))
    if seen["status"] == "STOPPED":
        words = " ".join(seen["error"])
        for name, value in params.items():
            assert f"{name.replace('_', '.')} = {value}" in words, f"error: {words}"
        assert "post the query again" in words and "HTTP" not in words, f"error: {words}"
    else:
        head = store.client.head_object(Bucket=job.bucket, Key=Files(store, job).keys[0])
        assert {head.get("ServerSideEncryption"), head.get("StorageClass")} & set(params.values())
    job.remove()


def test_expected_owner(store, tables, client):
    """Stores that are not Amazon's do not look at it; that it is sent is a unit test's."""
    job, status = export(client, tables.small, aws_expectedbucketowner="123456789012")
    same_bytes(Files(store, job, None, status).content(tables.small.columns),
               tables.small.expect())


# --- objects that are there -------------------------------------------------------------------

def test_replace(store, tables, client):
    """never stops at the other job's object, replace puts its own over it."""
    table = tables.small
    first, _ = export(client, table, s3_fileName="daily", format="plain")
    query = f"from {table.name} where id < 3"
    refused = client.submit(query, FROM, TO, s3_fileName="daily", format="plain",
                            overwrite="never")
    assert "object exists" in " ".join(refused.wait("STOPPED")["error"])
    refused.remove()
    job = client.submit(query, FROM, TO, s3_fileName="daily", format="plain", overwrite="replace")
    status = job.wait()
    files = Files(store, job, None, status)
    assert files.keys == ["daily_001.csv"] and status["eventsSent"] == 3
    same_bytes(files.content(table.columns), table.expect(lambda r: r.id < 3))
    head = store.client.head_object(Bucket=job.bucket, Key="daily_001.csv")
    assert job.id in head["Metadata"].values() and first.id not in head["Metadata"].values()


@pytest.mark.asan
def test_replace_after_an_answer_that_never_came(store, tables, make_stack):
    """The PUT has arrived, its answer not, and the uploader dies: the next one looks first, finds
    this very chunk, and sends nothing."""
    tap = Tap(store)
    own = make_stack(endpoint=tap.endpoint)
    stranger = own.client()
    tap.hold_answers()
    job = stranger.submit(f"from {tables.small.name}", FROM, TO, s3_fileName="held",
                          format="plain", overwrite="replace")
    key = "held_001.csv"
    until("the object is there", 30, lambda: key in store.keys(job.bucket, "held"))
    before = store.client.head_object(Bucket=job.bucket, Key=key)
    own.uploader.kill()
    tap.cut()
    tap.release()
    own.uploader.start()
    status = job.wait(limit=60)
    files = Files(store, job, None, status)
    same_bytes(files.content(tables.small.columns), tables.small.expect())
    after = store.client.head_object(Bucket=job.bucket, Key=key)
    assert after["LastModified"] == before["LastModified"], "sent once more"
    tap.close()
