SELECT t.[NodeId], CAST(CAST(t.[NodeType] AS nvarchar(max)) AS varbinary(max)), t.[AtomId]
FROM [graph].[AtomGraphNodes] AS t
WHERE t.[NodeId] >= @P1 AND t.[NodeId] <= @P2
ORDER BY t.[NodeId];
