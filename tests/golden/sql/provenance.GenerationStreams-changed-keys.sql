SELECT ct.[StreamId] AS row_key FROM CHANGETABLE(CHANGES [provenance].[GenerationStreams], @P1) AS ct
WHERE ct.[StreamId] IN (SELECT k.id FROM OPENJSON(@P2) WITH (id bigint '$') AS k);
