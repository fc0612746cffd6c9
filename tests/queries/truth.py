"""What NetworkX says of arrows: one question as JSON a line on stdin, one answer a line on stdout.

Every question has "arrows": [[from, to], ...]; one that occurs twice is two.

{"ask": "reached", "start": n}         -> [[node, hops], ...]: what can be reached; the start itself by a cycle only
{"ask": "cycles"}                      -> [[node, hops], ...]: the shortest cycle of each node that is on one
{"ask": "ways", "from": n, "to": m}    -> [hops, count] of the shortest ways, or null
"""

import collections
import json
import sys

import networkx

# More ways than this are as good as any number.
MANY = 1_000_000


def reached(graph: networkx.DiGraph, start: int) -> dict[int, int]:
    hops = networkx.single_source_shortest_path_length(graph, start)
    back = [hops[node] + 1 for node in graph.predecessors(start) if node in hops]
    del hops[start]
    return hops | ({start: min(back)} if back else {})


def cycles(graph: networkx.DiGraph) -> dict[int, int]:
    hops = {}
    for component in networkx.strongly_connected_components(graph):
        part = graph.subgraph(component)
        if part.number_of_edges() == part.number_of_nodes():
            hops |= dict.fromkeys(component, len(component))
        elif part.number_of_edges():
            hops |= {node: reached(part, node)[node] for node in component}
    return hops


def ways(graph: networkx.DiGraph, begin: int, end: int) -> list[int] | None:
    fewest = reached(graph, begin).get(end)
    if fewest is None:
        return None
    counts = {begin: 1}
    for _ in range(fewest):
        following = collections.Counter()
        for node, count in counts.items():
            for _, far, arrow in graph.out_edges(node, data=True):
                following[far] += count * arrow["count"]
        counts = following
    return [fewest, min(counts[end], MANY)]


def answer(question: dict) -> object:
    graph = networkx.DiGraph()
    for (begin, end), count in collections.Counter(map(tuple, question["arrows"])).items():
        graph.add_edge(begin, end, count=count)
    graph.add_nodes_from(question[name] for name in ("start", "from", "to") if name in question)
    match question["ask"]:
        case "reached":
            return list(reached(graph, question["start"]).items())
        case "cycles":
            return list(cycles(graph).items())
        case "ways":
            return ways(graph, question["from"], question["to"])


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
