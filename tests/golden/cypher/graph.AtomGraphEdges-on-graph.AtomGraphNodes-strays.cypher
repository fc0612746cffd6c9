UNWIND $ids AS id MATCH (n:`AtomGraphNode`) WHERE elementId(n) = id AND NOT n.`nodeId` IS :: INTEGER
MATCH (n)-[r:`COMPONENT_OF`|`DERIVED_FROM`|`GENERATED_BY`|`SIMILAR_TO`]-() WHERE coalesce(r.`edgeId`) IS NOT NULL
RETURN DISTINCT [r.`edgeId`, type(r)] AS row;
