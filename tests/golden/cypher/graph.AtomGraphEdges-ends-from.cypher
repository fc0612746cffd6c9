CALL () {
MATCH (a)-[r:`COMPONENT_OF`]->(b) USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`) WHERE r.`edgeId` >= $first
WITH a, r, b ORDER BY r.`edgeId` LIMIT $limit
RETURN r.`edgeId` AS key, [r.`edgeId`, CASE WHEN a:`AtomGraphNode` THEN coalesce(a.`nodeId`, false) END, CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN coalesce(b.`nodeId`, false) END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) USING INDEX SEEK r:`DERIVED_FROM`(`edgeId`) WHERE r.`edgeId` >= $first
WITH a, r, b ORDER BY r.`edgeId` LIMIT $limit
RETURN r.`edgeId` AS key, [r.`edgeId`, CASE WHEN a:`AtomGraphNode` THEN coalesce(a.`nodeId`, false) END, CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN coalesce(b.`nodeId`, false) END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) USING INDEX SEEK r:`GENERATED_BY`(`edgeId`) WHERE r.`edgeId` >= $first
WITH a, r, b ORDER BY r.`edgeId` LIMIT $limit
RETURN r.`edgeId` AS key, [r.`edgeId`, CASE WHEN a:`AtomGraphNode` THEN coalesce(a.`nodeId`, false) END, CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN coalesce(b.`nodeId`, false) END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) USING INDEX SEEK r:`SIMILAR_TO`(`edgeId`) WHERE r.`edgeId` >= $first
WITH a, r, b ORDER BY r.`edgeId` LIMIT $limit
RETURN r.`edgeId` AS key, [r.`edgeId`, CASE WHEN a:`AtomGraphNode` THEN coalesce(a.`nodeId`, false) END, CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN coalesce(b.`nodeId`, false) END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
}
RETURN row ORDER BY key LIMIT $limit;
