UNWIND $keys AS k
MATCH (b:`Atom` {`atomId`: k})<-[r:`GENERATED`]-(a) USING INDEX SEEK b:`Atom`(`atomId`)
WHERE coalesce(r.`streamId`) IS NOT NULL AND NOT b:`AtomGraphNode`
RETURN [r.`streamId`, type(r), CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END, k, CASE WHEN a:`AtomGraphNode` THEN a.`nodeId` END, r.`generationType`, r.`modelUsed`, r.`parameters`, r.`metadata`, CASE WHEN r.`createdAt` IS :: ZONED DATETIME NOT NULL THEN CASE r.`createdAt`.timezone WHEN 'Z' THEN r.`createdAt` ELSE [r.`createdAt`, r.`createdAt`.offsetSeconds] END ELSE r.`createdAt` END] AS row;
