UNWIND $rows AS row
MATCH ()-[r:`GENERATED` {`streamId`: row.k}]->() USING INDEX SEEK r:`GENERATED`(`streamId`)
SET r += row.p
RETURN count(*) AS written;
