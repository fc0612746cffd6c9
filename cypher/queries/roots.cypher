// Which first sources does an atom come from?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. A first source is an ancestor that comes from nothing, however far. Time and memory
// grow with all ancestors and the relationships between them.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*1..]->(root)
WITH root, min(size(steps)) AS hops
WHERE NOT EXISTS { (root)-[:DERIVED_FROM]->() }
RETURN hops, root.nodeType AS type, root.atomId AS atomId, root.metadata AS metadata
ORDER BY hops, type, atomId;
