CALL () {
UNWIND $ids AS id MATCH (a)-[r:`GENERATED`]->(b) WHERE elementId(r) = id AND NOT r.`streamId` IS :: INTEGER
DELETE r
RETURN 1 AS one
}
RETURN count(*) AS written;
