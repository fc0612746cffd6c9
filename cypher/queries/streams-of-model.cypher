// Which streams of one type did one model make, with which parameters?
//
// :param {model: 'softmean', type: 'image'}
// $model  text: the model, as the stream names it
// $type   text: text, image, audio, multimodal; null for any
//
// Whole graph: models and types have no index, so every stream is looked at, once. The last thousand; complete is false where
// there are more.
MATCH (source)-[stream:GENERATED]->(target)
WHERE stream.modelUsed = $model AND ($type IS NULL OR stream.generationType = $type)
WITH source, stream, target ORDER BY stream.createdAt DESC, stream.streamId DESC LIMIT 1001
WITH collect([source, stream, target]) AS found
UNWIND range(1, size(found[..1000])) AS i
WITH found[i - 1][0] AS source, found[i - 1][1] AS stream, found[i - 1][2] AS target, size(found) <= 1000 AS complete
RETURN stream.streamId AS streamId, source.atomId AS sourceAtomId, target.atomId AS targetAtomId,
  stream.generationType AS type, stream.parameters AS parameters, stream.createdAt AS createdAt, complete
ORDER BY createdAt DESC, streamId DESC;
