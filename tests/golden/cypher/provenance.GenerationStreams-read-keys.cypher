UNWIND $keys AS k MATCH (a)-[r:`GENERATED` {`streamId`: k}]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`)
RETURN [head([r]).`streamId`, type(r), CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END, r.`generationType`, r.`modelUsed`, r.`parameters`, r.`metadata`, r.`createdAt`] AS row;
