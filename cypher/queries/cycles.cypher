// Which things come from themselves, and over how many steps?
//
// :param {firstNodeId: 1, lastNodeId: 1000}
// $firstNodeId, $lastNodeId  integers: the range of nodes to look at; the whole graph goes by such ranges
//
// Finds the nodes by a range of their unique nodeId. All nodes of the range that are on a cycle of any length; hops is the
// shortest that the node is on. Each node takes a search of its own, which ends at its shortest cycle, or when nothing more
// can be reached: a thousand nodes at a time take seconds even where each is on a cycle of 5,000 steps.
MATCH (n:AtomGraphNode) USING INDEX SEEK n:AtomGraphNode(nodeId) WHERE $firstNodeId <= n.nodeId <= $lastNodeId
MATCH cycle = ANY SHORTEST (n)-[:DERIVED_FROM]->+(n)
RETURN length(cycle) AS hops, n.nodeType AS type, n.atomId AS atomId, n.nodeId AS nodeId
ORDER BY nodeId;
