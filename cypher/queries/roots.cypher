// Which first sources does an atom come from?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. A first source is an ancestor within 32 steps that comes from nothing.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*1..32]->(root)
WITH root, min(size(steps)) AS hops
WHERE NOT EXISTS { (root)-[:DERIVED_FROM]->() }
RETURN hops, root.nodeType AS type, root.atomId AS atomId, root.metadata AS metadata
ORDER BY hops, type, atomId;
