UNWIND $keys AS k
MATCH ()-[r:`COMPONENT_OF` {`edgeId`: k}]->()
DELETE r
RETURN count(*) AS written;
