SELECT s.name AS schema_name, t.name AS table_name, c.name AS column_name
FROM sys.indexes AS i JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
JOIN sys.tables AS t ON t.object_id = i.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE i.is_primary_key = 1 AND ic.key_ordinal > 0 AND i.object_id IN (OBJECT_ID(N'[graph].[AtomGraphNodes]'), OBJECT_ID(N'[graph].[AtomGraphEdges]'), OBJECT_ID(N'[provenance].[GenerationStreams]'))
ORDER BY s.name, t.name, ic.key_ordinal;
