MATCH (a)-[r:`GENERATED`]->(b) WHERE r.`streamId` >= $first AND r.`streamId` <= $last
RETURN [r.`streamId`, type(r), CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END, r.`generationType`, r.`modelUsed`, r.`parameters`, r.`metadata`, r.`createdAt`] AS row;
