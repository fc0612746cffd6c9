UNWIND $rows.`GENERATED` AS row
MERGE (a:`Atom` {`atomId`: row.a}) ON CREATE SET a:`AtomPlaceholder`
MERGE (b:`Atom` {`atomId`: row.b}) ON CREATE SET b:`AtomPlaceholder`
FOREACH (_ IN CASE WHEN head([a]).`atomId` IS :: FLOAT NOT NULL THEN [1] END | SET a.`atomId` = row.a)
FOREACH (_ IN CASE WHEN head([b]).`atomId` IS :: FLOAT NOT NULL THEN [1] END | SET b.`atomId` = row.b)
MERGE (a)-[r:`GENERATED` {`streamId`: row.k}]->(b)
SET r += row.p;
