// From which atoms did generation streams lead to an atom?
//
// :param {atomId: 30}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. All such atoms, however far; each comes once, with the fewest streams. An
// atom that only streams name has no row of its own in the source's graph. Time and memory grow with the atoms and streams
// that are reached.
MATCH (:Atom {atomId: $atomId})<-[streams:GENERATED*1..]-(origin)
WITH origin, min(size(streams)) AS hops
RETURN hops, origin.atomId AS atomId, NOT origin:AtomPlaceholder AS hasRow, origin.metadata AS metadata
ORDER BY hops, atomId;
