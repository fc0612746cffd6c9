SELECT s.name AS schema_name, t.name AS table_name, t.is_node, t.is_edge,
       CAST(CASE WHEN ct.object_id IS NULL THEN 0 ELSE 1 END AS bit) AS is_tracked,
       HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), N'OBJECT', N'SELECT') AS can_select,
       HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), N'OBJECT', N'VIEW CHANGE TRACKING') AS can_view_changes
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
LEFT JOIN sys.change_tracking_tables AS ct ON ct.object_id = t.object_id
WHERE t.object_id IN (OBJECT_ID(N'[graph].[AtomGraphNodes]'), OBJECT_ID(N'[graph].[AtomGraphEdges]'), OBJECT_ID(N'[provenance].[GenerationStreams]'))
ORDER BY s.name, t.name;
