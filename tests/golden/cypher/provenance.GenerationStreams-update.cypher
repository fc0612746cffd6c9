UNWIND $rows AS row
MATCH ()-[r:`GENERATED` {`streamId`: row.k}]->()
SET r += row.p
RETURN count(*) AS written;
