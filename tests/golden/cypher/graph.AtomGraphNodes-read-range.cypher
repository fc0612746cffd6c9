MATCH (n:`AtomGraphNode`) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`) WHERE n.`nodeId` >= $first AND n.`nodeId` <= $last
RETURN [head([n]).`nodeId`, [l IN labels(n) WHERE l IN $names], n.`atomId`, n:`AtomPlaceholder`, n.`nodeType`, n.`metadata`, CASE WHEN n.`createdAt` IS :: ZONED DATETIME NOT NULL THEN [n.`createdAt`, n.`createdAt`.offsetSeconds] ELSE n.`createdAt` END] AS row;
