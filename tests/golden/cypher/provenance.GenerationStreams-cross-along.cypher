UNWIND $keys AS k
MATCH (a:`AtomGraphNode` {`nodeId`: k})-[r:`GENERATED`]->(b) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
WHERE coalesce(r.`streamId`) IS NOT NULL
RETURN [r.`streamId`, type(r), CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END, k, CASE WHEN b:`AtomGraphNode` THEN b.`nodeId` END, r.`generationType`, r.`modelUsed`, r.`parameters`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row;
