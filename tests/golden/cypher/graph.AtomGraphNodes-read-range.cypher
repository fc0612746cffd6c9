MATCH (n:`AtomGraphNode`) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`) WHERE n.`nodeId` >= $first AND n.`nodeId` <= $last
RETURN [head([n]).`nodeId`, [l IN labels(n) WHERE l IN $names], n.`atomId`, n:`AtomPlaceholder`, n.`nodeType`, n.`metadata`, n.`createdAt`] AS row;
