UNWIND $rows AS row
MATCH (n:`Atom` {`atomId`: row.i}) USING INDEX SEEK n:`Atom`(`atomId`)
RETURN [row.k, n.`nodeId`, n:`AtomPlaceholder`, n:`AtomGraphNode`] AS row;
