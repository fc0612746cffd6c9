UNWIND $identities AS i
MATCH (n:`Atom` {`atomId`: i}) USING INDEX SEEK n:`Atom`(`atomId`)
RETURN [n.`atomId`, CASE WHEN n:`AtomGraphNode` THEN n.`nodeId` END] AS row;
