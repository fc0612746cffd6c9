UNWIND $identities AS i
MATCH (p:`Atom` {`atomId`: i})
WHERE p:`AtomPlaceholder` AND NOT EXISTS { (p)-[g:`GENERATED`]-() WHERE coalesce(g.`streamId`) IS NOT NULL }
DETACH DELETE p
RETURN count(*) AS written;
