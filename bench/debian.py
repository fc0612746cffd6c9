#!/usr/bin/env python3
"""Turns Debian `Packages` indexes into rows for the tables of sql/graph.

    bench/debian.py [--limit N] [--json-rows DIR] --sql FILE [INDEX ...]

Without INDEX, the machine's apt lists of `main` are read. What becomes what stands in debian_rows.py.
"""

import argparse
import collections
import itertools
import json
import pathlib

import debian_index
import debian_rows
import row_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("index", nargs="*", type=pathlib.Path, help="a Packages file, plain or .gz, .xz, .lz4, .zst")
    parser.add_argument("--sql", type=pathlib.Path, metavar="FILE", help="where the T-SQL goes")
    parser.add_argument("--json-rows", type=pathlib.Path, metavar="DIR", help="where nodes, edges and streams go as JSON lines")
    parser.add_argument("--limit", type=int, metavar="N", help="only N packages, half of them those that most others need")
    options = parser.parse_args()
    if options.sql is None and options.json_rows is None:
        parser.error("give --sql or --json-rows or both")

    indexes = options.index or debian_index.default_indexes()
    packages = debian_rows.distinct(itertools.chain.from_iterable(map(debian_index.read_index, indexes)))
    if options.limit:
        packages = debian_rows.cut(packages, options.limit)
    builder = debian_rows.Builder(packages)
    rows = builder.build()
    if options.sql:
        with open(options.sql, "w", encoding="utf-8") as out:
            row_files.write_sql(rows, out)
    if options.json_rows:
        row_files.write_json_lines(rows, options.json_rows)
    print(json.dumps(counts(rows, builder.missing)))


def counts(rows: debian_rows.Rows, missing: int) -> dict:
    atoms_of_rows = {node.atom_id for node in rows.nodes if node.node_type == "atom"}
    named = {atom for stream in rows.streams for atom in (stream.source_atom, stream.target_atom)}
    degree = collections.Counter(end for edge in rows.edges for end in (edge.from_node, edge.to_node))
    return {
        "atoms": len(rows.atoms),
        "nodes": len(rows.nodes),
        "nodesByType": dict(collections.Counter(node.node_type for node in rows.nodes)),
        "edges": len(rows.edges),
        "edgesByType": dict(collections.Counter(edge.relationship_type for edge in rows.edges)),
        "streams": len(rows.streams),
        "placeholders": len(named - atoms_of_rows),
        "degreeMax": max(degree.values(), default=0),
        "relationsToMissing": missing,
    }


if __name__ == "__main__":
    main()
