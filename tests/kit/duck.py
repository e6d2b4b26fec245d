#!/usr/bin/python3
"""duck.py SQL...: runs statements in an empty DuckDB in memory; the last one's rows as CSV.

Uses the C interface of the library that setup.sh has fetched (or DUCKDB_DIR). null is \\N.
"""

import csv
import ctypes
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Result(ctypes.Structure):
    """struct duckdb_result of duckdb.h: three counts and three pointers."""
    _fields_ = [("counts", ctypes.c_uint64 * 3), ("pointers", ctypes.c_void_p * 3)]


def main():
    folder = os.environ.get("DUCKDB_DIR") or f"{ROOT}/build/deps/duckdb"
    lib = ctypes.CDLL(f"{folder}/lib/libduckdb.so")
    lib.duckdb_value_varchar.restype = ctypes.c_void_p
    lib.duckdb_value_varchar.argtypes = [ctypes.POINTER(Result), ctypes.c_uint64, ctypes.c_uint64]
    lib.duckdb_free.argtypes = [ctypes.c_void_p]
    lib.duckdb_result_error.restype = ctypes.c_char_p
    for count in (lib.duckdb_row_count, lib.duckdb_column_count):
        count.restype = ctypes.c_uint64
    db, con = ctypes.c_void_p(), ctypes.c_void_p()
    if lib.duckdb_open(None, ctypes.byref(db)) or lib.duckdb_connect(db, ctypes.byref(con)):
        sys.exit("cannot open a database in memory")
    r = Result()
    for sql in sys.argv[1:]:
        if lib.duckdb_query(con, sql.encode(), ctypes.byref(r)):
            sys.exit(lib.duckdb_result_error(ctypes.byref(r)).decode())
    sys.stdout.reconfigure(newline="")
    out = csv.writer(sys.stdout)  # its line end makes it quote CR as well as LF

    def cell(column, row):
        p = lib.duckdb_value_varchar(ctypes.byref(r), column, row)
        if not p:
            return "\\N"
        text = ctypes.string_at(p).decode()
        lib.duckdb_free(p)
        return text
    columns = range(lib.duckdb_column_count(ctypes.byref(r)))
    for row in range(lib.duckdb_row_count(ctypes.byref(r))):
        out.writerow([cell(c, row) for c in columns])


if __name__ == "__main__":
    main()
