SELECT t.[EdgeId],
       t.[RelationshipType],
       x.FromKey,
       x.ToKey,
       t.[Weight],
       t.[Metadata],
       t.[CreatedAt]
FROM [graph].[AtomGraphEdges] AS t
LEFT JOIN (SELECT e.[EdgeId] AS RowKey, a.[NodeId] AS FromKey, b.[NodeId] AS ToKey
           FROM [graph].[AtomGraphNodes] AS a, [graph].[AtomGraphEdges] AS e, [graph].[AtomGraphNodes] AS b
           WHERE MATCH(a-(e)->b) AND e.[EdgeId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)) AS x ON x.RowKey = t.[EdgeId]
WHERE t.[EdgeId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)
ORDER BY t.[EdgeId];
