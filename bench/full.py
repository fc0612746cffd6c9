#!/usr/bin/env python3
"""The first load of a graph: provsync against other ways to load the same rows into the same server.

    scripts/bench full --json FILE [--rounds N] [--limit PACKAGES]

Each round empties the graph before each subject and makes the constraints anew, outside of the measured time; the order of
the subjects turns from round to round, and a load by each that is not measured warms the server. After each load the graph must
hold as much as the rows say, and after provsync's first exactly that. provsync reads the rows from SQL over TDS; the Python
driver has them as JSON lines.
"""

import argparse
import contextlib
import itertools
import json
import os
import pathlib
import subprocess
import sys
from typing import Iterator

import admin_import
import graph
import machine
import provsync
import report
import same_graph

HERE = pathlib.Path(__file__).resolve().parent
HOME = pathlib.Path(os.environ.get("PROVSYNC_HOME", graph.ROOT / ".provsync")).resolve() / "bench"
INSTANCE = "bench"
PROVSYNC, SECOND = "provsync full", "provsync full, unchanged"
DRIVER, SINGLE, IMPORT = "Python driver, UNWIND", "one statement a row", "neo4j-admin import"
RATIOS = {
    "nodes, provsync / Python driver": (("nodes", PROVSYNC), ("nodes", DRIVER)),
    "relationships, provsync / Python driver": (("relationships", PROVSYNC), ("relationships", DRIVER)),
    "all rows, provsync / Python driver": (("all rows", PROVSYNC), ("all rows", DRIVER)),
    "nodes, provsync / one statement a row": (("nodes", PROVSYNC), ("nodes", SINGLE)),
    "relationships, provsync / one statement a row": (("relationships", PROVSYNC), ("relationships", SINGLE)),
    "all rows, provsync / neo4j-admin import": (("all rows", PROVSYNC), ("all rows", IMPORT)),
    "time, unchanged / first": (("time", SECOND), ("time", PROVSYNC)),
}


class Bench:
    def __init__(self, options: argparse.Namespace, data: dict):
        self.options = options
        self.report = report.Report("full", {"machine": machine.describe(), "data": data})
        self.nodes, self.relationships = data["nodes"], data["edges"] + data["streams"]
        self.expected = {
            "nodes": self.nodes, "placeholders": data["placeholders"], "relationships": self.relationships
        }
        self.first_counts: dict[str, int] | None = None
        self.compared = False
        self.import_arguments = admin_import.write_csv(HOME / "rows", HOME / "csv")

    def run(self) -> None:
        self.environment = graph.start(INSTANCE)
        try:
            with graph.connect(self.environment) as self.driver, provsync.source([HOME / "debian.sql"]) as source:
                self.environment |= source
                self.rounds()
        finally:
            graph.script(INSTANCE, "stop")
            admin_import.remove(HOME / "csv")
        for name, (over, under) in RATIOS.items():
            self.report.ratio(name, over, under)

    def rounds(self) -> None:
        subjects = [self.provsync_twice, self.python_driver, self.single_statements, self.admin_import]
        self.warm_up()
        for number in range(self.options.rounds):
            for subject in subjects[number % len(subjects) :] + subjects[: number % len(subjects)]:
                print(f"round {number + 1} of {self.options.rounds}: {subject.__name__}", file=sys.stderr, flush=True)
                self.prepare()
                subject()

    def warm_up(self) -> None:
        """Each loader once, not measured: what the server compiles for one it need not compile for the next."""
        self.prepare()
        self.load("batches")
        self.prepare()
        provsync.full(self.environment)

    def prepare(self) -> None:
        graph.empty(self.driver)
        graph.apply_schema(self.driver)

    def provsync_twice(self) -> None:
        self.provsync_full(PROVSYNC)
        self.check(PROVSYNC)
        second = self.provsync_full(SECOND)
        if second.changed:
            raise SystemExit(f"a second full of an unchanged source changed {second.changed} things")
        self.compare_once()

    @contextlib.contextmanager
    def server_time(self, subject: str) -> Iterator[None]:
        """Neo4j's processor time: it tells loaders apart also where others use the machine."""
        pid = machine.pid_beside(self.environment["PROVSYNC_GRAPH__PASSWORD_FILE"])
        before = machine.cpu_s(pid)
        yield
        self.report.add("processor, Neo4j", subject, machine.cpu_s(pid) - before, "s")

    def provsync_full(self, subject: str) -> provsync.Run:
        with self.server_time(subject):
            run = provsync.full(self.environment)
        self.add(subject, run.seconds, run.kinds)
        self.report.add("peak memory", subject, run.peak_mib, "MiB")
        self.report.add("processor, own", subject, run.cpu_s, "s")
        self.report.add("processor, source", subject, run.source_cpu_s, "s")
        return run

    def python_driver(self) -> None:
        with self.server_time(DRIVER):
            phases = self.load("batches")
        rows = {kind: (phase["rows"], phase["seconds"]) for kind, phase in phases.items()}
        self.add(DRIVER, sum(seconds for _, seconds in rows.values()), rows)
        self.check(DRIVER)

    def single_statements(self) -> None:
        phases = self.load("single")
        for what, kind in (("nodes", "nodes"), ("relationships", "edges")):
            self.report.add(what, SINGLE, phases[kind]["rows"] / phases[kind]["seconds"], "rows/s")

    def admin_import(self) -> None:
        self.add(IMPORT, admin_import.run(self.import_arguments), {})

    def load(self, mode: str) -> dict:
        """In a process of its own, as any loader would be."""
        command = [sys.executable, str(HERE / "python_driver.py"), mode, str(HOME / "rows")]
        done = subprocess.run(command, env=os.environ | self.environment, check=True, stdout=subprocess.PIPE, text=True)
        return json.loads(done.stdout)

    def add(self, subject: str, seconds: float, kinds: dict[str, tuple[int, float]]) -> None:
        """Rows per second of all rows together, and of nodes and relationships where their times are known."""
        self.report.add("time", subject, seconds, "s")
        self.report.add("all rows", subject, (self.nodes + self.relationships) / seconds, "rows/s")
        if kinds:
            self.report.add("nodes", subject, kinds["nodes"][0] / kinds["nodes"][1], "rows/s")
            others = [kinds[kind] for kind in kinds if kind != "nodes"]
            rows, taken = map(sum, zip(*others))
            self.report.add("relationships", subject, rows / taken, "rows/s")

    def check(self, subject: str) -> None:
        """The graph has as many nodes, relationships and properties after each subject, or the figures mean nothing."""
        found = graph.counts(self.driver)
        self.first_counts = self.first_counts or found
        if found != self.first_counts or not self.expected.items() <= found.items():
            raise SystemExit(f"{subject} left {found}; expected {self.expected}, and {self.first_counts} as the first did")


    def compare_once(self) -> None:
        """Every label, end and property against the rows, after the first round of provsync."""
        if self.compared:
            return
        with self.driver.session(fetch_size=10_000) as session:
            if found := list(itertools.islice(same_graph.differences(session, HOME / "rows"), 10)):
                raise SystemExit("the graph is not what the rows say:\n" + "\n".join(found))
        self.compared = True


def data(limit: int | None) -> dict:
    command = [sys.executable, str(HERE / "debian.py"), "--sql", str(HOME / "debian.sql"), "--json-rows", str(HOME / "rows")]
    command += ["--limit", str(limit)] if limit else []
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main() -> None:
    options = report.parser(__doc__).parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, data(options.limit))
    bench.run()
    bench.report.write(options.json)
    print(bench.report.table())


if __name__ == "__main__":
    main()
