SELECT t.[NodeId], CAST(CAST(t.[NodeType] AS nvarchar(max)) AS varbinary(max)), t.[AtomId]
FROM [graph].[AtomGraphNodes] AS t
WHERE t.[AtomId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)
ORDER BY t.[NodeId];
