UNWIND $keys AS k MATCH (n:`AtomGraphNode` {`nodeId`: k}) USING INDEX SEEK n:`AtomGraphNode`(`nodeId`)
WITH n, (n:`Atom` AND EXISTS { (n)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }) AS keep
MATCH (n)-[r]-()
WITH r, keep, (r:`COMPONENT_OF`|`DERIVED_FROM`|`GENERATED_BY`|`SIMILAR_TO` AND coalesce(r.`edgeId`) IS NOT NULL) AS ours
WHERE ours OR NOT keep
WITH DISTINCT r, ours LIMIT $most
DELETE r
RETURN [count(CASE WHEN ours THEN 1 END), count(CASE WHEN ours THEN null ELSE 1 END)] AS row;
