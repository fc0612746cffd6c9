UNWIND $keys AS k
MATCH ()-[r:`COMPONENT_OF` {`edgeId`: k}]->() USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`)
SET r.`edgeId` = k
RETURN count(*) AS written;
