MATCH (a)-[r:`COMPONENT_OF`]->(b) USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) USING INDEX SEEK r:`DERIVED_FROM`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) USING INDEX SEEK r:`GENERATED_BY`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) USING INDEX SEEK r:`SIMILAR_TO`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row;
