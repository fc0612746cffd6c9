MATCH (a)-[r:`GENERATED`]->(b) WHERE r.`streamId` >= $first AND r.`streamId` <= $last
RETURN [r.`streamId`, type(r)] AS row;
