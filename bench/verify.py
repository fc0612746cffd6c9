#!/usr/bin/env python3
"""How fast `provsync verify` compares every row, and how much memory it takes as the rows grow.

    scripts/bench verify --json FILE [--rounds N] [--rows N] [--limit PACKAGES]

`provsync full` carries the Debian rows, then `provsync verify` reads both stores and must find them equal. Then the streams are
multiplied at the source until there are --rows rows in all, carried, and verified again. Rows per second are those of both stores
together: each row is read at the source and its node or relationship in the graph. Source, Neo4j and provsync share the cores.
"""

import argparse
import sys

import changes
import full
import machine
import provsync
import report

HOME = full.HOME
INSTANCE = "bench-verify"
COLUMNS = "SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, Metadata, CreatedAt"
COUNT = "SELECT COUNT_BIG(*) FROM provenance.GenerationStreams"
LAST = "SELECT MIN(StreamId), MAX(StreamId) FROM provenance.GenerationStreams"
STEP = 200_000  # rows of one transaction


class Bench:
    def __init__(self, options: argparse.Namespace, data: dict):
        self.options = options
        self.report = report.Report("verify", {"machine": machine.describe(), "data": data | {"rows": options.rows}})
        self.rows = data["nodes"] + data["edges"] + data["streams"]

    def run(self) -> None:
        with provsync.loaded(INSTANCE, [HOME / "debian.sql"]) as (self.environment, _):
            self.rounds()
            self.grow()
            provsync.full(self.environment)
            self.rounds()

    def rounds(self) -> None:
        subject = f"provsync verify, {self.rows:,} rows"
        self.verify()  # not measured: the server compiles what it will run
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}: {subject}", file=sys.stderr, flush=True)
            done = self.verify()
            self.report.add("time", subject, done.seconds, "s")
            self.report.add("rows of both stores", subject, 2 * self.rows / done.seconds, "rows/s")
            self.report.add("peak memory", subject, done.peak_mib, "MiB")
            self.report.add("processor, own", subject, done.cpu_s, "s")
            self.report.add("processor, source", subject, done.source_cpu_s, "s")

    def verify(self) -> provsync.Process:
        """It must have compared every row, or the figures mean nothing."""
        done = provsync.run(self.environment, "verify")
        for side in ("source_rows", "graph_things"):
            compared = sum(table[side] for table in done.result["tables"])
            if compared != self.rows or done.result["verdict"] != "equal":
                raise SystemExit(f"{done.result['verdict']}: {compared} {side} were compared, {self.rows} are there")
        return done

    def grow(self) -> None:
        """The same streams under new keys, some at a time, until there are as many rows as asked for."""
        with changes.connect(self.environment) as source, source.cursor() as cursor:
            cursor.execute(LAST)
            first, last = cursor.fetchone()
            while self.rows < self.options.rows:
                most = min(STEP, self.options.rows - self.rows, last - first + 1)
                copy = f"SELECT {COLUMNS} FROM provenance.GenerationStreams WHERE StreamId BETWEEN {first} AND {first + most - 1}"
                before = count(cursor)
                cursor.execute(f"INSERT INTO provenance.GenerationStreams ({COLUMNS}) {copy}")
                if (added := count(cursor) - before) == 0:
                    raise SystemExit("the source's streams do not grow")
                self.rows += added


def count(cursor) -> int:
    cursor.execute(COUNT)
    return cursor.fetchone()[0]


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--rows", type=int, default=3_000_000, help="how many rows there are in the end")
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, full.data(options.limit))
    bench.run()
    bench.report.write(options.json)
    print(bench.report.table())


if __name__ == "__main__":
    main()
