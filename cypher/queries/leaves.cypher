// Which end products were made out of an atom?
//
// :param {atomId: 1}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. An end product is a descendant within 32 steps that nothing was made out of.
MATCH (:Atom {atomId: $atomId})<-[steps:DERIVED_FROM*1..32]-(leaf)
WITH leaf, min(size(steps)) AS hops
WHERE NOT EXISTS { (leaf)<-[:DERIVED_FROM]-() }
RETURN hops, leaf.nodeType AS type, leaf.atomId AS atomId, leaf.metadata AS metadata
ORDER BY hops, type, atomId;
