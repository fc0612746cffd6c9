MATCH ()-[r:`COMPONENT_OF`]->() USING INDEX r:`COMPONENT_OF`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL
WITH r LIMIT $most
RETURN [count(r)] AS row
UNION ALL
MATCH ()-[r:`DERIVED_FROM`]->() USING INDEX r:`DERIVED_FROM`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL
WITH r LIMIT $most
RETURN [count(r)] AS row
UNION ALL
MATCH ()-[r:`GENERATED_BY`]->() USING INDEX r:`GENERATED_BY`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL
WITH r LIMIT $most
RETURN [count(r)] AS row
UNION ALL
MATCH ()-[r:`SIMILAR_TO`]->() USING INDEX r:`SIMILAR_TO`(`edgeId`)
WHERE r.`edgeId` IS NOT NULL
WITH r LIMIT $most
RETURN [count(r)] AS row;
