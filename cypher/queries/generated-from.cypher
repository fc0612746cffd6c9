// From which atoms did generation streams lead to an atom?
//
// :param {atomId: 30}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. Each atom comes once, with the fewest streams; up to 32 of them. An atom that only
// streams name has no row of its own in the source's graph.
MATCH (:Atom {atomId: $atomId})<-[streams:GENERATED*1..32]-(origin)
WITH origin, min(size(streams)) AS hops
RETURN hops, origin.atomId AS atomId, NOT origin:AtomPlaceholder AS hasRow, origin.metadata AS metadata
ORDER BY hops, atomId;
