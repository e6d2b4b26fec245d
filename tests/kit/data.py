"""Tables that the tests write themselves, row by row known: what an export must hold is computed
here, by Python, and never by the code under test."""

import base64
import csv
import functools
import gzip
import json
import os
import random
import shutil
from collections import namedtuple
from datetime import timedelta

from kit import csvtext
from kit.readers import duck
from kit.s3 import ROOT

FROM, TO = 1546083949, 1546947949  # seconds: the range of the documentation's example
FLIGHTS = f"{ROOT}/build/deps/vega/flights-3m.parquet"
FLIGHTS_FROM, FLIGHTS_TO = 978307200 - 86400, 993945600 + 1  # the last one is at 2001-07-01 00:00
KINDS = [f"kind-{i:02d}" for i in range(20)]


class Table:
    """name, columns, and rows (named tuples in storage order)."""

    def __init__(self, name, columns, rows):
        self.name, self.columns = name, columns
        self.row_type = namedtuple("Row", columns)
        self.rows = [self.row_type(*r) for r in rows]

    @functools.cached_property
    def lines(self):
        return [csvtext.line(r) for r in self.rows]

    def expect(self, where=None):
        """The CSV of the rows for which where is true, in storage order."""
        if where is None:
            return b"".join(self.lines)
        return b"".join(text for text, r in zip(self.lines, self.rows) if where(r))

    def select(self, *columns, where=None):
        pick = [self.columns.index(c) for c in columns]
        return csvtext.lines([[r[i] for i in pick] for r in self.rows
                              if where is None or where(r)])


def at(ms):
    """A time of the range, ms after its begin."""
    return csvtext.EPOCH + timedelta(seconds=FROM, milliseconds=ms)


def ecommerce(n=40000, seed=11):
    """The table of the API's own examples, small."""
    rnd = random.Random(seed)
    methods = ["GET"] * 8 + ["POST", "PUT"]
    codes = [200] * 12 + [301, 304, 404, 404, 400, 403, 500, 503]
    hosts = [f"www{i}.example.com" for i in range(4)]
    categories = ["GIFTS", "FLOWERS", "TEDDY", "SURPRISE", "CANDY"]
    agents = ["Mozilla/5.0 (Windows NT 6.1; rv:64.0) Gecko/20100101 Firefox/64.0",
              "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/71.0",
              "Googlebot/2.1 (+http://www.google.com/bot.html)", 'Strange "quoted", agent']
    step = (TO - FROM) * 1000 // n
    rows = []
    for i in range(n):
        uri = (f"/category.screen?category_id={rnd.choice(categories)}&s={i % 977}"
               if i % 3 else f"/product.screen?id={rnd.randrange(900)}")
        referral = None if rnd.random() < 0.2 else f"http://www.google.com?q={rnd.choice(KINDS)}"
        ip = f"{rnd.choice([10, 130, 192])}.{rnd.randrange(4)}.{rnd.randrange(4)}.{i % 250}"
        rows.append((at(i * step + rnd.randrange(step)), rnd.choice(hosts), rnd.choice(methods),
                     uri, "HTTP 1.1", rnd.choice(codes), rnd.randrange(200, 20000),
                     rnd.randrange(1, 1000), ip, rnd.choice(agents), referral,
                     f"JSESSIONID=SD{i % 9}SL{rnd.randrange(10)}FF"))
    return Table("demo.ecommerce.data",
                 ["eventdate", "host", "method", "uri", "protocol", "statusCode",
                  "bytesTransferred", "timeTaken", "clientIpAddress", "userAgent", "referralUri",
                  "cookie"], rows)


ODD_TEXT = ["plain", "a,b", 'say "hi"', "two\nlines", "cr\rhere", "crlf\r\n", "", None, " blank ",
            "æøå ½ €", "漢字", "😀 emoji", "'single'", '"', ",", "\\n", "=1+1", "\ttab",
            "null", "NULL"]


def odd(name="demo.odd.data", n=200000, seed=7, noise=48):
    """Values that break exporters, and noise that does not compress."""
    rnd = random.Random(seed)
    step = (TO - FROM) * 1000 // n
    rows = []
    for i in range(n):
        rows.append((at(i * step), i, KINDS[rnd.randrange(20)], ODD_TEXT[rnd.randrange(20)],
                     None if rnd.random() < 0.1 else rnd.randrange(-2**40, 2**40),
                     None if rnd.random() < 0.1 else rnd.randrange(-9999, 9999) + 0.125,
                     None if rnd.random() < 0.1 else rnd.random() < 0.5,
                     base64.b64encode(rnd.randbytes(noise)).decode()))
    return Table(name, ["eventdate", "id", "kind", "text", "number", "ratio", "ok", "noise"], rows)


def folder(data_dir, table_name):
    path = os.path.join(data_dir, *table_name.split("."))
    os.makedirs(path, exist_ok=True)
    return path


def write_csv(table, data_dir, parts=2, packed=True):
    """As CSV files, in order of their names. (CSV cannot tell an empty string from null.)"""
    size = -(-len(table.rows) // parts)
    for p in range(parts):
        path = os.path.join(folder(data_dir, table.name), f"part-{p:03d}.csv")
        opened = gzip.open(path + ".gz", "wt", compresslevel=1, encoding="utf-8", newline="") \
            if packed else open(path, "w", encoding="utf-8", newline="")
        with opened as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerow(table.columns)
            for r in table.rows[p * size:(p + 1) * size]:
                out.writerow([csvtext.timestamp(r[0]), *r[1:]])


def write_json(table, data_dir, packed=True):
    """As one NDJSON file."""
    path = os.path.join(folder(data_dir, table.name), "part-000.ndjson")
    opened = gzip.open(path + ".gz", "wt", compresslevel=1, encoding="utf-8") \
        if packed else open(path, "w", encoding="utf-8")
    with opened as f:
        for r in table.rows:
            f.write(json.dumps(dict(zip(table.columns, (csvtext.timestamp(r[0]), *r[1:])))) + "\n")


ODD_TYPES = {"eventdate": "TIMESTAMP", "id": "INTEGER", "kind": "VARCHAR", "text": "VARCHAR",
             "number": "BIGINT", "ratio": "DOUBLE", "ok": "BOOLEAN", "noise": "VARCHAR"}


def write_parquet(table, data_dir, types):
    """By another program, from NDJSON; types by column."""
    path = folder(data_dir, table.name)
    write_json(table, data_dir, packed=False)
    source = os.path.join(path, "part-000.ndjson")
    columns = ", ".join(f"{c}: '{types[c]}'" for c in table.columns)
    duck(f"copy (select * from read_json('{source}', format='newline_delimited', "
         f"columns={{{columns}}})) "
         f"to '{path}/part-000.parquet' (row_group_size 20480)")
    os.unlink(source)


def have_flights():
    return os.path.exists(FLIGHTS)


def link_flights(data_dir):
    shutil.copyfile(FLIGHTS, os.path.join(folder(data_dir, "demo.flights.data"),
                                          "flights-3m.parquet"))


class Tables:
    """A data folder with all of them. big: the one that fault tests cut in the middle."""

    def __init__(self, path, big_rows=200000):
        self.path = path
        self.ecommerce = ecommerce()
        self.odd = odd(n=20000, noise=6)
        self.big = odd("demo.big.data", n=big_rows, seed=8)
        self.small = Table("demo.small.data", ["eventdate", "id"],
                           [(at(i * 1000), i) for i in range(10)])
        self.secret = Table("secret.payroll.data", ["eventdate", "salary"],
                            [(at(i), 1000 + i) for i in range(10)])
        write_csv(self.ecommerce, path)
        write_json(self.odd, path)
        write_parquet(self.big, path, ODD_TYPES)
        write_csv(self.small, path, parts=1, packed=False)
        write_csv(self.secret, path, parts=1, packed=False)
        if have_flights():
            link_flights(path)
