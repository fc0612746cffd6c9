"""Reads the checks and brings them into the form that the clients run: every step spelled out, every value a text or null."""

import re
import tomllib
from pathlib import Path

FOLDER = Path(__file__).parent / "checks"
ACTIONS = ("sql", "begin", "commit", "rollback", "save", "rollback_to", "connect", "close", "reset", "finish")
EXPECTATIONS = {"rows", "results", "row_count", "columns", "types", "counts", "error", "errors", "each", "state", "class", "line",
                "text", "messages", "cancelled"}
OPTIONS = {"on", "params", "runs", "background", "take_rows", "cancel_after_ms"}
NULL = "NULL"


class BadCheck(Exception):
    """A check that says something this suite does not know."""


def read_all(variables):
    """All checks of all files, in order of the files. `variables` replace `${name}` in every text."""
    checks = []
    for path in sorted(FOLDER.glob("*.toml")):
        text = path.read_text(encoding="utf-8")
        for name, value in variables.items():
            text = text.replace("${" + name + "}", value)
        document = tomllib.loads(text)
        for number, check in enumerate(document["check"]):
            where = f"{path.name}: {check.get('name', number)}"
            checks.append({"group": path.stem, "name": f"{path.stem}: {check['name']}", "needs": check.get("needs", []),
                           "syntax": check.get("syntax", True), "steps": [read_step(step, where) for step in check["step"]]})
    names = [check["name"] for check in checks]
    doubles = {name for name in names if names.count(name) > 1}
    if doubles:
        raise BadCheck(f"two checks of one name: {', '.join(sorted(doubles))}")
    return checks


def read_step(step, where):
    actions = [action for action in ACTIONS if action in step]
    unknown = set(step) - set(ACTIONS) - EXPECTATIONS - OPTIONS
    if len(actions) != 1 or unknown:
        raise BadCheck(f"{where}: actions {actions}, unknown {sorted(unknown)}")
    action = actions[0]
    sent = {"on": step.get("on", "a"), "do": action, **{key: step[key] for key in OPTIONS & set(step) - {"params", "runs"}}}
    if action == "sql":
        sent["sql"] = step["sql"].strip()
        sent |= read_parameters(step)
    elif action == "begin":
        sent["isolation"] = step["begin"]
    elif action in ("save", "rollback_to"):
        sent["name"] = step[action]
    elif action == "connect":
        sent["options"] = step["connect"]
    return {"sent": sent, "expected": read_expected(step)}


def read_parameters(step):
    if "params" not in step:
        return {}
    if "runs" in step:  # parameters have types alone, their values come with each run
        names = list(step["params"].items())
        runs = [[text_of(value) for value in (run if isinstance(run, list) else [run])] for run in step["runs"]]
        return {"params": names, "runs": runs, "prepare": True}
    names = [(name, declared) for name, (declared, _) in step["params"].items()]
    return {"params": names, "runs": [[text_of(value) for _, value in step["params"].values()]]}


def read_expected(step):
    expected = {key: step[key] for key in EXPECTATIONS & set(step)}
    if "rows" in expected:
        expected["results"] = [expected.pop("rows")]
    if "results" in expected:
        expected["results"] = [[[cell_of(cell) for cell in row] for row in rows] for rows in expected["results"]]
    return expected


def cell_of(value):
    """A float stays one, to be compared as a number."""
    return value if isinstance(value, float) else text_of(value)


def text_of(value):
    if isinstance(value, dict):
        return value.get("before", "") + value["repeat"] * value["times"]
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value == NULL else str(value)


def t_sql(checks):
    """The texts of all checks that must be T-SQL, with a name for each."""
    for check in checks:
        for number, step in enumerate(check["steps"]):
            if check["syntax"] and "sql" in step["sent"]:
                yield re.sub(r"\W+", "_", f"{check['name']}_{number}"), step["sent"]["sql"]
