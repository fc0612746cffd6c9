UNWIND $rows AS row
OPTIONAL MATCH (a:`AtomGraphNode` {`nodeId`: row.a})
OPTIONAL MATCH (b:`AtomGraphNode` {`nodeId`: row.b})
CALL (row, a, b) {
  WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
  MERGE (a)-[r:`COMPONENT_OF` {`edgeId`: row.k}]->(b)
  SET r += row.p
}
WITH row, a, b WHERE a IS NULL OR b IS NULL
RETURN [row.k, a IS NULL, b IS NULL] AS row;
