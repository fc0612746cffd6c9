// What do some atoms all come from?
//
// :param {atomIds: [28, 29]}
// $atomIds  list of integers: the atoms, each once
//
// Finds the atoms by their unique atomId. All shared ancestors, however far, the nearest first; hops has the fewest steps
// from each atom, in the order given. Time and memory grow with the ancestors of each atom.
UNWIND range(0, size($atomIds) - 1) AS i
MATCH (atom:Atom {atomId: $atomIds[i]})-[steps:DERIVED_FROM*1..]->(ancestor)
WITH i, atom, ancestor, min(size(steps)) AS steps
ORDER BY i
WITH ancestor, collect(steps) AS hops
WHERE size(hops) = size($atomIds)
RETURN hops, ancestor.nodeType AS type, ancestor.atomId AS atomId, ancestor.metadata AS metadata
ORDER BY reduce(sum = 0, steps IN hops | sum + steps), type, atomId;
