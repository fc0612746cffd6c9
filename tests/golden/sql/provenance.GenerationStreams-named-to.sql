SELECT DISTINCT t.[TargetAtomId] AS named
FROM [provenance].[GenerationStreams] AS t
WHERE t.[TargetAtomId] IN (SELECT k.id FROM OPENJSON(@P1) WITH (id bigint '$') AS k);
