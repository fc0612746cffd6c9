SELECT t.[StreamId]
FROM [provenance].[GenerationStreams] AS t
WHERE t.[StreamId] >= @P1 AND t.[StreamId] <= @P2
ORDER BY t.[StreamId];
