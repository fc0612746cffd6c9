// How many streams of which type did each model make, and when?
//
// Whole graph: every stream is looked at, once.
MATCH (source)-[stream:GENERATED]->(target)
RETURN stream.modelUsed AS model, stream.generationType AS type, count(*) AS streams,
  count(DISTINCT source) AS sources, count(DISTINCT target) AS targets,
  min(stream.createdAt) AS first, max(stream.createdAt) AS last
ORDER BY model, type;
