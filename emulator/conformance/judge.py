"""Compares what a client observed with what a check expects."""

import hashlib
import re
import struct

CELL_BYTES_MAX = 1000


def judge(check, observations, client):
    """None, or the first difference: step, what was expected, what came."""
    for number, step in enumerate(check["steps"], 1):
        if number > len(observations):
            return f"step {number}: not reached"
        difference = judge_step(step, observations[number - 1], client)
        if difference:
            return f"step {number}: {difference}"
    return None


def judge_step(step, got, client):
    expected = step["expected"]
    if step["sent"].get("background"):
        return None  # judged where it is awaited
    if "client_error" in got:
        return f"the client failed: {got['client_error']}"
    if bool(got.get("cancelled")) != expected.get("cancelled", False):
        return f"cancelled: expected {expected.get('cancelled', False)}, got {bool(got.get('cancelled'))}"
    return (errors(step["sent"]["do"], expected, got.get("errors") or []) or results(expected, got.get("results") or [], client.blurs)
            or counts(expected, got, client) or messages(expected, got))


def errors(action, expected, got):
    wanted = expected.get("errors", [expected["error"]] if "error" in expected else [])
    numbers = [error["number"] for error in got]
    if wanted and (action == "connect" or expected.get("each")):
        # A login may end in several errors, of which clients report the first, the last, or all; a name that is
        # wrong (`each`) is reported wherever it stands.
        right = bool(numbers) and set(numbers) <= set(wanted)
    else:
        right = numbers == wanted
    if not right:
        return f"errors: expected {wanted}, got {[(error['number'], error['message']) for error in got]}"
    for field, key in (("state", "state"), ("class", "class"), ("line", "line")):
        if field in expected and got[0][key] != expected[field]:
            return f"{field} of error {numbers[0]}: expected {expected[field]}, got {got[0][key]}"
    if "text" in expected and expected["text"] not in got[0]["message"]:
        return f"text of error {numbers[0]}: expected {expected['text']!r}, got {got[0]['message']!r}"
    return None


def results(expected, got, blurs):
    if "columns" in expected and (not got or got[0]["columns"] != expected["columns"]):
        return f"columns: expected {expected['columns']}, got {got[0]['columns'] if got else 'no result'}"
    types = [blurs.get(kind, kind) for kind in expected.get("types", [])]
    if types and (not got or got[0]["types"] != types):
        return f"types: expected {types}, got {got[0]['types'] if got else 'no result'}"
    if "row_count" in expected and (not got or len(got[0]["rows"]) != expected["row_count"]):
        return f"rows: expected {expected['row_count']}, got {len(got[0]['rows']) if got else 'no result'}"
    if "results" not in expected:
        return None
    # A statement that fails before its first row has described its columns or has not: SQL Server does either.
    found = [result for result in got if result["rows"] or not expected_failure(expected)]
    wanted = [rows for rows in expected["results"] if rows or not expected_failure(expected)]
    if len(found) != len(wanted):
        return f"results: expected {len(wanted)}, got {len(found)}: {[short(result['rows']) for result in found]}"
    for rows, result in zip(wanted, found):
        if not same_rows(rows, result):
            return f"rows: expected {short(rows)}, got {short(result['rows'])}"
    return None


def expected_failure(expected):
    return "error" in expected or "errors" in expected


def same_rows(wanted, result):
    if len(wanted) != len(result["rows"]):
        return False
    types = result["types"]
    return all(len(row) == len(got) == len(types) and all(map(same_cell, row, got, types))
               for row, got in zip(wanted, result["rows"]))


def same_cell(wanted, got, kind):
    if wanted is None or got is None:
        return wanted is None and got is None
    if isinstance(wanted, float):
        return as_real(float(got)) == as_real(wanted) if kind == "real" else float(got) == wanted
    if len(wanted.encode()) > CELL_BYTES_MAX:
        data = bytes.fromhex(wanted[2:]) if wanted.startswith("0x") else wanted.encode()
        return got == f"sha256:{hashlib.sha256(data).hexdigest()}:{len(data)}"
    return moment(wanted) == moment(got)


def as_real(value):
    return struct.unpack("f", struct.pack("f", value))[0]


def moment(text):
    """Clients write as many digits of a second as they please."""
    found = re.fullmatch(r"((?:\d{4}-\d\d-\d\d )?\d\d:\d\d(?::\d\d)?)(?:\.(\d*))?( [+-]\d\d:\d\d)?", text)
    if not found:
        return text
    fraction = (found[2] or "").rstrip("0")
    return found[1] + ("." + fraction if fraction else "") + (found[3] or "")


def counts(expected, got, client):
    if "counts" not in expected:
        return None
    wanted, found = ([count for count in each if count or client.zero_counts] for each in (expected["counts"], got["counts"]))
    return f"counts: expected {wanted}, got {found}" if wanted != found else None


def messages(expected, got):
    """The expected ones in their order; others may stand between them."""
    rest = iter(got.get("messages") or [])
    missing = [text for text in expected.get("messages", []) if not any(text in message for message in rest)]
    return f"messages: expected {expected['messages']}, got {got['messages']}" if missing else None


def short(rows):
    text = str(rows)
    return text if len(text) < 600 else text[:600] + "…"
