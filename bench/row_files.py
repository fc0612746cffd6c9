"""Writes rows as T-SQL for the tables of sql/graph, and as JSON lines for programs that read no T-SQL."""

import json
import pathlib
from typing import IO, Iterable, Iterator, Sequence

ROWS_A_STATEMENT = 1000  # SQL Server takes no more in INSERT … VALUES (10738)

ATOMS = "dbo.Atoms", "AtomId, Modality, Subtype, SourceType, SourceUri, ContentHash, CanonicalText, CreatedAt"
NODES = "graph.AtomGraphNodes", "NodeId, AtomId, NodeType, Metadata, CreatedAt"
STREAMS = (
    "provenance.GenerationStreams",
    "StreamId, SourceAtomId, TargetAtomId, GenerationType, ModelUsed, Parameters, Metadata, CreatedAt",
)
EDGES_HEAD = """INSERT INTO graph.AtomGraphEdges (EdgeId, $from_id, $to_id, RelationshipType, Weight, Metadata, CreatedAt)
SELECT v.EdgeId, f.$node_id, t.$node_id, v.RelationshipType, v.Weight, v.Metadata, v.CreatedAt
FROM (VALUES
"""
EDGES_TAIL = """
) AS v (EdgeId, FromNodeId, ToNodeId, RelationshipType, Weight, Metadata, CreatedAt)
JOIN graph.AtomGraphNodes AS f ON f.NodeId = v.FromNodeId
JOIN graph.AtomGraphNodes AS t ON t.NodeId = v.ToNodeId;
"""


def write_sql(rows, out: IO[str]) -> None:
    out.write("SET QUOTED_IDENTIFIER ON;\nSET NOCOUNT ON;\nGO\n")
    hashed = (atom._replace(content_hash=Raw("0x" + atom.content_hash)) for atom in rows.atoms)
    for (table, columns), values in ((ATOMS, hashed), (NODES, rows.nodes), (STREAMS, rows.streams)):
        write_table(out, table, values, f"INSERT INTO {table} ({columns})\nVALUES\n", ";\n")
    write_table(out, "graph.AtomGraphEdges", rows.edges, EDGES_HEAD, EDGES_TAIL)


def write_table(out: IO[str], table: str, rows: Iterable[Sequence], head: str, tail: str) -> None:
    out.write(f"SET IDENTITY_INSERT {table} ON;\nGO\n")
    for part in parts(rows):
        out.write(head + ",\n".join(f"({', '.join(map(literal, row))})" for row in part) + tail + "GO\n")
    out.write(f"SET IDENTITY_INSERT {table} OFF;\nGO\n")


def parts(rows: Iterable[Sequence]) -> Iterator[list[Sequence]]:
    part: list[Sequence] = []
    for row in rows:
        part.append(row)
        if len(part) == ROWS_A_STATEMENT:
            yield part
            part = []
    if part:
        yield part


class Raw(str):
    """Text that is T-SQL already."""


def literal(value) -> str:
    match value:
        case None:
            return "NULL"
        case Raw():
            return value
        case str():
            return "N'" + value.replace("'", "''") + "'"
        case _:
            return repr(value)


def write_json_lines(rows, folder: pathlib.Path) -> None:
    """nodes, edges and streams, one array a line, in the order of the tables' columns; edges name their ends' NodeIds."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, values in (("nodes", rows.nodes), ("edges", rows.edges), ("streams", rows.streams)):
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as out:
            for row in values:
                out.write(json.dumps(row, separators=(",", ":"), ensure_ascii=False) + "\n")
