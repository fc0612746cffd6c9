"""Runs the conformance checks through the clients and prints what agrees. Called by scripts/conformance."""

import argparse
import json
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path

import checks as check_files
import clients
from judge import judge
from server import DATABASE, Emulator, build

CHECK_SECONDS_MAX = 20
PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
MARKS = {PASSED: "ok", FAILED: "FAIL", SKIPPED: "-"}


def main():
    arguments = parse()
    checks = [check for check in check_files.read_all({"database": DATABASE}) if not arguments.only or arguments.only in check["name"]]
    if arguments.sql:
        return write_sql(checks, arguments.sql)
    program, outcomes = arguments.program or build(), {}
    for client in [client for client in clients.ALL if not arguments.client or client.name in arguments.client]:
        client.install()
        for mode in [mode for mode in client.modes if not arguments.mode or mode in arguments.mode]:
            began = time.monotonic()
            outcomes[client.name, mode] = run_client(client, mode, checks, program)
            print(f"{client.name} {mode}: {time.monotonic() - began:.0f} s", file=sys.stderr)
    if not arguments.brief:
        print_table(checks, outcomes)
    print_summary(checks, outcomes)
    print_differences(outcomes)
    if arguments.json:
        rows = [{"client": client, "mode": mode, "check": name, "outcome": outcome, "why": why}
                for (client, mode), found in outcomes.items() for name, (outcome, why) in found.items()]
        arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False))
    failed = any(outcome == FAILED for found in outcomes.values() for outcome, _ in found.values())
    return 1 if failed or not outcomes or not checks else 0


def parse():
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument("--client", action="append", choices=[client.name for client in clients.ALL], help="this client alone; repeatable")
    parser.add_argument("--mode", action="append", choices=["encrypted", "login", "plain"], help="this mode alone; repeatable")
    parser.add_argument("--only", metavar="TEXT", help="checks with TEXT in their name")
    parser.add_argument("--program", metavar="FILE", type=Path, help="this emulator, instead of building one")
    parser.add_argument("--brief", action="store_true", help="no table: counts and what differs")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all outcomes there too")
    parser.add_argument("--sql", metavar="FOLDER", type=Path, help="run nothing: write the T-SQL of the checks there, for a parser")
    return parser.parse_args()


def write_sql(checks, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in check_files.t_sql(checks):
        (folder / f"{name}.sql").write_text(text + "\n", encoding="utf-8")
    return 0


def run_client(client, mode, checks, program):
    """Outcome and reason of every check, by name."""
    outcomes, waiting = {}, []
    for check in checks:
        reason = client.why_not(check)
        if reason:
            outcomes[check["name"]] = (SKIPPED, reason)
        else:
            waiting.append(check)
    with Emulator(program, mode) as server:
        while waiting:
            for check, observations in run_some(client, server, waiting):
                difference = judge(check, observations, client)
                outcomes[check["name"]] = (FAILED, difference) if difference else (PASSED, None)
            done = [check for check in waiting if check["name"] in outcomes]
            waiting = waiting[len(done):]
            if waiting:  # the client ended or hangs: that is the next check's doing
                outcomes[waiting.pop(0)["name"]] = (FAILED, "the client crashed or hung")
    return outcomes


def run_some(client, server, checks):
    """What the client observes, check by check, for as long as it lives and answers."""
    sent = [{"name": check["name"], "steps": [step["sent"] for step in check["steps"]]} for check in checks]
    process = subprocess.Popen([str(part) for part in client.command()], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    lines = queue.Queue()
    threading.Thread(target=pump, args=(process.stdout, lines), daemon=True).start()
    process.stdin.write(json.dumps(server.access() | {"checks": sent}).encode())
    process.stdin.close()
    for check in checks:
        try:
            line = lines.get(timeout=CHECK_SECONDS_MAX)
        except queue.Empty:
            line = b""
        if not line:
            break
        yield check, json.loads(line)["steps"]
    process.kill()
    process.wait()


def pump(stream, lines):
    for line in stream:
        lines.put(line)
    lines.put(b"")


def print_table(checks, outcomes):
    runs = list(outcomes)
    width = max((len(check["name"]) for check in checks), default=0)
    print(" " * width, *[f"{client} {mode}" for client, mode in runs], sep="  ")
    for check in checks:
        marks = [f"{MARKS[outcomes[run][check['name']][0]]:<{len(' '.join(run))}}" for run in runs]
        print(f"{check['name']:<{width}}", *marks, sep="  ")


def print_summary(checks, outcomes):
    print()
    for (client, mode), found in outcomes.items():
        tally = {kind: sum(outcome == kind for outcome, _ in found.values()) for kind in MARKS}
        print(f"{client:<11} {mode:<10}" + ", ".join(f"{number} {kind}" for kind, number in tally.items()))
    reasons = {(client, why, name) for (client, _), found in outcomes.items() for name, (outcome, why) in found.items() if outcome == SKIPPED}
    for client, why in sorted({(client, why) for client, why, _ in reasons}):
        print(f"  {client} skips {sum(each[:2] == (client, why) for each in reasons)}: {why}")
    print(f"{len(checks)} checks")


def print_differences(outcomes):
    """Each failing check once, with all the runs that fail alike."""
    alike = {}
    for run, found in outcomes.items():
        for name, (outcome, why) in found.items():
            if outcome == FAILED:
                alike.setdefault((name, why), []).append(" ".join(run))
    for (name, why), runs in sorted(alike.items()):
        print(f"\nFAIL {name}\n  in {', '.join(runs)}\n  {why}")


if __name__ == "__main__":
    sys.exit(main())
