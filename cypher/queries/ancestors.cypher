// What does an atom come from, and how many steps back?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. Each ancestor comes once, however many paths lead to it, with the fewest steps; up to
// 32 of them.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*1..32]->(ancestor)
WITH ancestor, min(size(steps)) AS hops
RETURN hops, ancestor.nodeType AS type, ancestor.atomId AS atomId, ancestor.metadata AS metadata
ORDER BY hops, type, atomId;
