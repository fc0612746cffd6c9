UNWIND $rows.`GENERATED` AS row
MERGE (a:`Atom` {`atomId`: row.a}) ON CREATE SET a:`AtomPlaceholder`
MERGE (b:`Atom` {`atomId`: row.b}) ON CREATE SET b:`AtomPlaceholder`
MERGE (a)-[r:`GENERATED` {`streamId`: row.k}]->(b)
SET r += row.p;
