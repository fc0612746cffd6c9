SELECT 0 AS part, ct.[NodeId] AS row_key, ct.SYS_CHANGE_VERSION AS version,
       CAST(CASE WHEN ct.SYS_CHANGE_CREATION_VERSION IS NULL THEN 0 ELSE 1 END AS bit) AS is_inserted,
       CAST(CASE WHEN t.[NodeId] IS NULL THEN 0 ELSE 1 END AS bit) AS is_present
FROM CHANGETABLE(CHANGES [graph].[AtomGraphNodes], @P1) AS ct LEFT JOIN [graph].[AtomGraphNodes] AS t ON t.[NodeId] = ct.[NodeId]
WHERE ct.SYS_CHANGE_VERSION <= @P4
UNION ALL
SELECT 1 AS part, ct.[EdgeId] AS row_key, ct.SYS_CHANGE_VERSION AS version,
       CAST(CASE WHEN ct.SYS_CHANGE_CREATION_VERSION IS NULL THEN 0 ELSE 1 END AS bit) AS is_inserted,
       CAST(CASE WHEN t.[EdgeId] IS NULL THEN 0 ELSE 1 END AS bit) AS is_present
FROM CHANGETABLE(CHANGES [graph].[AtomGraphEdges], @P2) AS ct LEFT JOIN [graph].[AtomGraphEdges] AS t ON t.[EdgeId] = ct.[EdgeId]
WHERE ct.SYS_CHANGE_VERSION <= @P4
UNION ALL
SELECT 2 AS part, ct.[StreamId] AS row_key, ct.SYS_CHANGE_VERSION AS version,
       CAST(CASE WHEN ct.SYS_CHANGE_CREATION_VERSION IS NULL THEN 0 ELSE 1 END AS bit) AS is_inserted,
       CAST(CASE WHEN t.[StreamId] IS NULL THEN 0 ELSE 1 END AS bit) AS is_present
FROM CHANGETABLE(CHANGES [provenance].[GenerationStreams], @P3) AS ct LEFT JOIN [provenance].[GenerationStreams] AS t ON t.[StreamId] = ct.[StreamId]
WHERE ct.SYS_CHANGE_VERSION <= @P4;
