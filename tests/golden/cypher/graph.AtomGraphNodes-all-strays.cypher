MATCH (n:`AtomGraphNode`) USING INDEX n:`AtomGraphNode`(`nodeId`)
WHERE n.`nodeId` IS NOT NULL AND NOT n.`nodeId` IS :: INTEGER
RETURN [elementId(n), n.`nodeId`, [l IN labels(n) WHERE l IN $names], n.`atomId`] AS row;
