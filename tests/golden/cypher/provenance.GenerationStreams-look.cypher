UNWIND $keys AS k MATCH (a)-[r:`GENERATED` {`streamId`: k}]->(b)
RETURN a, r, b;
