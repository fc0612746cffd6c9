UNWIND $keys AS k
MATCH (n:`AtomGraphNode` {`nodeId`: k})
REMOVE n:`Atom`
RETURN count(*) AS written;
