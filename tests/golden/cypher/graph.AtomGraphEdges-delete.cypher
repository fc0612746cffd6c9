UNWIND $keys AS k
MATCH ()-[r:`COMPONENT_OF` {`edgeId`: k}]->() USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`)
DELETE r
RETURN count(*) AS written;
