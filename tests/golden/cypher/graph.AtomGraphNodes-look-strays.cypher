MATCH (n:`AtomGraphNode`) USING INDEX n:`AtomGraphNode`(`nodeId`)
WHERE n.`nodeId` IS NOT NULL AND NOT n.`nodeId` IS :: INTEGER
RETURN n;
