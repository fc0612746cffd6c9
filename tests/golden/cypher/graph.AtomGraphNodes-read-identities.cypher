MATCH (n:`AtomGraphNode`) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`) WHERE n.`nodeId` >= $first AND n.`nodeId` <= $last
WITH n ORDER BY n.`nodeId` LIMIT $most
RETURN [n.`nodeId`, [l IN labels(n) WHERE l IN $names], n.`atomId`] AS row;
