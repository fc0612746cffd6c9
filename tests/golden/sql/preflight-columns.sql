SELECT s.name AS schema_name, t.name AS table_name, c.name AS column_name, ty.name AS type_name, base.name AS base_type,
       c.collation_name, CAST(c.max_length AS int) AS max_length, c.is_nullable,
       (SELECT COUNT(*) FROM sys.index_columns AS ic WHERE ic.object_id = c.object_id AND ic.column_id = c.column_id) AS index_count
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.user_type_id
LEFT JOIN sys.types AS base ON base.user_type_id = c.system_type_id
JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE c.graph_type IS NULL AND c.object_id IN (OBJECT_ID(N'[graph].[AtomGraphNodes]'), OBJECT_ID(N'[graph].[AtomGraphEdges]'), OBJECT_ID(N'[provenance].[GenerationStreams]'))
ORDER BY s.name, t.name, c.column_id;
