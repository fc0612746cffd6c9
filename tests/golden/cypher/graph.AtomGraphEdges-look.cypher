UNWIND $keys AS k MATCH (a)-[r:`COMPONENT_OF` {`edgeId`: k}]->(b) USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`DERIVED_FROM` {`edgeId`: k}]->(b) USING INDEX SEEK r:`DERIVED_FROM`(`edgeId`)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`GENERATED_BY` {`edgeId`: k}]->(b) USING INDEX SEEK r:`GENERATED_BY`(`edgeId`)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`SIMILAR_TO` {`edgeId`: k}]->(b) USING INDEX SEEK r:`SIMILAR_TO`(`edgeId`)
RETURN a, r, b;
