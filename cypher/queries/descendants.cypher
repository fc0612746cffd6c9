// What was made out of an atom, and how many steps on?
//
// :param {atomId: 9}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. All descendants, however far; each comes once, however many paths lead to it, with the
// fewest steps. Time and memory grow with the descendants and the relationships between them.
MATCH (:Atom {atomId: $atomId})<-[steps:DERIVED_FROM*1..]-(descendant)
WITH descendant, min(size(steps)) AS hops
RETURN hops, descendant.nodeType AS type, descendant.atomId AS atomId, descendant.metadata AS metadata
ORDER BY hops, type, atomId;
