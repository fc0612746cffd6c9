MATCH (a)-[r:`GENERATED`]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`) WHERE r.`streamId` >= $first AND r.`streamId` <= $last
RETURN [head([r]).`streamId`, type(r), CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END, r.`generationType`, r.`modelUsed`, r.`parameters`, r.`metadata`, r.`createdAt`] AS row;
