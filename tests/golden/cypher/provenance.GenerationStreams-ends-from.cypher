CALL () {
MATCH (a)-[r:`GENERATED`]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`) WHERE r.`streamId` >= $first
WITH a, r, b ORDER BY r.`streamId` LIMIT $limit
RETURN r.`streamId` AS key, [r.`streamId`, CASE WHEN a:`AtomGraphNode` THEN coalesce(a.`nodeId`, false) END, CASE WHEN a:`Atom` THEN a.`atomId` END, CASE WHEN b:`AtomGraphNode` THEN coalesce(b.`nodeId`, false) END, CASE WHEN b:`Atom` THEN b.`atomId` END] AS row
}
RETURN row ORDER BY key LIMIT $limit;
