SELECT 0 AS part, ct.object_id, ct.begin_version
FROM sys.change_tracking_tables AS ct WHERE ct.object_id = OBJECT_ID(N'[graph].[AtomGraphNodes]')
UNION ALL
SELECT 1 AS part, ct.object_id, ct.begin_version
FROM sys.change_tracking_tables AS ct WHERE ct.object_id = OBJECT_ID(N'[graph].[AtomGraphEdges]')
UNION ALL
SELECT 2 AS part, ct.object_id, ct.begin_version
FROM sys.change_tracking_tables AS ct WHERE ct.object_id = OBJECT_ID(N'[provenance].[GenerationStreams]');
