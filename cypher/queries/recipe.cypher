// How was an atom made: which runs of which programs, and what did each make?
//
// :param {atomId: 28}
// $atomId  integer: the atom
//
// Finds the atom by its unique atomId. The runs that it and all its ancestors were made by, the last run first. Time and
// memory grow with the ancestors and the relationships between them.
MATCH (:Atom {atomId: $atomId})-[steps:DERIVED_FROM*0..]->(made)
WITH made, min(size(steps)) AS hops
MATCH (made)-[:GENERATED_BY]->(run)
WITH run, made, hops ORDER BY made.atomId
WITH run, min(hops) AS hops, collect(made.atomId) AS made
OPTIONAL MATCH (run)-[:COMPONENT_OF]->(program)
RETURN hops, run.atomId AS run, run.metadata AS metadata, program.atomId AS program, made
ORDER BY hops, run, program;
