"""The CSV dialect of the exports, written down a second time: what the bytes of a row must be."""

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1)
NEEDS_QUOTES = frozenset(',"\r\n')


def timestamp(value, offset_min=0, iso=False):
    """Cut to milliseconds, in the zone of the job."""
    t = value + timedelta(minutes=offset_min)
    ms = f"{t.microsecond // 1000:03d}"
    if not iso:
        return t.strftime("%Y-%m-%d %H:%M:%S.") + ms
    zone = timezone(timedelta(minutes=offset_min))
    text = t.replace(tzinfo=zone).strftime("%z")
    return t.strftime("%Y-%m-%dT%H:%M:%S.") + ms + (text if offset_min else "Z")


def field(value, **zone):
    if value is None:
        return ""
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, datetime):
        return timestamp(value, **zone)
    if isinstance(value, str):
        if value == "":
            return '""'
        if NEEDS_QUOTES & set(value):
            return '"' + value.replace('"', '""') + '"'
        return value
    return repr(value)


def line(row, **zone):
    return (",".join(field(v, **zone) for v in row) + "\n").encode()


def lines(rows, **zone):
    return b"".join(line(r, **zone) for r in rows)


def ms_of(value):
    return round((value - EPOCH) / timedelta(milliseconds=1))
