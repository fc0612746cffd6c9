MATCH (a)-[r:`COMPONENT_OF`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, r.`createdAt`] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, r.`createdAt`] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, r.`createdAt`] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, r.`createdAt`] AS row;
