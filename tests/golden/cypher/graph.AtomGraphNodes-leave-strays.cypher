UNWIND $ids AS id MATCH (n:`AtomGraphNode`) WHERE elementId(n) = id AND NOT n.`nodeId` IS :: INTEGER
CALL (n) { CALL (n) { MATCH (n)-[r:`COMPONENT_OF`|`DERIVED_FROM`|`GENERATED_BY`|`SIMILAR_TO`]-() WHERE coalesce(r.`edgeId`) IS NOT NULL RETURN r } WITH collect(DISTINCT r) AS rs FOREACH (r IN rs | DELETE r) RETURN size(rs) AS edges }
WITH n, edges, (n:`Atom` AND EXISTS { (n)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }) AS keep
WITH n, edges, keep, CASE WHEN keep THEN 0 ELSE COUNT { (n)--() } END AS others,
  [l IN labels(n) WHERE l IN $names | l + '=' + CASE WHEN n.`atomId` IS :: FLOAT NOT NULL THEN toString(toInteger(n.`atomId`)) ELSE toStringOrNull(n.`atomId`) END] AS freed
FOREACH (_ IN CASE WHEN keep THEN [1] ELSE [] END |
  SET n:`AtomPlaceholder`, n += $none
  REMOVE n:`AtomGraphNode`, n.`nodeId`)
FOREACH (_ IN CASE WHEN keep THEN [] ELSE [1] END | DETACH DELETE n)
RETURN [count(*), sum(edges), sum(others), collect(freed)] AS row;
