SELECT t.[EdgeId],
       CAST(CAST(t.[RelationshipType] AS nvarchar(max)) AS varbinary(max)),
       x.FromKey,
       x.ToKey,
       t.[Weight],
       CAST(CAST(t.[Metadata] AS nvarchar(max)) AS varbinary(max)),
       t.[CreatedAt]
FROM [graph].[AtomGraphEdges] AS t
LEFT JOIN (SELECT e.[EdgeId] AS RowKey, a.[NodeId] AS FromKey, b.[NodeId] AS ToKey
           FROM [graph].[AtomGraphNodes] AS a, [graph].[AtomGraphEdges] AS e, [graph].[AtomGraphNodes] AS b
           WHERE MATCH(a-(e)->b) AND e.[EdgeId] >= @P1 AND e.[EdgeId] <= @P2) AS x ON x.RowKey = t.[EdgeId]
WHERE t.[EdgeId] >= @P1 AND t.[EdgeId] <= @P2
ORDER BY t.[EdgeId];
