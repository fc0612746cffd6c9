UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
RETURN [head([n]).`nodeId`, [l IN labels(n) WHERE l IN $names], n.`atomId`, n:`AtomPlaceholder`, n.`nodeType`, n.`metadata`, n.`createdAt`] AS row;
