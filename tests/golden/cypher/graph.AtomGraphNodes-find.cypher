UNWIND $identities AS i
MATCH (n:`Atom` {`atomId`: i})
RETURN [n.`atomId`, CASE WHEN n:`AtomGraphNode` THEN n.`nodeId` END] AS row;
