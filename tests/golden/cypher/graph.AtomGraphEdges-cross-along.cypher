UNWIND $keys AS k
MATCH (a:`AtomGraphNode` {`nodeId`: k})-[r:`COMPONENT_OF`|`DERIVED_FROM`|`GENERATED_BY`|`SIMILAR_TO`]->(b) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
WHERE coalesce(r.`edgeId`) IS NOT NULL
RETURN [r.`edgeId`, type(r), CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, k, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`relationshipType`, r.`weight`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row;
