"""A stream of changes at the source, and when each is seen in the graph. Writer and prober are processes of their own; their
clock is the machine's (CLOCK_MONOTONIC), so that their times can be compared.

A transaction has a number. Which rows it changes follows from that number alone, and every node row that it changes says the
number in its Metadata: the prober reads by key the last such row of the transactions that it waits for.
"""

import json
import multiprocessing
import multiprocessing.connection
import pathlib
import time
from dataclasses import dataclass, replace
from typing import Callable, Iterator

import pytds

import graph
from debian_rows import FIRST_ATOM, FIRST_EDGE, FIRST_NODE

PROCESSES = multiprocessing.get_context("spawn")
PROBE_PAUSE_S = 0.005
PROBE_KEYS = 64
SEEN = "UNWIND $keys AS key MATCH (n:AtomGraphNode {nodeId: key}) RETURN n.nodeId, n.metadata"


@dataclass(frozen=True)
class Plan:
    """What a transaction changes: so many rows of each kind, in one batch and one commit."""

    nodes_all: int
    edges_all: int
    atoms_all: int
    nodes: int = 1
    edges: int = 0
    new_streams: int = 0
    gone_edges: int = 0
    edges_gone: int = 0  # that earlier phases have deleted, from the last key downwards
    first: int = 0  # number of the phase's first transaction

    @property
    def rows(self) -> int:
        return self.nodes + self.edges + self.new_streams + self.gone_edges

    def node_keys(self, number: int) -> tuple[int, int]:
        """A range that no other transaction near it has: an update is not overwritten before it is seen."""
        start = number * self.nodes % (self.nodes_all // self.nodes * self.nodes)
        return FIRST_NODE + start, FIRST_NODE + start + self.nodes - 1

    def statement(self, number: int) -> str:
        """One statement commits by itself; more do so together."""
        first, last = self.node_keys(number)
        metadata = json.dumps({"transaction": number, "at": time.monotonic()})
        parts = [f"UPDATE graph.AtomGraphNodes SET Metadata = N'{metadata}' WHERE NodeId BETWEEN {first} AND {last}"]
        if self.edges:
            start = FIRST_EDGE + number * self.edges % (self.edges_all * 4 // 5 // self.edges * self.edges)
            weight = number % 9973 / 10_000
            parts.append(
                f"UPDATE graph.AtomGraphEdges SET Weight = {weight} WHERE EdgeId BETWEEN {start} AND {start + self.edges - 1}"
            )
        if self.new_streams:
            atoms = [FIRST_ATOM + (number * self.new_streams + i) % self.atoms_all for i in range(self.new_streams + 1)]
            values = ", ".join(f"({source}, {target}, N'text', N'm')" for source, target in zip(atoms, atoms[1:]))
            columns = "SourceAtomId, TargetAtomId, GenerationType, ModelUsed"
            parts.append(f"INSERT INTO provenance.GenerationStreams ({columns}) VALUES {values}")
        if self.gone_edges:
            end = FIRST_EDGE + self.edges_all - 1 - self.edges_gone - (number - self.first) * self.gone_edges
            parts.append(f"DELETE FROM graph.AtomGraphEdges WHERE EdgeId BETWEEN {end - self.gone_edges + 1} AND {end}")
        return parts[0] if len(parts) == 1 else "BEGIN TRANSACTION;\n" + ";\n".join(parts) + ";\nCOMMIT"

    def of(self, nodes: int, edges: int, new_streams: int, gone_edges: int) -> "Plan":
        return replace(self, nodes=nodes, edges=edges, new_streams=new_streams, gone_edges=gone_edges)

    def after(self, transactions: int) -> "Plan":
        """Where the next phase begins."""
        gone = self.edges_gone + transactions * self.gone_edges
        return replace(self, first=self.first + transactions, edges_gone=gone)


@dataclass
class Written:
    sent: list[float]  # when each transaction was sent, in order
    committed: list[float]
    behind_s: float  # how late the last one was sent

    @property
    def seconds(self) -> float:
        return self.committed[-1] - self.sent[0]


def connect(environment: dict[str, str]) -> pytds.Connection:
    """As the emulator's administrator: what provsync reads with may not write. The login alone is encrypted."""
    folder = pathlib.Path(environment["PROVSYNC_SOURCE__PASSWORD_FILE"]).parent
    return pytds.connect(
        dsn="localhost", port=int(environment["PROVSYNC_SOURCE__PORT"]), database=environment["PROVSYNC_SOURCE__DATABASE"],
        user="sa", password=(folder / "sa-password").read_text().strip(), autocommit=True, validate_host=False,
        cafile=environment["PROVSYNC_SOURCE__TLS__CA_FILE"], enc_login_only=True,
    )


def write(environment: dict[str, str], plan: Plan, rate: float | None, transactions: int | None, seconds: float | None) -> Written:
    """Transactions at a rate, or one after the other. One that is late is sent at once: the rate holds in the mean."""
    sent, committed, late = [], [], 0.0
    with connect(environment) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        began = time.monotonic()
        number = 0
        while (transactions is None or number < transactions) and (seconds is None or time.monotonic() - began < seconds):
            due = began + number / rate if rate else time.monotonic()
            if (wait := due - time.monotonic()) > 0:
                time.sleep(wait)
            sent.append(time.monotonic())
            late = sent[-1] - due
            cursor.execute(plan.statement(plan.first + number))
            while cursor.nextset():
                pass
            committed.append(time.monotonic())
            number += 1
    return Written(sent, committed, late)


def probe(environment: dict[str, str], plan: Plan, asked: multiprocessing.connection.Connection) -> list[tuple[int, float]]:
    """When each transaction was first seen, until all before the number that arrives through the pipe were."""
    seen: list[tuple[int, float]] = []
    with graph.connect(environment) as driver, driver.session() as session:
        session.run(SEEN, keys=[0]).consume()
        asked.send("ready")
        number, end, give_up = plan.first, None, None
        while end is None or number < end:
            if end is None and asked.poll():
                end = plan.first + asked.recv()
                give_up = time.monotonic() + 120
            if give_up and time.monotonic() > give_up:
                raise SystemExit(f"transaction {number} was not seen in two minutes")
            waited_for = range(number, number + PROBE_KEYS)
            keys = {plan.node_keys(each)[1]: each for each in waited_for}
            found = {key: transaction_of(text) for key, text in session.run(SEEN, keys=list(keys))}
            at = time.monotonic()
            before = number
            while number < before + PROBE_KEYS and (end is None or number < end):
                if found.get(plan.node_keys(number)[1], -1) < number:
                    break
                seen.append((number, at))
                number += 1
            if number < before + PROBE_KEYS:
                time.sleep(PROBE_PAUSE_S)
    return seen


def transaction_of(metadata: str | None) -> int:
    if not metadata or not metadata.startswith('{"transaction":'):
        return -1
    return int(metadata[len('{"transaction":') : metadata.index(",")])


def in_process(pipe: multiprocessing.connection.Connection, work: Callable, arguments: tuple, with_pipe: bool) -> None:
    pipe.send(work(*arguments, pipe) if with_pipe else work(*arguments))


class Task:
    """Work in a process of its own."""

    def __init__(self, work: Callable, *arguments, with_pipe: bool = False):
        self.pipe, other = PROCESSES.Pipe()
        self.process = PROCESSES.Process(target=in_process, args=(other, work, arguments, with_pipe), daemon=True)
        self.process.start()
        other.close()

    def result(self):
        try:
            return self.pipe.recv()
        except EOFError:
            raise SystemExit("a process of the benchmark ended early") from None


def latencies_ms(written: Written, seen: list[tuple[int, float]], first: int) -> Iterator[float]:
    """From when a transaction was sent, its own time at the source included, to when it was seen."""
    for number, at in seen:
        yield (at - written.sent[number - first]) * 1000
