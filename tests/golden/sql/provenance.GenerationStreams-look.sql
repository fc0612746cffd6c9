SELECT t.[StreamId],
       t.[SourceAtomId],
       t.[TargetAtomId],
       t.[GenerationType],
       t.[ModelUsed],
       t.[Parameters],
       t.[Metadata],
       t.[CreatedAt]
FROM [provenance].[GenerationStreams] AS t
WHERE t.[StreamId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k)
ORDER BY t.[StreamId];
