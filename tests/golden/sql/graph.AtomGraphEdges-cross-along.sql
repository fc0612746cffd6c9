SELECT t.[EdgeId],
       CAST(CAST(t.[RelationshipType] AS nvarchar(max)) AS varbinary(max)),
       a.[NodeId],
       b.[NodeId],
       t.[Weight],
       CAST(CAST(t.[Metadata] AS nvarchar(max)) AS varbinary(max)),
       t.[CreatedAt]
FROM [graph].[AtomGraphNodes] AS a, [graph].[AtomGraphEdges] AS t, [graph].[AtomGraphNodes] AS b
WHERE MATCH(a-(t)->b) AND a.[NodeId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k);
