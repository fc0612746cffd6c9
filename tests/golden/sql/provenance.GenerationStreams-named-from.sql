SELECT DISTINCT t.[SourceAtomId] AS named
FROM [provenance].[GenerationStreams] AS t
WHERE t.[SourceAtomId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k);
