SELECT t.[StreamId],
       t.[SourceAtomId],
       t.[TargetAtomId],
       CAST(CAST(t.[GenerationType] AS nvarchar(max)) AS varbinary(max)),
       CAST(CAST(t.[ModelUsed] AS nvarchar(max)) AS varbinary(max)),
       CAST(CAST(t.[Parameters] AS nvarchar(max)) AS varbinary(max)),
       CAST(CAST(t.[Metadata] AS nvarchar(max)) AS varbinary(max)),
       t.[CreatedAt]
FROM [provenance].[GenerationStreams] AS t
WHERE t.[SourceAtomId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k);
