MATCH (n:`AtomGraphNode`) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`) WHERE n.`nodeId` >= $first
WITH n ORDER BY n.`nodeId` LIMIT $limit
RETURN [n.`nodeId`, [l IN labels(n) WHERE l IN $names]] AS row;
