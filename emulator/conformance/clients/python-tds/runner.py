"""Runs the checks through python-tds: reads the run from standard input, writes what it observed, a line for each check."""

import datetime
import decimal
import hashlib
import json
import re
import socket
import sys
import threading
import uuid

import pytds
from pytds import tds_base, tds_types
from pytds.extensions import (
    ISOLATION_LEVEL_READ_COMMITTED, ISOLATION_LEVEL_READ_UNCOMMITTED, ISOLATION_LEVEL_REPEATABLE_READ,
    ISOLATION_LEVEL_SERIALIZABLE, ISOLATION_LEVEL_SNAPSHOT)

ISOLATION = {
    "read uncommitted": ISOLATION_LEVEL_READ_UNCOMMITTED,
    "read committed": ISOLATION_LEVEL_READ_COMMITTED,
    "repeatable read": ISOLATION_LEVEL_REPEATABLE_READ,
    "serializable": ISOLATION_LEVEL_SERIALIZABLE,
    "snapshot": ISOLATION_LEVEL_SNAPSHOT,
}
FIXED = {0x30: "tinyint", 0x32: "bit", 0x34: "smallint", 0x38: "int", 0x7F: "bigint", 0x3A: "smalldatetime", 0x3B: "real",
         0x3C: "money", 0x3D: "datetime", 0x3E: "float", 0x7A: "smallmoney", 0x24: "uniqueidentifier", 0x28: "date",
         0x29: "time", 0x2A: "datetime2", 0x2B: "datetimeoffset", 0x6A: "decimal", 0x6C: "decimal", 0x68: "bit",
         0xA7: "varchar", 0xAF: "char", 0xE7: "nvarchar", 0xEF: "nchar", 0xA5: "varbinary", 0xAD: "binary",
         0x23: "varchar", 0x63: "nvarchar", 0x22: "varbinary"}
SIZED = {0x26: {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}, 0x6D: {4: "real", 8: "float"},
         0x6E: {4: "smallmoney", 8: "money"}, 0x6F: {4: "smalldatetime", 8: "datetime"}}
CELL_BYTES_MAX = 1000


class Connections:
    """The connections of one check, by name."""

    def __init__(self, run, check):
        self.run, self.open, self.options, self.cursors, self.waiting = run, {}, {}, {}, {}
        # python-tds sends an attention only after its time limit, which belongs to the connection.
        limits = [step["cancel_after_ms"] for step in check["steps"] if "cancel_after_ms" in step]
        self.timeout = limits[0] / 1000 if limits else None
        self.pooling = any(step["do"] == "reset" for step in check["steps"])

    def connect(self, name, options):
        run = self.run
        encryption = {
            "encrypted": {"cafile": run["certificate"]},
            "login": {"cafile": run["certificate"], "enc_login_only": True},
            "plain": {},
        }[run["mode"]]
        self.options[name] = options
        self.open[name] = pytds.connect(
            dsn="localhost", port=run["port"], autocommit=True, disable_connect_retry=True, pooling=self.pooling, timeout=self.timeout,
            user=options.get("user", run["user"]), password=options.get("password", run["password"]),
            database=options.get("database", run["database"]), blocksize=options.get("packet_size", 4096),
            appname=options.get("app_name", "conformance"), login_timeout=15, **encryption)

    def get(self, name):
        if name not in self.open:
            self.connect(name, {})
        return self.open[name]

    def reset(self, name):
        """The pool resets what it hands out again."""
        self.get(name).close()
        self.connect(name, self.options[name])

    def discard(self, name):
        self.open.pop(name).close()

    def discard_all(self):
        for name in list(self.open):
            self.discard(name)


def cell(value, column):
    if value is None:
        return None
    if isinstance(value, (bytes, bytearray)):
        if len(value) > CELL_BYTES_MAX:
            return digest(bytes(value))
        return "0x" + bytes(value).hex().upper()
    text = scalar(value, column)
    encoded = text.encode()
    return digest(encoded) if len(encoded) > CELL_BYTES_MAX else text


def digest(data):
    return f"sha256:{hashlib.sha256(data).hexdigest()}:{len(data)}"


def scalar(value, column):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, decimal.Decimal):
        # python-tds drops the zeros at the end, and tells no scale of money.
        return f"{value:.{4 if column_type(column).endswith('money') else column[5]}f}"
    if isinstance(value, uuid.UUID):
        return str(value).upper()
    if isinstance(value, datetime.datetime):
        base = f"{value.year:04}-{value:%m-%d %H:%M:%S}.{value.microsecond:06}"
        if value.tzinfo is None:
            return base
        minutes = round(value.utcoffset().total_seconds() / 60)
        return f"{base} {'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    if isinstance(value, datetime.date):
        return f"{value.year:04}-{value:%m-%d}"
    if isinstance(value, datetime.time):
        return f"{value:%H:%M:%S}.{value.microsecond:06}"
    return str(value)


def parse_moment(text):
    found = re.fullmatch(r"(?:(\d+)-(\d+)-(\d+))? ?(?:(\d+):(\d+):(\d+)(?:\.(\d+))?)?(?: ([+-])(\d+):(\d+))?", text)
    year, month, day, hour, minute, second, fraction, sign, off_hour, off_minute = found.groups()
    zone = None
    if sign:
        offset = datetime.timedelta(hours=int(off_hour), minutes=int(off_minute))
        zone = datetime.timezone(-offset if sign == "-" else offset)
    microsecond = int(((fraction or "") + "000000")[:6])
    clock = datetime.time(int(hour or 0), int(minute or 0), int(second or 0), microsecond)
    if year is None:
        return clock
    date = datetime.date(int(year), int(month), int(day))
    return date if hour is None else datetime.datetime.combine(date, clock, zone)


def parameter(declared, text):
    kind = declared.split("(")[0]
    if kind in ("money", "smallmoney"):  # it cannot write negative money; a Decimal is its own way
        kind, declared = "decimal", "decimal(19,4)"
    elif kind == "binary":  # nor binary at all
        kind, declared = "varbinary", "var" + declared
    sql_type = tds_types.sql_type_by_declaration(declared)
    if text is None:
        return tds_base.Param(type=sql_type, value=None)
    if kind in ("tinyint", "smallint", "int", "bigint"):
        value = int(text)
    elif kind == "bit":
        value = text == "true"
    elif kind in ("real", "float"):
        value = float(text)
    elif kind == "decimal":
        value = decimal.Decimal(text)
    elif kind in ("binary", "varbinary"):
        value = bytes.fromhex(text[2:])
    elif kind == "uniqueidentifier":
        value = uuid.UUID(text)
    elif kind.startswith(("date", "time", "smalldatetime")):
        value = parse_moment(text)
    else:
        value = text
    return tds_base.Param(type=sql_type, value=value)


def column_type(column):
    _, code, _, size, *_ = column
    return FIXED.get(code) or SIZED.get(code, {}).get(size, f"0x{code:02X}")


class Observation:
    def __init__(self):
        self.data = {"results": [], "counts": [], "errors": [], "messages": []}
        self.messages_seen = 0

    def note_messages(self, cursor):
        """Errors and messages since the last call."""
        for _, message in (cursor.messages or [])[self.messages_seen:]:
            self.messages_seen += 1
            self.note(message)

    def note(self, message):
        if message.severity > 10:
            self.data["errors"].append({"number": message.number, "state": message.state, "class": message.severity,
                                        "line": message.line, "message": message.text})
        else:
            self.data["messages"].append(message.text)

    def collect(self, cursor, advance, take_rows):
        """Everything that one execution answers. `advance` sends it; afterwards nextset moves on."""
        described = cursor.description
        self.messages_seen = 0
        while True:
            try:
                moved = advance()
                last = moved is False or moved is None
                if cursor.description is not None and cursor.description is not described:
                    described = cursor.description
                    result = {"columns": [column[0] for column in described],
                              "types": [column_type(column) for column in described], "rows": []}
                    self.data["results"].append(result)
                    last = False
                    if take_rows is not None:
                        result["rows"] = [list(map(cell, row, described)) for row in cursor.fetchmany(take_rows)]
                        return
                    while (row := cursor.fetchone()) is not None:
                        result["rows"].append(list(map(cell, row, described)))
                elif moved is not False and cursor.rowcount >= 0:
                    self.data["counts"].append(cursor.rowcount)
            except tds_base.DatabaseError as error:
                last = False
                if not cursor.messages:
                    self.data["client_error"] = f"{type(error).__name__}: {error}"
                    return
            self.note_messages(cursor)
            advance = cursor.nextset
            if last:
                return


def execute(connections, step, observation):
    cursor = connections.get(step["on"]).cursor()
    connections.cursors[step["on"]] = cursor
    sql, names = step["sql"], step.get("params", [])
    runs = step.get("runs", [[]])
    if names:
        pattern = "|".join(re.escape(name) for name, _ in names)
        sql = re.sub(rf"@({pattern})\b", r"%(\1)s", sql.replace("%", "%%"))
    for values in runs:
        arguments = {name: parameter(declared, value) for (name, declared), value in zip(names, values)}
        if names:
            start = lambda: (cursor.execute(sql, arguments), True)[1]
        else:
            start = lambda: (cursor.execute(sql), True)[1]
        observation.collect(cursor, start, step.get("take_rows"))


def run_step(connections, step, observation):
    name = step["on"]
    if step["do"] == "connect":
        return connections.connect(name, step["options"])
    if step["do"] == "close":
        connections.get(name)
        return connections.discard(name)
    if step["do"] == "reset":
        return connections.reset(name)
    connection = connections.get(name)
    if step["do"] == "begin":
        connection.isolation_level = ISOLATION[step["isolation"]]
        connection.autocommit = False
    elif step["do"] == "commit":
        connection.commit()
        connection.autocommit = True
    elif step["do"] == "rollback":
        connection.rollback()
        connection.autocommit = True
    else:
        execute(connections, step, observation)


def guarded(connections, step, observation):
    try:
        run_step(connections, step, observation)
    except (socket.timeout, tds_base.TimeoutError):
        observation.data["cancelled"] = True
        connections.cursors[step["on"]].cancel()
    except tds_base.Error as error:
        if getattr(error, "number", None):
            observation.note(error)
        else:
            observation.data["client_error"] = f"{type(error).__name__}: {error}"


def run_check(run, check):
    connections, observations = Connections(run, check), []
    try:
        for step in check["steps"]:
            if step["do"] == "finish":
                thread, observation = connections.waiting.pop(step["on"])
                thread.join()
            else:
                observation = Observation()
                if step.get("background"):
                    connections.get(step["on"])
                    thread = threading.Thread(target=guarded, args=(connections, step, observation))
                    thread.start()
                    connections.waiting[step["on"]] = (thread, observation)
                    observations.append({})
                    continue
                guarded(connections, step, observation)
            observations.append(observation.data)
            if "client_error" in observation.data:
                break
    except Exception as error:  # A fault of the client is a finding, whatever its kind.
        observations.append({"client_error": f"{type(error).__name__}: {error}"})
    finally:
        connections.discard_all()
    return observations


def main():
    run = json.load(sys.stdin)
    for check in run["checks"]:
        print(json.dumps({"check": check["name"], "steps": run_check(run, check)}), flush=True)


main()
