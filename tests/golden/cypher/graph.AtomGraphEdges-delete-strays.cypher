CALL () {
UNWIND $ids AS id MATCH (a)-[r:`COMPONENT_OF`]->(b) WHERE elementId(r) = id AND NOT r.`edgeId` IS :: INTEGER
DELETE r
RETURN 1 AS one
UNION ALL
UNWIND $ids AS id MATCH (a)-[r:`DERIVED_FROM`]->(b) WHERE elementId(r) = id AND NOT r.`edgeId` IS :: INTEGER
DELETE r
RETURN 1 AS one
UNION ALL
UNWIND $ids AS id MATCH (a)-[r:`GENERATED_BY`]->(b) WHERE elementId(r) = id AND NOT r.`edgeId` IS :: INTEGER
DELETE r
RETURN 1 AS one
UNION ALL
UNWIND $ids AS id MATCH (a)-[r:`SIMILAR_TO`]->(b) WHERE elementId(r) = id AND NOT r.`edgeId` IS :: INTEGER
DELETE r
RETURN 1 AS one
}
RETURN count(*) AS written;
