SELECT DISTINCT 0 AS part, ty.name AS type_name
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.system_type_id
WHERE c.object_id = OBJECT_ID(N'[graph].[AtomGraphNodes]') AND c.name IN (N'Metadata', N'CreatedAt', N'NodeId')
UNION ALL
SELECT DISTINCT 1 AS part, ty.name AS type_name
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.system_type_id
WHERE c.object_id = OBJECT_ID(N'[graph].[AtomGraphEdges]') AND c.name IN (N'Weight', N'Metadata', N'CreatedAt', N'EdgeId')
UNION ALL
SELECT DISTINCT 2 AS part, ty.name AS type_name
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.system_type_id
WHERE c.object_id = OBJECT_ID(N'[provenance].[GenerationStreams]') AND c.name IN (N'GenerationType', N'ModelUsed', N'Parameters', N'Metadata', N'CreatedAt', N'StreamId');
