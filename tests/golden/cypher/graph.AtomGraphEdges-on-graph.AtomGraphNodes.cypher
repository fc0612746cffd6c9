UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
MATCH (n)-[r:`COMPONENT_OF`|`DERIVED_FROM`|`GENERATED_BY`|`SIMILAR_TO`]-() WHERE coalesce(r.`edgeId`) IS NOT NULL
RETURN DISTINCT [r.`edgeId`, type(r)] AS row;
