SELECT s.name AS schema_name, t.name AS table_name, ec.name AS constraint_name, ec.is_disabled, ec.is_not_trusted,
       OBJECT_SCHEMA_NAME(cl.from_object_id) AS from_schema, OBJECT_NAME(cl.from_object_id) AS from_table,
       OBJECT_SCHEMA_NAME(cl.to_object_id) AS to_schema, OBJECT_NAME(cl.to_object_id) AS to_table
FROM sys.edge_constraints AS ec JOIN sys.edge_constraint_clauses AS cl ON cl.object_id = ec.object_id
JOIN sys.tables AS t ON t.object_id = ec.parent_object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE ec.parent_object_id IN (OBJECT_ID(N'[graph].[AtomGraphNodes]'), OBJECT_ID(N'[graph].[AtomGraphEdges]'), OBJECT_ID(N'[provenance].[GenerationStreams]'))
ORDER BY s.name, t.name, ec.name;
