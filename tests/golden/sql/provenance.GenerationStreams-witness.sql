SELECT COUNT_BIG(*) AS n FROM CHANGETABLE(CHANGES [provenance].[GenerationStreams], @P1) AS ct
WHERE ct.[StreamId] IN (SELECT k.id FROM OPENJSON(@P2) WITH (id bigint '$') AS k) AND ct.SYS_CHANGE_VERSION >= @P3;
