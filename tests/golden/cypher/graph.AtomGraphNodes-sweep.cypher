MATCH (p:`AtomPlaceholder`) WHERE p.`nodeId` IS NULL AND NOT EXISTS { (p)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }
WITH p LIMIT $limit
DETACH DELETE p
RETURN count(*) AS written;
