#!/usr/bin/env python3
"""How long `provsync compare` takes for many roots, beside asking both stores root by root.

    scripts/bench compare --json FILE [--rounds N] [--roots N] [--hops N] [--limit PACKAGES]

`provsync full` carries the Debian rows, then `provsync compare` walks both stores from sampled roots, along the edges, and must find
them equal: once it chooses the roots itself, which takes a look at all nodes, and once it is given them. Beside it the naive way, one
root after the other: one variable-length pattern in Cypher, which the planner prunes since only distinct ends are asked for, and in
SQL one query a hop with the nodes that the hop before reached, since the emulator has neither recursive queries nor SHORTEST_PATH.
The naive way compares which nodes are reached and nothing of what they and the edges say; `compare` compares every property of both.
The same answer root by root is what a loop over the roots gives, a run of `compare` for each; what a run takes to begin, connect and
end is measured apart, by runs that go one hop. All ways must reach the same nodes. Source, Neo4j and clients share the cores; the emulator is not SQL Server.
"""

import argparse
import json
import sys
import time

import changes
import full
import machine
import provsync
import report

HOME = full.HOME
INSTANCE = "bench-compare"
SUBJECT, GIVEN = "provsync compare", "provsync compare, roots given"
LOOP, EMPTY = "provsync compare, a run for each root", "provsync compare, a run for each root, one hop"
CYPHER, SQL, NAIVE = "one Cypher a root", "one SQL a root and hop", "root by root, both"
TYPES = "DERIVED_FROM|COMPONENT_OF|SIMILAR_TO|GENERATED_BY"
HOP = """SELECT DISTINCT b.NodeId FROM graph.AtomGraphNodes AS a, graph.AtomGraphEdges AS e, graph.AtomGraphNodes AS b
WHERE MATCH(a-(e)->b) AND a.NodeId IN (SELECT k.id FROM OPENJSON(%s) WITH (id bigint '$') AS k)"""


class Bench:
    def __init__(self, options: argparse.Namespace, data: dict):
        self.options = options
        about = data | {"roots": options.roots, "hops": options.hops, "direction": "down"}
        self.report = report.Report("compare", {"machine": machine.describe(), "data": about})
        self.reach = (
            f"MATCH (a:AtomGraphNode {{nodeId: $key}})-[:{TYPES}*0..{options.hops}]->(b:AtomGraphNode) RETURN DISTINCT b.nodeId"
        )

    def run(self) -> None:
        with provsync.loaded(INSTANCE, [HOME / "debian.sql"]) as (self.environment, self.driver):
            self.rounds()
        for subject in (SUBJECT, GIVEN):
            self.report.ratio(f"time, root by root / {subject}", ("time", NAIVE), ("time", subject))
        self.report.ratio(f"time, {LOOP} / {GIVEN}", ("time", LOOP), ("time", GIVEN))

    def rounds(self) -> None:
        roots, nodes = self.sample()
        self.by_root(roots)  # not measured: the server compiles what it will run
        for number in range(self.options.rounds):
            print(f"round {number + 1} of {self.options.rounds}", file=sys.stderr, flush=True)
            done = self.compare(*self.sampled())
            given = self.compare(*(f"--node={root}" for root in roots))
            reached, seconds = self.by_root(roots)
            by_compare = {self.nodes(run.result) for run in (done, given)}
            if by_compare != {nodes} or reached != nodes:
                raise SystemExit(f"{by_compare} nodes by compare, {reached} root by root, {nodes} before")
            self.report.add("time", SUBJECT, done.seconds, "s")
            self.report.add("peak memory", SUBJECT, done.peak_mib, "MiB")
            self.report.add("processor, own", SUBJECT, done.cpu_s, "s")
            self.report.add("time", GIVEN, given.seconds, "s")
            self.report.add("processor, own", GIVEN, given.cpu_s, "s")
            self.report.add("nodes reached", SUBJECT, nodes, "")
            self.report.add("relationships crossed", SUBJECT, self.edges(done.result), "")
            for subject, taken in seconds.items():
                self.report.add("time", subject, taken, "s")
            self.report.add("time", NAIVE, sum(seconds.values()), "s")
            for subject, hops in ((LOOP, self.options.hops), (EMPTY, 1)):
                self.report.add("time", subject, sum(self.compare(f"--node={root}", hops=hops).seconds for root in roots), "s")

    def sample(self) -> tuple[list[int], int]:
        """The roots that compare chooses, from its evidence, and how many nodes they reach."""
        evidence = HOME / "evidence.json"
        done = self.compare(*self.sampled(), "--evidence", str(evidence))
        body = json.loads(evidence.read_text(encoding="utf-8"))["body"]
        roots = [int(root["row"]) for root in body["roots"]]
        if len(roots) != self.options.roots:
            raise SystemExit(f"{len(roots)} roots were chosen, {self.options.roots} asked for")
        return roots, self.nodes(done.result)

    def sampled(self) -> list[str]:
        return ["--sample", str(self.options.roots), "--seed", "1"]

    def compare(self, *roots: str, hops: int | None = None) -> provsync.Process:
        walk = ["--hops", str(self.options.hops if hops is None else hops), "--direction", "down", "--no-streams"]
        done = provsync.run(self.environment, "compare", *roots, *walk)
        if done.result["verdict"] != "equal":
            raise SystemExit(f"compare says {done.result['verdict']}")
        return done

    @staticmethod
    def nodes(result: dict) -> int:
        return sum(hop["source"]["nodes"] for hop in result["walk"]["hops"])

    @staticmethod
    def edges(result: dict) -> int:
        return sum(hop["source"]["edges"] for hop in result["walk"]["hops"])

    def by_root(self, roots: list[int]) -> tuple[int, dict[str, float]]:
        """All nodes that are reached, and the seconds that each store took; both must reach the same from each root."""
        everything: set[int] = set()
        seconds = {CYPHER: 0.0, SQL: 0.0}
        with self.driver.session() as session, changes.connect(self.environment) as source, source.cursor() as cursor:
            for root in roots:
                began = time.perf_counter()
                of_graph = set(session.run(self.reach, key=root).value())
                between = time.perf_counter()
                of_source = self.walk(cursor, root)
                seconds[CYPHER] += between - began
                seconds[SQL] += time.perf_counter() - between
                if of_graph != of_source:
                    raise SystemExit(f"from {root} the stores reach {len(of_graph)} and {len(of_source)} nodes")
                everything |= of_graph
        return len(everything), seconds

    def walk(self, cursor, root: int) -> set[int]:
        reached = frontier = {root}
        for _ in range(self.options.hops):
            cursor.execute(HOP, (json.dumps(sorted(frontier)),))
            frontier = {key for (key,) in cursor.fetchall()} - reached
            reached = reached | frontier
            if not frontier:
                break
        return reached


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--roots", type=int, default=100)
    parser.add_argument("--hops", type=int, default=6)
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, full.data(options.limit))
    bench.run()
    bench.report.write(options.json)
    print(bench.report.table())


if __name__ == "__main__":
    main()
