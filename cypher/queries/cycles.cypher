// Which things come from themselves, and over how many steps?
//
// :param {firstNodeId: 1, lastNodeId: 10000}
// $firstNodeId, $lastNodeId  integers: the range of nodes to look at; the whole graph goes by such ranges
//
// Finds the nodes by a range of their unique nodeId. Cycles of up to 32 steps; hops is the shortest that the node is on.
MATCH (n:AtomGraphNode) USING INDEX SEEK n:AtomGraphNode(nodeId) WHERE $firstNodeId <= n.nodeId <= $lastNodeId
MATCH (n)-[steps:DERIVED_FROM*1..32]->(reached)
WITH n, reached, min(size(steps)) AS hops
WHERE n = reached
RETURN hops, n.nodeType AS type, n.atomId AS atomId, n.nodeId AS nodeId
ORDER BY nodeId;
