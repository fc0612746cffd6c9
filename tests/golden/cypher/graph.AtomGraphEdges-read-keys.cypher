UNWIND $keys AS k MATCH (a)-[r:`COMPONENT_OF` {`edgeId`: k}]->(b) USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`)
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`DERIVED_FROM` {`edgeId`: k}]->(b) USING INDEX SEEK r:`DERIVED_FROM`(`edgeId`)
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`GENERATED_BY` {`edgeId`: k}]->(b) USING INDEX SEEK r:`GENERATED_BY`(`edgeId`)
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`SIMILAR_TO` {`edgeId`: k}]->(b) USING INDEX SEEK r:`SIMILAR_TO`(`edgeId`)
RETURN [head([r]).`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row;
