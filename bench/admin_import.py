"""`neo4j-admin database import full`: offline, into an empty store, without constraints. The limit for any loader."""

import csv
import pathlib
import shutil
import time
from typing import Iterator

import graph
import python_driver

INSTANCE = "bench-import"
STREAM_COLUMNS = ["streamId:long", "generationType", "modelUsed", "parameters", "metadata"]


def write_csv(rows: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Writes what the import reads; returns its arguments. Nodes are named by identity, as streams know no NodeIds."""
    folder.mkdir(parents=True, exist_ok=True)
    identity: dict[int, str] = {}

    def node_rows() -> Iterator[list]:
        for label, row in python_driver.nodes(rows):
            properties = row["properties"]
            identity[properties["nodeId"]] = f"{label}:{row['atomId']}"
            yield [f"{label}:{row['atomId']}", row["atomId"], *properties.values(), row["createdAt"], f"{label};AtomGraphNode"]

    def edge_rows() -> Iterator[list]:
        for name, row in python_driver.edges(rows):
            ends = [identity[row["from"]], identity[row["to"]]]
            yield [*ends, name, row["edgeId"], *row["properties"].values(), row["createdAt"]]

    def stream_rows() -> Iterator[list]:
        for name, row in python_driver.streams(rows):
            ends = [f"Atom:{row['from']}", f"Atom:{row['to']}"]
            yield [*ends, name, row["streamId"], *row["properties"].values(), row["createdAt"]]

    def placeholder_rows() -> Iterator[list]:
        named = {atom for _, row in python_driver.streams(rows) for atom in (row["from"], row["to"])}
        there = set(identity.values())
        for atom in sorted(named):
            if f"Atom:{atom}" not in there:
                yield [f"Atom:{atom}", atom, "Atom;AtomPlaceholder"]

    ends = [":START_ID", ":END_ID", ":TYPE"]
    edge_columns = [*ends, "edgeId:long", "relationshipType", "weight:double", "metadata", "createdAt:datetime"]
    node_columns = [":ID", "atomId:long", "nodeId:long", "nodeType", "metadata", "createdAt:datetime", ":LABEL"]
    write(folder / "nodes.csv", node_columns, node_rows())
    write(folder / "edges.csv", edge_columns, edge_rows())
    write(folder / "streams.csv", [*ends, *STREAM_COLUMNS, "createdAt:datetime"], stream_rows())
    write(folder / "placeholders.csv", [":ID", "atomId:long", ":LABEL"], placeholder_rows())
    return [
        # Else it is left where the import was started.
        f"--report-file={folder / 'import.report'}",
        *(f"--nodes={folder / name}.csv" for name in ("nodes", "placeholders")),
        *(f"--relationships={folder / name}.csv" for name in ("edges", "streams")),
    ]


def write(path: pathlib.Path, columns: list[str], rows: Iterator[list]) -> None:
    with open(path, "w", encoding="utf-8", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(columns)
        writer.writerows(rows)


def run(arguments: list[str]) -> float:
    """Seconds of one import, the start of its JVM included."""
    began = time.perf_counter()
    graph.script(INSTANCE, "admin", "database", "import", "full", "neo4j", "--overwrite-destination", *arguments)
    return time.perf_counter() - began


def remove(folder: pathlib.Path) -> None:
    graph.script(INSTANCE, "remove")
    shutil.rmtree(folder, ignore_errors=True)
