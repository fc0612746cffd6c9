#!/usr/bin/env python3
"""Loads the rows that debian.py wrote as JSON lines through the official Python driver, and prints how long it took.

`batches`: UNWIND/MERGE, one transaction a batch. `single`: one MERGE a row and statement, auto-commit, on the first rows only.
The constraints are there already. Reading the lines counts, as reading the source counts for provsync.
"""

import argparse
import itertools
import json
import os
import pathlib
import time
from typing import Iterator

import neo4j

import graph

LABELS = {"atom": "Atom", "embedding": "Embedding", "model": "Model", "layer": "Layer"}
TYPES = {
    "DerivedFrom": "DERIVED_FROM",
    "ComponentOf": "COMPONENT_OF",
    "SimilarTo": "SIMILAR_TO",
    "GeneratedBy": "GENERATED_BY",
}
NODE = """MERGE (n:{name} {{atomId: row.atomId}})
SET n:AtomGraphNode, n += row.properties, n.createdAt = datetime(row.createdAt)"""
EDGE = """MATCH (a:AtomGraphNode {{nodeId: row.from}})
MATCH (b:AtomGraphNode {{nodeId: row.to}})
MERGE (a)-[r:{name} {{edgeId: row.edgeId}}]->(b)
SET r += row.properties, r.createdAt = datetime(row.createdAt)"""
STREAM = """MERGE (a:Atom {{atomId: row.from}}) ON CREATE SET a:AtomPlaceholder
MERGE (b:Atom {{atomId: row.to}}) ON CREATE SET b:AtomPlaceholder
MERGE (a)-[r:{name} {{streamId: row.streamId}}]->(b)
SET r += row.properties, r.createdAt = datetime(row.createdAt)"""


def lines(path: pathlib.Path) -> Iterator[list]:
    with open(path, encoding="utf-8") as source:
        yield from map(json.loads, source)


def nodes(folder: pathlib.Path) -> Iterator[tuple[str, dict]]:
    for node_id, atom_id, kind, metadata, created_at in lines(folder / "nodes.jsonl"):
        properties = {"nodeId": node_id, "nodeType": kind, "metadata": metadata}
        yield LABELS[kind], {"atomId": atom_id, "properties": properties, "createdAt": created_at + "Z"}


def edges(folder: pathlib.Path) -> Iterator[tuple[str, dict]]:
    for edge_id, source, target, kind, weight, metadata, created_at in lines(folder / "edges.jsonl"):
        properties = {"relationshipType": kind, "weight": weight, "metadata": metadata}
        row = {"edgeId": edge_id, "from": source, "to": target, "properties": properties}
        yield TYPES[kind], row | {"createdAt": created_at + "Z"}


def streams(folder: pathlib.Path) -> Iterator[tuple[str, dict]]:
    for stream_id, source, target, kind, model, parameters, metadata, created_at in lines(folder / "streams.jsonl"):
        properties = {"generationType": kind, "modelUsed": model, "parameters": parameters, "metadata": metadata}
        row = {"streamId": stream_id, "from": source, "to": target, "properties": properties}
        yield "GENERATED", row | {"createdAt": created_at + "Z"}


def load_batches(session: neo4j.Session, rows: Iterator[tuple[str, dict]], statement: str, batch_rows: int) -> int:
    waiting: dict[str, list[dict]] = {}
    written = 0

    def flush(name: str) -> None:
        nonlocal written
        query = "UNWIND $rows AS row\n" + statement.format(name=name)
        batch = waiting.pop(name)
        session.execute_write(lambda transaction: transaction.run(query, rows=batch).consume())
        written += len(batch)

    for name, row in rows:
        waiting.setdefault(name, []).append(row)
        if len(waiting[name]) == batch_rows:
            flush(name)
    for name in list(waiting):
        flush(name)
    return written


def load_singly(session: neo4j.Session, rows: Iterator[tuple[str, dict]], statement: str) -> int:
    written = 0
    for name, row in rows:
        session.run("WITH $row AS row\n" + statement.format(name=name), row=row).consume()
        written += 1
    return written


def timed(load) -> dict:
    began = time.perf_counter()
    written = load()
    return {"rows": written, "seconds": time.perf_counter() - began}


def batches(session: neo4j.Session, folder: pathlib.Path, batch_rows: int) -> dict:
    return {
        "nodes": timed(lambda: load_batches(session, nodes(folder), NODE, batch_rows)),
        "edges": timed(lambda: load_batches(session, edges(folder), EDGE, batch_rows)),
        "streams": timed(lambda: load_batches(session, streams(folder), STREAM, batch_rows)),
    }


def singly(session: neo4j.Session, folder: pathlib.Path, rows_max: int) -> dict:
    """The first nodes, then that many edges whose ends they are."""
    first = list(itertools.islice(nodes(folder), rows_max))
    there = {row["properties"]["nodeId"] for _, row in first}
    among = (edge for edge in edges(folder) if edge[1]["from"] in there and edge[1]["to"] in there)
    some = list(itertools.islice(among, rows_max))
    return {
        "nodes": timed(lambda: load_singly(session, iter(first), NODE)),
        "edges": timed(lambda: load_singly(session, iter(some), EDGE)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mode", choices=["batches", "single"])
    parser.add_argument("rows", type=pathlib.Path, help="the folder with nodes, edges and streams")
    parser.add_argument("--batch-rows", type=int, default=5000)
    parser.add_argument("--rows-max", type=int, default=3000, help="how many nodes and edges `single` loads")
    options = parser.parse_args()
    with graph.connect(dict(os.environ)) as driver, driver.session() as session:
        if options.mode == "batches":
            result = batches(session, options.rows, options.batch_rows)
        else:
            result = singly(session, options.rows, options.rows_max)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
