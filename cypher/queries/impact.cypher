// If an atom is wrong, how much of what was made out of it is in doubt?
//
// :param {atomId: 2}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. All descendants, however far; each counts once. endProducts are those that nothing was
// made out of. Time and memory grow with the descendants and the relationships between them.
MATCH (:Atom {atomId: $atomId})<-[steps:DERIVED_FROM*1..]-(descendant)
WITH descendant, min(size(steps)) AS hops
RETURN descendant.nodeType AS type, count(*) AS inDoubt,
  sum(CASE WHEN EXISTS { (descendant)<-[:DERIVED_FROM]-() } THEN 0 ELSE 1 END) AS endProducts,
  min(hops) AS nearest, max(hops) AS farthest
ORDER BY type;
