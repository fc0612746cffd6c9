// Which end products were made out of an atom?
//
// :param {atomId: 1}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. An end product is a descendant that nothing was made out of, however far. Time and
// memory grow with all descendants and the relationships between them.
MATCH (:Atom {atomId: $atomId})<-[steps:DERIVED_FROM*1..]-(leaf)
WITH leaf, min(size(steps)) AS hops
WHERE NOT EXISTS { (leaf)<-[:DERIVED_FROM]-() }
RETURN hops, leaf.nodeType AS type, leaf.atomId AS atomId, leaf.metadata AS metadata
ORDER BY hops, type, atomId;
