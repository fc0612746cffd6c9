UNWIND $rows AS row
MATCH ()-[r:`COMPONENT_OF` {`edgeId`: row.k}]->() USING INDEX SEEK r:`COMPONENT_OF`(`edgeId`)
SET r += row.p
RETURN count(*) AS written;
