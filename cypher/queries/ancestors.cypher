// What does an atom come from, and how many steps back?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. All ancestors, however far; each comes once, however many paths lead to it, with the
// fewest steps. Time and memory grow with the ancestors and the relationships between them, not with the paths. A walk that
// needs more memory than db.memory.transaction.max allows fails; it is never cut.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*1..]->(ancestor)
WITH ancestor, min(size(steps)) AS hops
RETURN hops, ancestor.nodeType AS type, ancestor.atomId AS atomId, ancestor.metadata AS metadata
ORDER BY hops, type, atomId;
