// Which streams of one type did one model make, with which parameters?
//
// :param {model: 'softmean', type: 'image'}
// $model  text: the model, as the stream names it
// $type   text: text, image, audio, multimodal; null for any
//
// Whole graph: models and types have no index, so every stream is looked at, once. The last thousand.
MATCH (source)-[stream:GENERATED]->(target)
WHERE stream.modelUsed = $model AND ($type IS NULL OR stream.generationType = $type)
RETURN stream.streamId AS streamId, source.atomId AS sourceAtomId, target.atomId AS targetAtomId,
  stream.generationType AS type, stream.parameters AS parameters, stream.createdAt AS createdAt
ORDER BY createdAt DESC, streamId DESC LIMIT 1000;
