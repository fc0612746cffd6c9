UNWIND $rows AS row
MATCH (n:`Atom` {`atomId`: row.i}) USING INDEX SEEK n:`Atom`(`atomId`)
WHERE (n:`AtomPlaceholder` AND n.`nodeId` IS NULL) OR (n.`nodeId` = row.k AND NOT n:`AtomGraphNode`) OR (n:`AtomGraphNode` AND NOT n.`nodeId` IS :: INTEGER)
SET n.`atomId` = row.i, n.`nodeId` = row.k, n:`AtomGraphNode`, n += row.p
REMOVE n:`AtomPlaceholder`
RETURN count(*) AS written;
