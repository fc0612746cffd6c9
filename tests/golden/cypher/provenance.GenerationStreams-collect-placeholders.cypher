UNWIND $identities AS i
MATCH (p:`Atom` {`atomId`: i}) USING INDEX SEEK p:`Atom`(`atomId`)
WHERE p:`AtomPlaceholder` AND NOT EXISTS { (p)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }
DETACH DELETE p
RETURN count(*) AS written;
