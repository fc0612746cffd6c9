#!/usr/bin/env python3
"""This version beside another build of provsync: the first load, a load that changes nothing, freshness and catch-up, in one session.

    scripts/bench beside --other FOLDER --json FILE [--rounds N] [--limit PACKAGES]

FOLDER holds the other build's `provsync`. Both read the same source and write to the same server; which one comes first turns from
round to round. Each begins with an empty graph, since one version may refuse the checkpoint of the other. The worker's own part is
short: 100 transactions a second, 20 transactions of 50 rows a second, and a backlog.
"""

import argparse
import pathlib
import sys

import full
import graph
import machine
import provsync
import report
import sync

INSTANCE = "bench-beside"
THIS, OTHER = "this version", "the other version"
RATIOS = [
    "first load",
    "unchanged load",
    "100/s, single rows: p50",
    "100/s, single rows: p99",
    "1,000/s, 20 x 50 rows: p50",
    "1,000/s, 20 x 50 rows: p99",
    "catch-up: time",
]


class Worker(sync.Bench):
    """The worker's part for one version, on a source and a graph that are there already."""

    def __init__(self, beside: "Beside", subject: str):
        super().__init__(argparse.Namespace(**(vars(beside.options) | {"rounds": 1})), beside.data, subject)
        self.report, self.plan = beside.report, beside.plan
        self.environment, self.driver = beside.environment, beside.driver

    def round(self, number: int) -> None:
        self.fresh("100/s, single rows", self.plan.of(1, 0, 0, 0), 100, seconds=15)
        self.fresh("1,000/s, 20 x 50 rows", self.plan.of(30, 14, 5, 1), 20, seconds=15)
        self.backlog()


class Beside(sync.Bench):
    def run(self) -> None:
        releases = {THIS: provsync.RELEASE, OTHER: self.options.other}
        self.report = report.Report("beside", {"machine": machine.describe(), "data": self.data})
        with provsync.loaded(INSTANCE, [full.HOME / "debian.sql"]) as (self.environment, self.driver):
            for number in range(self.options.rounds):
                subjects = list(releases) if number % 2 == 0 else list(reversed(releases))
                for subject in subjects:
                    print(f"round {number + 1} of {self.options.rounds}: {subject}", file=sys.stderr, flush=True)
                    provsync.RELEASE = releases[subject]
                    self.one(subject)
        for name in RATIOS:
            self.report.ratio(f"{name}, this / other", (name, THIS), (name, OTHER))

    def one(self, subject: str) -> None:
        graph.empty(self.driver)
        graph.apply_schema(self.driver)
        for name in ("first load", "unchanged load"):
            run = provsync.full(self.environment)
            self.report.add(name, subject, run.seconds, "s")
            self.report.add(f"{name}: own processor", subject, run.cpu_s, "s")
            self.report.add(f"{name}: peak memory", subject, run.peak_mib, "MiB")
        worker = Worker(self, subject)
        worker.follow()
        # The rows stay changed: the next version's transactions go on from here.
        self.plan = worker.plan


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--other", type=pathlib.Path, required=True, metavar="FOLDER", help="where the other build's program is")
    options = parser.parse_args()
    full.HOME.mkdir(parents=True, exist_ok=True)
    bench = Beside(options, full.data(options.limit))
    bench.run()
    bench.report.write(options.json)
    print(bench.report.table())


if __name__ == "__main__":
    main()
