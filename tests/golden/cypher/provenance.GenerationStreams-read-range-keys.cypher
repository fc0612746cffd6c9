MATCH (a)-[r:`GENERATED`]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`) WHERE r.`streamId` >= $first AND r.`streamId` <= $last
RETURN [r.`streamId`, type(r)] AS row;
