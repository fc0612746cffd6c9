#!/usr/bin/env python3
"""Whether a graph holds exactly what the rows of debian.py say: every label, type, end and property, worked out from the rows
by no code of provsync's. Prints the first differences; exit 1 where there is one.

    bench/same_graph.py ROWS     (the server is the one that PROVSYNC_GRAPH__… names)
"""

import itertools
import os
import pathlib
import sys
from typing import Iterator

import neo4j

import graph
import python_driver

Entity = tuple[str, str, int]  # what, label or type, key
NODES = "MATCH (n) WHERE n:AtomGraphNode OR n:AtomPlaceholder RETURN labels(n), properties(n)"
RELATIONSHIPS = """MATCH (a)-[r]->(b)
RETURN type(r), properties(r), CASE WHEN r.streamId IS NULL THEN [a.nodeId, b.nodeId] ELSE [a.atomId, b.atomId] END"""


def expected(rows: pathlib.Path) -> Iterator[tuple[Entity, tuple]]:
    atoms = set()
    for label, row in python_driver.nodes(rows):
        atoms |= {row["atomId"]} if label == "Atom" else set()
        yield ("node", label, row["atomId"]), (sorted(["AtomGraphNode", label]), properties(row))
    named = set()
    for name, row in python_driver.edges(rows):
        yield ("relationship", name, row["edgeId"]), ([row["from"], row["to"]], properties(row))
    for name, row in python_driver.streams(rows):
        named |= {row["from"], row["to"]}
        yield ("relationship", name, row["streamId"]), ([row["from"], row["to"]], properties(row))
    for atom in named - atoms:
        yield ("node", "Atom", atom), (["Atom", "AtomPlaceholder"], {"atomId": atom})


def properties(row: dict) -> dict:
    keys = {key: row[key] for key in ("atomId", "edgeId", "streamId") if key in row}
    at = row["createdAt"].replace("Z", "00+00:00")  # seven digits of DATETIME2, nine of Neo4j
    return {key: value for key, value in (row["properties"] | keys | {"createdAt": at}).items() if value is not None}


def actual(session: neo4j.Session) -> Iterator[tuple[Entity, tuple]]:
    for labels, values in session.run(NODES):
        label = next((name for name in python_driver.LABELS.values() if name in labels), "")
        yield ("node", label, values.get("atomId")), (sorted(labels), canonical(values))
    for name, values, ends in session.run(RELATIONSHIPS):
        yield ("relationship", name, values.get("edgeId", values.get("streamId"))), (ends, canonical(values))


def canonical(values: dict) -> dict:
    return {key: value.iso_format() if isinstance(value, neo4j.time.DateTime) else value for key, value in values.items()}


def differences(session: neo4j.Session, rows: pathlib.Path) -> Iterator[str]:
    wanted = dict(expected(rows))
    for entity, found in actual(session):
        want = wanted.pop(entity, None)
        if want is None:
            yield f"{entity} is in the graph only, or twice"
        elif want != found:
            yield f"{entity} is {found}; the rows say {want}"
    yield from (f"{entity} is missing" for entity in wanted)


def main() -> None:
    with graph.connect(dict(os.environ)) as driver, driver.session(fetch_size=10_000) as session:
        found = list(itertools.islice(differences(session, pathlib.Path(sys.argv[1])), 10))
    print(*found or ["the graph is what the rows say"], sep="\n")
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
