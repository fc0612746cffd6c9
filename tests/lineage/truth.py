"""What NetworkX says of lineage: a graph as JSON on stdin, each node's and relationship's hop as JSON on stdout.

In: {"nodes": [...], "joined": [[id, from, to], ...], "questions": [{"roots": [...], "direction": "down"}, ...]}
Out: [{"nodes": {node: hop}, "joined": {id: hop}}, ...]
"""

import json
import sys

import networkx


def answer(graph: networkx.MultiDiGraph, roots: list[str], direction: str) -> dict:
    seen = {"down": graph, "up": graph.reverse(), "both": graph.to_undirected()}[direction]
    hops: dict[str, int] = {}
    for root in roots:
        for node, hop in networkx.single_source_shortest_path_length(seen, root).items():
            hops[node] = min(hop, hops.get(node, hop))
    joined = {}
    for begin, end, key in graph.edges(keys=True):
        met_from = {"down": [begin], "up": [end], "both": [begin, end]}[direction]
        met = [hops[node] for node in met_from if node in hops]
        if met:
            joined[key] = min(met) + 1
    return {"nodes": hops, "joined": joined}


def main() -> None:
    rows = json.load(sys.stdin)
    graph = networkx.MultiDiGraph()
    graph.add_nodes_from(rows["nodes"])
    for key, begin, end in rows["joined"]:
        graph.add_edge(begin, end, key=key)
    json.dump([answer(graph, **question) for question in rows["questions"]], sys.stdout)


if __name__ == "__main__":
    main()
