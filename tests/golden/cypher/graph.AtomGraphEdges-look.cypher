UNWIND $keys AS k MATCH (a)-[r:`COMPONENT_OF` {`edgeId`: k}]->(b)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`DERIVED_FROM` {`edgeId`: k}]->(b)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`GENERATED_BY` {`edgeId`: k}]->(b)
RETURN a, r, b
UNION ALL
UNWIND $keys AS k MATCH (a)-[r:`SIMILAR_TO` {`edgeId`: k}]->(b)
RETURN a, r, b;
