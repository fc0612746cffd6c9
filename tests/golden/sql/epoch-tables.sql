SELECT s.name AS schema_name, t.name AS table_name, t.object_id, ct.begin_version
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
JOIN sys.change_tracking_tables AS ct ON ct.object_id = t.object_id
WHERE t.object_id IN (OBJECT_ID(N'[graph].[AtomGraphNodes]'), OBJECT_ID(N'[graph].[AtomGraphEdges]'), OBJECT_ID(N'[provenance].[GenerationStreams]'))
ORDER BY s.name, t.name;
