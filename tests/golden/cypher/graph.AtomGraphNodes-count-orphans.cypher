MATCH (p:`AtomPlaceholder`) WHERE p.`nodeId` IS NULL AND NOT EXISTS { (p)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }
RETURN [count(p)] AS row;
