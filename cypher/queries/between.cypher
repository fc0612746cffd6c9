// What lies on any way from one atom back to another?
//
// :param {atomId: 28, ancestorAtomId: 1}
// $atomId          integer: the later atom
// $ancestorAtomId  integer: the earlier one
//
// Finds both by their unique atomId. Everything that the later atom comes from and that was made out of the earlier one, both of
// them included, however long the ways and however many; nothing if there is no way. hops are the fewest steps from the later
// atom, hopsLeft the fewest steps on to the earlier one. Time and memory grow with the ancestors of the one and the descendants
// of the other.
CALL () {
  MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*0..]->(n)
  RETURN n, min(size(steps)) AS hops, null AS hopsLeft
UNION ALL
  MATCH (:Atom {atomId: $ancestorAtomId})<-[steps:DERIVED_FROM*0..]-(n)
  RETURN n, null AS hops, min(size(steps)) AS hopsLeft
}
WITH n, max(hops) AS hops, max(hopsLeft) AS hopsLeft
WHERE hops IS NOT NULL AND hopsLeft IS NOT NULL
RETURN hops, hopsLeft, n.nodeType AS type, n.atomId AS atomId, n.metadata AS metadata
ORDER BY hops, hopsLeft, type, atomId;
