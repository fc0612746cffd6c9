UNWIND $rows AS row
MATCH (n:`AtomGraphNode` {`nodeId`: row.k})
SET n += row.p
RETURN count(*) AS written;
