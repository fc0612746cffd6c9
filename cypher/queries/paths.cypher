// By which shortest ways does one atom come from another?
//
// :param {atomId: 28, ancestorAtomId: 1}
// $atomId          integer: the later atom
// $ancestorAtomId  integer: the earlier one
//
// Finds both by their unique atomId. Ways of the fewest steps, whatever their number, ten of them; complete is false where there
// are more. Longer ways are not listed, since there may be too many to count: `between` has everything that lies on any way.
MATCH path = ALL SHORTEST (:Atom {atomId: $atomId})-[:DERIVED_FROM]->+(:Atom {atomId: $ancestorAtomId})
WITH path LIMIT 11
WITH collect(path) AS paths
UNWIND paths[..10] AS path
RETURN length(path) AS hops, [n IN nodes(path) | n.atomId] AS atomIds, path, size(paths) <= 10 AS complete
ORDER BY hops, atomIds;
