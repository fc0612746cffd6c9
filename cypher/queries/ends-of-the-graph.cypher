// Where does lineage begin and end, and what has none, by type?
//
// Whole graph: every node is looked at, but only how many relationships it has.
MATCH (n:AtomGraphNode)
WITH n.nodeType AS type, EXISTS { (n)-[:DERIVED_FROM]->() } AS hasSources, EXISTS { (n)<-[:DERIVED_FROM]-() } AS hasProducts
RETURN type,
  sum(CASE WHEN hasProducts AND NOT hasSources THEN 1 ELSE 0 END) AS roots,
  sum(CASE WHEN hasProducts AND hasSources THEN 1 ELSE 0 END) AS between,
  sum(CASE WHEN hasSources AND NOT hasProducts THEN 1 ELSE 0 END) AS leaves,
  sum(CASE WHEN hasSources OR hasProducts THEN 0 ELSE 1 END) AS unconnected
ORDER BY type;
