UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
SET n.`nodeId` = k
RETURN count(*) AS written;
