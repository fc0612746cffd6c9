UNWIND $rows AS row
MERGE (n:`Atom` {`atomId`: row.i})
  ON CREATE SET n:`AtomGraphNode`, n.`nodeId` = row.k, n += row.p
WITH row, n WHERE NOT (n:`AtomGraphNode` AND coalesce(n.`nodeId` = row.k, false))
RETURN [row.k, n.`nodeId`, n:`AtomPlaceholder`, n:`AtomGraphNode`] AS row;
