UNWIND $keys AS k
MATCH ()-[r:`GENERATED` {`streamId`: k}]->() USING INDEX SEEK r:`GENERATED`(`streamId`)
SET r.`streamId` = k
RETURN count(*) AS written;
