MATCH (a)-[r:`GENERATED`]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`) WHERE r.`streamId` >= $first AND r.`streamId` <= $last
WITH r ORDER BY r.`streamId` LIMIT $most
RETURN [r.`streamId`, type(r)] AS row;
