UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
RETURN n;
