SELECT t.[NodeId],
       t.[NodeType],
       t.[AtomId],
       t.[Metadata],
       t.[CreatedAt]
FROM [graph].[AtomGraphNodes] AS t
WHERE t.[NodeId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)
ORDER BY t.[NodeId];
