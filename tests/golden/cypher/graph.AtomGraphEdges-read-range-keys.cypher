MATCH (a)-[r:`COMPONENT_OF`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`DERIVED_FROM`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`GENERATED_BY`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r)] AS row
UNION ALL
MATCH (a)-[r:`SIMILAR_TO`]->(b) WHERE r.`edgeId` >= $first AND r.`edgeId` <= $last
RETURN [r.`edgeId`, type(r)] AS row;
