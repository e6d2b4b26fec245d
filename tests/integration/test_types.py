"""Every type a table's file may hold, as text in the CSV."""

import os

import pytest

from kit.data import FROM, TO, folder
from kit.readers import Files, duck, parse

pytestmark = pytest.mark.asan

WHEN = f"make_timestamp({FROM}000000 + i * 1000000) as eventdate"

# SQL of a value (i is 0, 1, 2), and its texts in the CSV fields.
TYPES = {
    "bool": ("i = 1", ["false", "true", "false"]),
    "tinyint": ("(i - 1)::TINYINT * 128::SMALLINT", ["-128", "0", "128"]),
    "int8": ("(-128 + i)::TINYINT", ["-128", "-127", "-126"]),
    "int16": ("(-32768 + i)::SMALLINT", ["-32768", "-32767", "-32766"]),
    "int32": ("(2147483645 + i)::INTEGER", ["2147483645", "2147483646", "2147483647"]),
    "int64": ("-9223372036854775807 - 1 + i",
              ["-9223372036854775808", "-9223372036854775807", "-9223372036854775806"]),
    "uint8": ("(253 + i)::UTINYINT", ["253", "254", "255"]),
    "uint16": ("(65533 + i)::USMALLINT", ["65533", "65534", "65535"]),
    "uint32": ("(4294967293 + i)::UINTEGER", ["4294967293", "4294967294", "4294967295"]),
    "uint64": ("(18446744073709551613 + i)::UBIGINT",
               ["18446744073709551613", "18446744073709551614", "18446744073709551615"]),
    "float64": ("[0.1, 1e300, -5e-324][i + 1]::DOUBLE", [0.1, 1e300, -5e-324]),
    "float64 special": ("['nan', 'inf', '-inf'][i + 1]::DOUBLE", ["NaN", "Infinity", "-Infinity"]),
    "float32": ("[0.1, 16777216, -1.5][i + 1]::FLOAT", ["0.1", 16777216.0, -1.5]),
    "decimal": ("[1.10, -0.05, 99999999999999.99][i + 1]::DECIMAL(18, 2)",
                ["1.10", "-0.05", "99999999999999.99"]),
    "large decimal": ("[1.1, -0.5, 0][i + 1]::DECIMAL(38, 10)",
                      ["1.1000000000", "-0.5000000000", "0.0000000000"]),
    "varchar": ("['plain', 'a,\"b\"', chr(233)][i + 1]", ["plain", 'a,"b"', "é"]),
    "long text": ("repeat('x', 13 + i)", ["x" * 13, "x" * 14, "x" * 15]),
    "empty and null": ("[NULL, '', 'x'][i + 1]", ["", "", "x"]),
    "blob": ("'ab'::BLOB", None),
    "uuid": ("'5a3bbd35-04a5-4f5f-9d23-6b55c46ee3a0'::UUID",
             ["5a3bbd35-04a5-4f5f-9d23-6b55c46ee3a0"] * 3),
    "date": ("['1969-12-31', '2024-02-29', '9999-12-31'][i + 1]::DATE", None),
    "timestamp us": ("['1969-12-31 23:59:59.999999', '2024-02-29 12:00:00', "
                     "'0001-01-01 00:00:00'][i + 1]::TIMESTAMP",
                     ["1969-12-31 23:59:59.999", "2024-02-29 12:00:00.000",
                      "0001-01-01 00:00:00.000"]),
    "timestamp ms": ("'2024-02-29 12:00:00.123'::TIMESTAMP_MS", ["2024-02-29 12:00:00.123"] * 3),
    "timestamp ns": ("'2024-02-29 12:00:00.123456789'::TIMESTAMP_NS",
                     ["2024-02-29 12:00:00.123"] * 3),
    "timestamp with zone": ("'2024-02-29 12:00:00.5+02'::TIMESTAMPTZ",
                            ["2024-02-29 10:00:00.500"] * 3),
    "time": ("'12:34:56.789'::TIME", None),
    "interval": ("INTERVAL 90 MINUTE", None),
    "list": ("[i, NULL, 5]", ["[0,null,5]", "[1,null,5]", "[2,null,5]"]),
    "list of text": ("['a', 'b\"c']", ['["a","b\\"c"]'] * 3),
    "struct": ("{'a': i, 'b': 'x'}", ['{"a":0,"b":"x"}', '{"a":1,"b":"x"}', '{"a":2,"b":"x"}']),
    "map": ("MAP {'k': i}", ['{"k":0}', '{"k":1}', '{"k":2}']),
    "enum": ("['a', 'b', 'c'][i + 1]::ENUM('a', 'b', 'c')", ["a", "b", "c"]),
    "null only": ("NULL::INTEGER", ["", "", ""]),
    "json": ("'{\"a\": 1}'::JSON", ['{"a": 1}'] * 3),
}


def make(tables, name, columns, rows=3):
    path = folder(tables.path, name)
    duck(f"copy (select {WHEN}, {columns} from range({rows}) t(i) order by i) "
         f"to '{path}/a.parquet'")


@pytest.mark.parametrize("kind", TYPES)
def test_type(store, tables, client, kind):
    sql, want = TYPES[kind]
    name = "types." + kind.replace(" ", "_") + ".data"
    make(tables, name, f"{sql} as v")
    job = client.submit(f"from {name} select v", FROM, TO)
    header, *rows = parse(Files(store, job, None, job.wait()).texts[0] or b"")
    assert header == ["v"]
    got = [r[0] if r else "" for r in rows]
    assert len(got) == 3
    if want is not None:
        for g, w in zip(got, want):
            assert g == w if isinstance(w, str) else float(g) == w, f"got {got}, want {want}"
        if kind == "float64":
            assert [repr(float(g)) for g in got] == [repr(w) for w in want]
            assert max(map(len, got)) <= 7, f"not the shortest form: {got}"
    else:
        assert all(got), f"got {got}"


def test_awkward_column_names(store, tables, client):
    """The header is CSV as well."""
    names = ["a,b", 'with "quotes"', "two\nlines", "ünïcödé", "select", "from", " blank ",
             "x" * 200]
    columns = ", ".join('i as "{}"'.format(n.replace('"', '""')) for n in names)
    make(tables, "types.names.data", columns)
    job = client.submit("from types.names.data", FROM, TO)
    header, *rows = parse(Files(store, job, None, job.wait()).texts[0])
    assert header == ["eventdate", *names]
    assert [r[1:] for r in rows] == [[str(i)] * len(names) for i in range(3)]


def test_rows_larger_than_a_block(store, tables, client):
    """A field of 3 MB; each file still holds whole rows."""
    make(tables, "types.large.data", "i as id, repeat(chr((97 + i)::INTEGER), 3000000) || i as v",
         rows=12)
    job = client.submit("from types.large.data", FROM, TO, format="plain", retention_size=1)
    files = Files(store, job, None, job.wait())
    rows = [r for t in files.texts for r in _wide(t)]
    assert [(int(r[1]), len(r[2]), r[2][0]) for r in rows] == \
        [(i, 3000000 + len(str(i)), chr(97 + i)) for i in range(12)]


def _wide(text):
    import csv
    csv.field_size_limit(1 << 30)
    return parse(text)[1:]


def test_a_thousand_columns(store, tables, client):
    columns = ", ".join(f"i * {c} as c{c}" for c in range(999))
    make(tables, "types.wide.data", columns)
    job = client.submit("from types.wide.data", FROM, TO)
    header, *rows = parse(Files(store, job, None, job.wait()).texts[0])
    assert header == ["eventdate", *[f"c{c}" for c in range(999)]]
    assert rows[2][1:] == [str(2 * c) for c in range(999)]


def test_one_column_with_nulls(store, tables, client):
    """A null in a table of one column is an empty line; an empty string is not."""
    make(tables, "types.single.data", "[NULL, '', 'x'][i + 1] as v")
    job = client.submit("from types.single.data select v", FROM, TO)
    assert Files(store, job, None, job.wait()).texts == [b'v\n\n""\nx\n']


def test_table_without_rows(store, tables, client):
    make(tables, "types.empty.data", "i as v", rows=0)
    job = client.submit("from types.empty.data", FROM, TO)
    assert Files(store, job, None, job.wait()).texts == [b"eventdate,v\n"]
    assert os.path.exists(os.path.join(tables.path, "types", "empty", "data"))
