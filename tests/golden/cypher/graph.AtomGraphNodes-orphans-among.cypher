UNWIND $identities AS i
MATCH (p:`Atom` {`atomId`: i}) USING INDEX SEEK p:`Atom`(`atomId`)
WHERE p:`AtomPlaceholder` AND p.`nodeId` IS NULL AND NOT EXISTS { (p)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }
RETURN [p.`atomId`, [l IN labels(p) WHERE l IN $names]] AS row;
