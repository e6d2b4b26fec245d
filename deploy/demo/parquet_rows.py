#!/usr/bin/python3
"""parquet_rows.py FOLDER-OR-FILE...: the number of rows that Parquet files say they hold.

Reads the footer alone, and needs no Parquet library: it is there to be a second opinion on a
count, so it shares no code with the engine. The footer is a struct in Thrift's compact protocol
(FileMetaData of the Parquet format: field 1 version, 2 schema, 3 num_rows, 4 row groups ...).
"""

import os
import sys

MAGIC = b"PAR1"
# Field types of Thrift's compact protocol.
STOP, TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(13)
NUM_ROWS = 3


class Reader:
    """Walks over one Thrift struct; every step is checked against the end of the data."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def byte(self):
        if self.at >= len(self.data):
            raise ValueError("the footer ends too early")
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            b = self.byte()
            value |= (b & 0x7F) << shift
            if b < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise ValueError("a number in the footer is too long")

    def zigzag(self):
        n = self.varint()
        return (n >> 1) ^ -(n & 1)

    def fields(self):
        """Yields (id, type) for each field of a struct; the caller takes or skips the value."""
        number = 0
        while True:
            head = self.byte()
            if head == STOP:
                return
            step = head >> 4
            number = number + step if step else self.zigzag()
            yield number, head & 0x0F

    def skip(self, kind, in_container=False):
        if kind in (TRUE, FALSE):
            if in_container:
                self.byte()
        elif kind == BYTE:
            self.byte()
        elif kind in (I16, I32, I64):
            self.varint()
        elif kind == DOUBLE:
            self.at += 8
        elif kind == BINARY:
            length = self.varint()
            self.at += length
        elif kind in (LIST, SET):
            head = self.byte()
            count = head >> 4
            if count == 15:
                count = self.varint()
            for _ in range(count):
                self.skip(head & 0x0F, True)
        elif kind == MAP:
            count = self.varint()
            kinds = self.byte() if count else 0
            for _ in range(count):
                self.skip(kinds >> 4, True)
                self.skip(kinds & 0x0F, True)
        elif kind == STRUCT:
            for _, inner in self.fields():
                self.skip(inner)
        else:
            raise ValueError("unknown type %d in the footer" % kind)


def rows_of_file(path):
    with open(path, "rb") as f:
        size = f.seek(0, os.SEEK_END)
        f.seek(max(0, size - 8))
        tail = f.read(8)
        length = int.from_bytes(tail[:4], "little")
        if size < 12 or tail[4:] != MAGIC or length > size - 12:
            raise ValueError("%s is no Parquet file" % path)
        f.seek(size - 8 - length)
        reader = Reader(f.read(length))
    for number, kind in reader.fields():
        if number == NUM_ROWS and kind == I64:
            return reader.zigzag()
        reader.skip(kind)
    raise ValueError("%s: the footer has no number of rows" % path)


def parquet_rows(path):
    """Rows of a file, or of all *.parquet files of a folder."""
    if not os.path.isdir(path):
        return rows_of_file(path)
    names = sorted(n for n in os.listdir(path) if n.endswith(".parquet"))
    return sum(rows_of_file(os.path.join(path, n)) for n in names)


def main():
    if len(sys.argv) < 2:
        sys.exit("usage: parquet_rows.py FOLDER-OR-FILE...")
    try:
        print(sum(parquet_rows(p) for p in sys.argv[1:]))
    except (OSError, ValueError) as e:
        sys.exit("parquet_rows.py: %s" % e)


if __name__ == "__main__":
    main()
