// By which ways does one atom come from another?
//
// :param {atomId: 28, ancestorAtomId: 1}
// $atomId          integer: the later atom
// $ancestorAtomId  integer: the earlier one
//
// Finds both by their unique atomId. The ten shortest ways of up to 32 steps: all of them may be too many to count.
MATCH path = SHORTEST 10 (:Atom {atomId: $atomId})-[:DERIVED_FROM]->{1,32}(:Atom {atomId: $ancestorAtomId})
RETURN length(path) AS hops, [n IN nodes(path) | n.atomId] AS atomIds, path
ORDER BY hops, atomIds;
