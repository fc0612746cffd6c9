UNWIND $keys AS k MATCH (a)-[r:`GENERATED` {`streamId`: k}]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`)
RETURN a, r, b;
