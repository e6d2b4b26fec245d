"""The three million flights of the demo: every row arrives, compared as multisets."""

import os
import tempfile

import pytest

from kit.data import FLIGHTS, FLIGHTS_FROM, FLIGHTS_TO, have_flights
from kit.readers import Files, duck

COLUMNS = ["date", "delay", "distance", "origin", "destination"]


@pytest.mark.skipif(not have_flights(), reason="the flights are not there (deploy/setup.sh)")
@pytest.mark.parametrize("params", [{"retention_size": 10}, {"multiplefile": False}], ids=repr)
def test_three_million_flights(store, client, params):
    job = client.submit("from demo.flights.data", FLIGHTS_FROM, FLIGHTS_TO, **params)
    status = job.wait(limit=180)
    assert (status["eventGenerated"], status["eventsSent"]) == (3000000, 3000000)
    files = Files(store, job, None, status)
    digest = "count(*), sum(md5_number_upper(r)::HUGEINT), sum(md5_number_lower(r)::HUGEINT)"
    row = "concat_ws(',', {}, coalesce(delay::VARCHAR, ''), distance, origin, destination)"
    with tempfile.TemporaryDirectory() as d:
        for i, text in enumerate(files.texts):
            with open(os.path.join(d, f"{i:03d}.csv"), "wb") as f:
                f.write(text)
        columns = "{" + ", ".join(f"'{c}': 'VARCHAR'" for c in COLUMNS) + "}"
        got = duck(f"select {digest} from (select {row.format('date')} as r from "
                   f"read_csv('{d}/*.csv', header=true, auto_detect=false, columns={columns}))")
    stamp = "strftime(date, '%Y-%m-%d %H:%M:%S.%g')"
    want = duck(f"select {digest} from (select {row.format(stamp)} as r from '{FLIGHTS}')")
    assert got == want and got[0][0] == "3000000"


@pytest.mark.skipif(not have_flights(), reason="the flights are not there (deploy/setup.sh)")
def test_the_end_of_the_range_is_exclusive(store, client):
    """The last flight is at the very end of the range, and stays out."""
    job = client.submit("from demo.flights.data select count() as n", FLIGHTS_FROM, FLIGHTS_TO - 1)
    text = Files(store, job, None, job.wait()).texts[0]
    want = duck(f"select count(*) from '{FLIGHTS}' where date < '2001-07-01'")[0][0]
    assert text.decode().split() == ["n", want] and int(want) < 3000000
