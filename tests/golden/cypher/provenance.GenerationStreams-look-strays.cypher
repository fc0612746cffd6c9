MATCH (a)-[r:`GENERATED`]->(b) USING INDEX r:`GENERATED`(`streamId`)
WHERE r.`streamId` IS NOT NULL AND NOT r.`streamId` IS :: INTEGER
RETURN a, r, b;
