"""Reads the values of a test from both stores, by code that is not provsync's: python-tds over TDS, and Neo4j's HTTP API.

In: the address of each store, the query, and the type of each column. Out: for each store its rows, as plain JSON; a date or
time is text with nine digits of a second and, for an instant, in UTC.
"""

import base64
import ctypes
import datetime
import decimal
import fractions
import json
import re
import sys
import urllib.request
import uuid

import pytds
from pytds import tds_types

DAY_ONE, DAY_1900 = datetime.date(1, 1, 1).toordinal(), datetime.date(1900, 1, 1).toordinal()


class Moment(str):
    """A time as text, where python-tds expects one of Python's."""

    def replace(self, **_zone):
        return self


def moment(ordinal, nanoseconds, zone=""):
    """Python's own times end with microseconds."""
    days, nanoseconds = divmod(nanoseconds, 86_400 * 10**9)
    date, (seconds, rest) = datetime.date.fromordinal(ordinal + days), divmod(nanoseconds, 10**9)
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:09}"
    return Moment(f"{date.year:04}-{date:%m-%d}T{clock}{zone}")


def ticks(thirds):
    """A datetime's three-hundredths of a second as nanoseconds: the nearest 100 ns, halves up."""
    return int(fractions.Fraction(thirds * 10_000_000, 300) + fractions.Fraction(1, 2)) * 100


# What arrived, before python-tds drops what Python's times can't hold.
tds_types.DateTime.to_pydatetime = lambda own: moment(DAY_1900 + own.days, ticks(own.time_part))
tds_types.SmallDateTime.to_pydatetime = lambda own: moment(DAY_1900 + own.days, own.minutes * 60 * 10**9)
tds_types.DateTime2.to_pydatetime = lambda own: moment(own.date.to_pydate().toordinal(), own.time.nsec)
tds_types.DateTimeOffset.to_pydatetime = lambda own: moment(own._date.to_pydate().toordinal(), own._time.nsec, "Z")
tds_types._applytz = lambda value, zone: value


def source(asked):
    connection = pytds.connect(
        dsn=asked["host"], port=asked["port"], user=asked["user"], password=asked["password"], database=asked["database"],
        autocommit=True, disable_connect_retry=True, login_timeout=15)
    with connection, connection.cursor() as cursor:
        cursor.execute(asked["query"])
        return [[plain(value, kind) for value, kind in zip(row, asked["types"])] for row in cursor.fetchall()]


def plain(value, kind):
    """The value as the graph should hold it, by the type that the column was declared with."""
    if value is None or isinstance(value, (bool, str)):
        return value + "Z" if is_utc(value, kind) else value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).hex()
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, datetime.date):
        return f"{value.year:04}-{value:%m-%d}"
    if isinstance(value, decimal.Decimal):
        return f"{value:.{kind['scale']}f}"
    return shortest(value) if kind["type"] == "real" else value


def is_utc(value, kind):
    return isinstance(value, str) and kind["property"] == "utc" and not value.endswith("Z")


def shortest(value):
    """The shortest decimal that is the same real."""
    return float(next(text for digits in range(1, 18) if ctypes.c_float(float(text := f"{value:.{digits}g}")).value == value))


def graph(asked):
    secret = base64.b64encode(f"{asked['user']}:{asked['password']}".encode()).decode()
    request = urllib.request.Request(
        f"{asked['address']}/db/{asked['database']}/query/v2", json.dumps({"statement": asked["query"]}).encode(),
        {"Content-Type": "application/json", "Accept": "application/json", "Authorization": f"Basic {secret}"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        rows = json.load(answer)["data"]["values"]
    return [[stored(value) for value in row] for row in rows]


def stored(value):
    """Floats come as text; Neo4j leaves out zeros at the end of a time."""
    if isinstance(value, str) and value.startswith("FLOAT "):
        return float(value.removeprefix("FLOAT "))
    found = isinstance(value, str) and re.fullmatch(r"([-\d]+T\d\d:\d\d)(:\d\d)?(?:\.(\d+))?(Z?)", value)
    if not found:
        return value
    minute, second, fraction, zone = found.groups()
    return f"{minute}{second or ':00'}.{fraction or '':0<9}{zone}"


def main():
    asked = json.load(sys.stdin)
    json.dump({side: read(asked[side]) for side, read in (("source", source), ("graph", graph)) if side in asked}, sys.stdout)


main()
