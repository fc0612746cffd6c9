MATCH (n:`AtomGraphNode`) USING INDEX n:`AtomGraphNode`(`nodeId`)
WHERE n.`nodeId` IS NOT NULL
WITH n LIMIT $most
RETURN [count(n)] AS row;
