MATCH (a)-[r:`COMPONENT_OF`]->(b) USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
WITH r ORDER BY r.`edgeId` LIMIT $most
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) USING INDEX SEEK r:`DERIVED_FROM`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
WITH r ORDER BY r.`edgeId` LIMIT $most
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) USING INDEX SEEK r:`GENERATED_BY`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
WITH r ORDER BY r.`edgeId` LIMIT $most
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) USING INDEX SEEK r:`SIMILAR_TO`(`edgeId`) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
WITH r ORDER BY r.`edgeId` LIMIT $most
RETURN [r.`edgeId`, type(r)] AS row;
