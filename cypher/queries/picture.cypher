// What does all that an atom comes from look like?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. Each relationship among the atom and its ancestors comes once, as a path of one step that
// the Browser draws, those nearest to the atom first; a thousand of them. complete is false where there are more: then
// `ancestors` lists them all. Time and memory grow with the ancestors and the relationships between them.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*0..]->(made)
WITH made, min(size(steps)) AS hops
MATCH step = (made)-[:DERIVED_FROM]->()
WITH step, hops ORDER BY hops LIMIT 1001
WITH collect(step) AS steps
UNWIND steps[..1000] AS step
RETURN step, size(steps) <= 1000 AS complete;
