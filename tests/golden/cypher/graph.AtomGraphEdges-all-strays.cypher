MATCH (a)-[r:`COMPONENT_OF`]->(b) USING INDEX r:`COMPONENT_OF`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL AND NOT r.`edgeId` IS :: INTEGER
RETURN [elementId(r), r.`edgeId`, [type(r)], CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) USING INDEX r:`DERIVED_FROM`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL AND NOT r.`edgeId` IS :: INTEGER
RETURN [elementId(r), r.`edgeId`, [type(r)], CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) USING INDEX r:`GENERATED_BY`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL AND NOT r.`edgeId` IS :: INTEGER
RETURN [elementId(r), r.`edgeId`, [type(r)], CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) USING INDEX r:`SIMILAR_TO`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL AND NOT r.`edgeId` IS :: INTEGER
RETURN [elementId(r), r.`edgeId`, [type(r)], CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END] AS row;
