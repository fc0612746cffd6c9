#!/usr/bin/env python3
"""How fast the emulator gives rows: a scan by key of one table through tiberius, client and server in one process.

    scripts/bench scan --json FILE [--rounds N] [--rows N]

The rate is what bounds every measurement of provsync against the emulator from above.
"""

import argparse
import json
import pathlib
import subprocess

import machine
import report

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rows", type=int, default=1_000_000)
    options = parser.parse_args()
    figures = report.Report("scan", {"machine": machine.describe(), "data": {"rows": options.rows, "columns": 6}})
    command = ["cargo", "run", "-q", "--release", "--locked", "-p", "sqlgraph-emulator", "--example", "keyset_scan", "--"]
    run = subprocess.run(
        [*command, str(options.rows), str(options.rounds)], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
    )
    for line in run.stdout.splitlines():
        one = json.loads(line)
        if one["rows"] != options.rows:
            raise SystemExit(f"{one['rows']} rows were read, {options.rows} are there")
        figures.add("scan", one["subject"], one["rows"] / one["seconds"], "rows/s")
        figures.add("memory, most", one["subject"], one["residentMost"] / 2**20, "MiB")
    figures.ratio("encrypted / plain", ("scan", "encrypted"), ("scan", "plain"))
    figures.write(options.json)
    print(figures.table())


if __name__ == "__main__":
    main()
