#!/usr/bin/env python3
"""Following the source: how soon a change is in the graph, at which rate that holds, how fast a backlog goes, and what it costs.

    scripts/bench sync --json FILE [--rounds N] [--limit PACKAGES]

`provsync full` carries the Debian rows, then `provsync sync` follows them with its shipped settings. A writer commits
transactions through python-tds; each is timed from when it is sent to the source, so that its own statements count, until a
prober that reads the graph by key about every 5 ms sees its rows. Writer, prober, source and Neo4j share the machine's cores
with what is measured. Beside it, the common way of a message consumer: one MERGE of its own for each changed row, auto-commit,
through the Python driver; it has its messages in memory, so that nothing but Neo4j bounds it, and is timed from when a message
is due until it is answered. At the end every row of the source is compared with the graph.
"""

import argparse
import math
import sys
import time

import changes
import follower
import full
import machine
import provsync
import report

HOME = full.HOME
INSTANCE = "bench-sync"
SUBJECT, SINGLE = "provsync sync", "one statement a message"
SETTLED_MS = 1000  # a rate is kept where its second half's p99 is below this
STEPS = [2_000, 4_000, 8_000, 12_000, 16_000, 24_000, 32_000]  # rows/s
MERGE_NODE = """MERGE (n:AtomGraphNode {nodeId: $nodeId})
SET n.atomId = $atomId, n.nodeType = $nodeType, n.metadata = $metadata, n.createdAt = datetime($createdAt)"""
CHECKPOINT = "MATCH (c:ProvsyncCheckpoint) RETURN c.version"
ROWS = {
    "nodes": (
        "SELECT NodeId, Metadata FROM graph.AtomGraphNodes",
        "MATCH (n:AtomGraphNode) RETURN n.nodeId, n.metadata",
    ),
    "edges": (
        "SELECT EdgeId, Weight FROM graph.AtomGraphEdges",
        "MATCH ()-[r]->() WHERE r.edgeId IS NOT NULL RETURN r.edgeId, r.weight",
    ),
    "streams": (
        "SELECT StreamId, GenerationType FROM provenance.GenerationStreams",
        "MATCH ()-[r:GENERATED]->() RETURN r.streamId, r.generationType",
    ),
}


class Bench:
    def __init__(self, options: argparse.Namespace, data: dict, subject: str = SUBJECT):
        self.options, self.data, self.subject = options, data, subject
        self.report = report.Report("sync", {"machine": machine.describe(), "data": data})
        self.plan = changes.Plan(data["nodes"], data["edges"], data["atoms"])

    def run(self) -> None:
        with provsync.loaded(INSTANCE, [HOME / "debian.sql"]) as (self.environment, self.driver):
            self.follow()

    def follow(self) -> None:
        (HOME / "sync.log").unlink(missing_ok=True)
        self.follower = follower.Follower(self.environment, HOME / "sync.log")
        with changes.connect(self.environment) as self.source, self.source.cursor() as self.cursor, self.driver.session() as self.session:
            try:
                self.follower.start()
                self.caught_up()
                self.warm_up()
                for number in range(self.options.rounds):
                    self.round(number)
                self.compare()
                self.follower.stop()
            finally:
                self.follower.kill()

    def round(self, number: int) -> None:
        mixed = self.plan.of(30, 14, 5, 1)
        steps = [
            ("idle", self.idle),
            ("100/s", lambda: self.fresh("100/s, single rows", self.plan.of(1, 0, 0, 0), 100)),
            ("1,000/s", lambda: self.fresh("1,000/s, 20 x 50 rows", mixed, 20)),
            ("single rows", lambda: self.fresh("most single rows", self.plan.of(1, 0, 0, 0), None, seconds=15)),
            ("rising rate", self.rising),
            ("backlog", self.backlog),
            ("messages", self.messages),
        ]
        for name, step in steps:
            print(f"round {number + 1} of {self.options.rounds}: {name}", file=sys.stderr, flush=True)
            step()

    def warm_up(self) -> None:
        """Not measured: the server compiles what it will run."""
        for plan, rate in ((self.plan.of(1, 0, 0, 0), 100.0), (self.plan.of(30, 14, 5, 1), 20.0)):
            self.stream(plan, rate, 5)

    def idle(self) -> None:
        before = self.follower.cpu()
        time.sleep(self.options.idle_seconds)
        for name, cores in self.follower.cpu().since(before).items():
            self.report.add(f"idle, processor of {name}", self.subject, cores * 100, "% of a core")

    def stream(self, plan: changes.Plan, rate: float | None, seconds: float) -> tuple[changes.Written, list[tuple[int, float]]]:
        """Transactions of a plan for a time, and when each was seen."""
        plan = self.at(plan)
        prober = changes.Task(changes.probe, self.environment, plan, with_pipe=True)
        prober.result()
        writer = changes.Task(changes.write, self.environment, plan, rate, None, seconds)
        written = writer.result()
        prober.pipe.send(len(written.sent))
        seen = prober.result()
        self.plan = plan.after(len(written.sent))
        return written, seen

    def at(self, plan: changes.Plan) -> changes.Plan:
        """A plan with the numbers and keys that come next."""
        return changes.replace(plan, first=self.plan.first, edges_gone=self.plan.edges_gone)

    def fresh(self, name: str, plan: changes.Plan, rate: float | None, seconds: float = 30) -> None:
        self.caught_up()
        before, sums = self.follower.cpu(), self.follower.sums()
        first = self.plan.first
        written, seen = self.stream(plan, rate, seconds)
        cores = self.follower.cpu().since(before)
        latencies = sorted(changes.latencies_ms(written, seen, first))
        for what, value in (("p50", at(latencies, 0.5)), ("p99", at(latencies, 0.99)), ("max", latencies[-1])):
            self.report.add(f"{name}: {what}", self.subject, value, "ms")
        own = sorted((c - s) * 1000 for s, c in zip(written.sent, written.committed))
        self.report.add(f"{name}: p99 of the source alone", self.subject, at(own, 0.99), "ms")
        self.report.add(f"{name}: rows", self.subject, len(written.sent) * plan.rows / written.seconds, "rows/s")
        for who, used in cores.items():
            self.report.add(f"{name}: processor of {who}", self.subject, used * 100, "% of a core")
        self.calls(name, sums)
        self.report.add(f"{name}: peak memory", self.subject, self.follower.peak_mib(), "MiB")

    def calls(self, name: str, before: dict) -> None:
        """Where the worker's time goes: its own sums."""
        for (metric, label), (seconds, count) in self.follower.sums().items():
            old_seconds, old_count = before.get((metric, label), (0.0, 0.0))
            if metric in ("provsync_call_seconds", "provsync_window_seconds") and count > old_count:
                mean = (seconds - old_seconds) / (count - old_count)
                self.report.add(f"{name}: mean {label}", self.subject, mean * 1000, "ms")
                self.report.add(f"{name}: number of {label}", self.subject, count - old_count, "")

    def rising(self) -> None:
        """Ever more rows a second, until the graph no longer keeps up or the source does not take them."""
        kept, end = 0.0, "the highest step"
        for rate in STEPS:
            rows = 50 if rate <= 4_000 else 200
            nodes, edges, streams = rows * 6 // 10, rows * 3 // 10, rows // 10
            plan = self.plan.of(nodes, edges, streams, 0)
            self.caught_up()
            first = self.plan.first
            written, seen = self.stream(plan, rate / plan.rows, 8)
            second_half = sorted(list(changes.latencies_ms(written, seen, first))[len(seen) // 2 :])
            reached = len(written.sent) * plan.rows / written.seconds
            self.report.add(f"at {rate:,} rows/s: p99", self.subject, at(second_half, 0.99), "ms")
            if reached < 0.95 * rate:
                end = f"the source took {reached:,.0f} of {rate:,} rows/s"
                if at(second_half, 0.99) < SETTLED_MS:
                    kept = reached
                break
            if at(second_half, 0.99) >= SETTLED_MS:
                end = f"the graph fell behind at {rate:,} rows/s"
                break
            kept = reached
        self.report.add("sustained", self.subject, kept, "rows/s")
        print(f"rising rate ended: {end}", file=sys.stderr)

    def backlog(self) -> None:
        """An hour's work while the worker is away: transactions that share no row."""
        self.caught_up()
        self.follower.stop()
        transactions = min(2_000, self.data["nodes"] // 30)
        plan = self.at(self.plan.of(30, 16, 8, 6))
        plan = changes.replace(plan, gone_edges=min(6, max(1, self.data["edges"] // 20 // transactions)))
        written = changes.Task(changes.write, self.environment, plan, None, transactions, None).result()
        self.plan = plan.after(transactions)
        rows = transactions * plan.rows
        began = time.monotonic()
        self.follower.start()
        before = self.follower.cpu()
        self.caught_up(pause_s=0.02)
        seconds = time.monotonic() - began
        cores = self.follower.cpu().since(before)
        self.report.add("backlog: rows", self.subject, rows, "rows")
        self.report.add("backlog: written at", self.subject, rows / written.seconds, "rows/s")
        self.report.add("catch-up: time", self.subject, seconds, "s")
        self.report.add("catch-up", self.subject, rows / seconds, "rows/s")
        for who, used in cores.items():
            self.report.add(f"catch-up: processor of {who}", self.subject, used * 100, "% of a core")
        self.calls("catch-up", {})
        self.report.add("catch-up: peak memory", self.subject, self.follower.peak_mib(), "MiB")

    def messages(self) -> None:
        """The same server, the same rows, a statement of its own for each: values are set that are there already."""
        self.caught_up()
        rows = self.session.run(
            "MATCH (n:AtomGraphNode) WITH n LIMIT 5000 RETURN n.nodeId AS nodeId, n.atomId AS atomId, n.nodeType AS nodeType, "
            "n.metadata AS metadata, toString(n.createdAt) AS createdAt"
        ).data()
        pid = machine.pid_beside(self.environment["PROVSYNC_GRAPH__PASSWORD_FILE"])
        for row in rows[:500]:
            self.session.run(MERGE_NODE, row).consume()
        before, began = machine.cpu_s(pid), time.monotonic()
        done = 0
        while time.monotonic() - began < 10:
            self.session.run(MERGE_NODE, rows[done % len(rows)]).consume()
            done += 1
        seconds = time.monotonic() - began
        self.report.add("sustained", SINGLE, done / seconds, "rows/s")
        self.report.add("processor of graph", SINGLE, (machine.cpu_s(pid) - before) / seconds * 100, "% of a core")
        latencies = []
        began = time.monotonic()
        for number in range(1_000):
            due = began + number / 100
            time.sleep(max(0.0, due - time.monotonic()))
            self.session.run(MERGE_NODE, rows[number % len(rows)]).consume()
            latencies.append((time.monotonic() - due) * 1000)
        latencies.sort()
        for what, value in (("p50", at(latencies, 0.5)), ("p99", at(latencies, 0.99)), ("max", latencies[-1])):
            self.report.add(f"100/s, single rows: {what}", SINGLE, value, "ms")

    def caught_up(self, pause_s: float = 0.1) -> None:
        self.cursor.execute("SELECT CHANGE_TRACKING_CURRENT_VERSION()")
        version = self.cursor.fetchone()[0]
        give_up = time.monotonic() + 300
        while (self.session.run(CHECKPOINT).single() or [None])[0] != version:
            if self.follower.process.poll() is not None or time.monotonic() > give_up:
                raise SystemExit(f"the graph does not come to version {version}; the log is {self.follower.log}")
            time.sleep(pause_s)

    def compare(self) -> None:
        """Every row of the source is in the graph, once, and nothing else: key and what the changes set."""
        self.caught_up()
        for kind, (sql, cypher) in ROWS.items():
            self.cursor.execute(sql)
            wanted = dict(self.cursor.fetchall())
            with self.driver.session(fetch_size=10_000) as session:
                pairs = [(key, value) for key, value in session.run(cypher)]
            found = dict(pairs)
            if len(found) != len(pairs):
                raise SystemExit(f"{len(pairs) - len(found)} {kind} are in the graph twice")
            if found.keys() != wanted.keys():
                raise SystemExit(f"{kind}: {len(wanted.keys() - found.keys())} missing, {len(found.keys() - wanted.keys())} too many")
            wrong = [key for key, value in wanted.items() if not same(value, found[key])]
            if wrong:
                raise SystemExit(f"{kind}: {len(wrong)} differ, such as {wrong[:5]}")
        self.report.about["compared"] = "every row of the source, at the end: equal"


def same(row: object, graph_value: object) -> bool:
    """A REAL comes as the nearest double, the graph has its shortest decimal."""
    if isinstance(row, float) and isinstance(graph_value, float):
        return math.isclose(row, graph_value, rel_tol=1e-6)
    return row == graph_value


def at(sorted_values: list[float], share: float) -> float:
    return sorted_values[min(len(sorted_values) - 1, math.ceil(share * len(sorted_values)) - 1)]


def main() -> None:
    parser = report.parser(__doc__)
    parser.add_argument("--idle-seconds", type=float, default=60)
    options = parser.parse_args()
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(options, full.data(options.limit))
    bench.run()
    bench.report.ratio("sustained, provsync / one statement a message", ("sustained", SUBJECT), ("sustained", SINGLE))
    bench.report.write(options.json)
    print(bench.report.table())


if __name__ == "__main__":
    main()
