UNWIND $keys AS k
MATCH ()-[r:`GENERATED` {`streamId`: k}]->()
DELETE r
RETURN count(*) AS written;
