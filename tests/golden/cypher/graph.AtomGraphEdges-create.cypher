CALL () {
  UNWIND $rows.`COMPONENT_OF` AS row
  OPTIONAL MATCH (a:`AtomGraphNode` {`nodeId`: row.a}) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
  OPTIONAL MATCH (b:`AtomGraphNode` {`nodeId`: row.b}) USING INDEX SEEK b:`AtomGraphNode`(`nodeId`)
  CALL (row, a, b) {
    WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
    MERGE (a)-[r:`COMPONENT_OF` {`edgeId`: row.k}]->(b)
    SET r += row.p
  }
  WITH row, a, b WHERE a IS NULL OR b IS NULL
  RETURN collect([row.k, a IS NULL, b IS NULL]) AS m0
}
CALL () {
  UNWIND $rows.`DERIVED_FROM` AS row
  OPTIONAL MATCH (a:`AtomGraphNode` {`nodeId`: row.a}) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
  OPTIONAL MATCH (b:`AtomGraphNode` {`nodeId`: row.b}) USING INDEX SEEK b:`AtomGraphNode`(`nodeId`)
  CALL (row, a, b) {
    WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
    MERGE (a)-[r:`DERIVED_FROM` {`edgeId`: row.k}]->(b)
    SET r += row.p
  }
  WITH row, a, b WHERE a IS NULL OR b IS NULL
  RETURN collect([row.k, a IS NULL, b IS NULL]) AS m1
}
CALL () {
  UNWIND $rows.`GENERATED_BY` AS row
  OPTIONAL MATCH (a:`AtomGraphNode` {`nodeId`: row.a}) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
  OPTIONAL MATCH (b:`AtomGraphNode` {`nodeId`: row.b}) USING INDEX SEEK b:`AtomGraphNode`(`nodeId`)
  CALL (row, a, b) {
    WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
    MERGE (a)-[r:`GENERATED_BY` {`edgeId`: row.k}]->(b)
    SET r += row.p
  }
  WITH row, a, b WHERE a IS NULL OR b IS NULL
  RETURN collect([row.k, a IS NULL, b IS NULL]) AS m2
}
CALL () {
  UNWIND $rows.`SIMILAR_TO` AS row
  OPTIONAL MATCH (a:`AtomGraphNode` {`nodeId`: row.a}) USING INDEX SEEK a:`AtomGraphNode`(`nodeId`)
  OPTIONAL MATCH (b:`AtomGraphNode` {`nodeId`: row.b}) USING INDEX SEEK b:`AtomGraphNode`(`nodeId`)
  CALL (row, a, b) {
    WITH row, a, b WHERE a IS NOT NULL AND b IS NOT NULL
    MERGE (a)-[r:`SIMILAR_TO` {`edgeId`: row.k}]->(b)
    SET r += row.p
  }
  WITH row, a, b WHERE a IS NULL OR b IS NULL
  RETURN collect([row.k, a IS NULL, b IS NULL]) AS m3
}
UNWIND m0 + m1 + m2 + m3 AS row
RETURN row;
