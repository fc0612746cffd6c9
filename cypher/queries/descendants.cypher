// What was made out of an atom, and how many steps on?
//
// :param {atomId: 9}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. Each descendant comes once, however many paths lead to it, with the fewest steps; up
// to 32 of them.
MATCH (:Atom {atomId: $atomId})<-[steps:DERIVED_FROM*1..32]-(descendant)
WITH descendant, min(size(steps)) AS hops
RETURN hops, descendant.nodeType AS type, descendant.atomId AS atomId, descendant.metadata AS metadata
ORDER BY hops, type, atomId;
