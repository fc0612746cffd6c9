MATCH (a)-[r:`GENERATED`]->(b) USING INDEX r:`GENERATED`(`streamId`)
WHERE r.`streamId` IS NOT NULL AND NOT r.`streamId` IS :: INTEGER
RETURN [elementId(r), r.`streamId`, [type(r)], CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`Atom` THEN b.`atomId` END] AS row;
