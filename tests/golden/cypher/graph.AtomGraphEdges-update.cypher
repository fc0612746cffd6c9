UNWIND $rows AS row
MATCH ()-[r:`COMPONENT_OF` {`edgeId`: row.k}]->()
SET r += row.p
RETURN count(*) AS written;
