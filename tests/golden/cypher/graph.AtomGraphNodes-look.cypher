UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k})
RETURN n;
