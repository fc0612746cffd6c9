UNWIND $keys AS k
MATCH (a)-[r:`GENERATED` {`streamId`: k}]->(b) USING INDEX SEEK r:`GENERATED`(`streamId`)
DELETE r
WITH a, b
UNWIND [[a, a.`atomId`], [b, b.`atomId`]] AS end
WITH end[0] AS p, end[1] AS identity
RETURN count(*) / 2 AS written, collect(DISTINCT CASE WHEN p:`AtomPlaceholder` THEN identity END) AS identities;
