UNWIND $rows AS row
MATCH (n:`AtomGraphNode` {`nodeId`: row.k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
SET n += row.p
RETURN count(*) AS written;
