SELECT t.[EdgeId]
FROM [graph].[AtomGraphEdges] AS t
WHERE t.[EdgeId] >= @P1 AND t.[EdgeId] <= @P2
ORDER BY t.[EdgeId];
