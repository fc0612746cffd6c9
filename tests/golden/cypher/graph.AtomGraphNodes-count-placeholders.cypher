MATCH (p:`AtomPlaceholder`) WHERE p.`nodeId` IS NULL
WITH p LIMIT $most
RETURN [count(p)] AS row;
