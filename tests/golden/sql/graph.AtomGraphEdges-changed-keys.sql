SELECT ct.[EdgeId] AS row_key FROM CHANGETABLE(CHANGES [graph].[AtomGraphEdges], @P1) AS ct
WHERE ct.[EdgeId] IN (SELECT k.id FROM OPENJSON(@P2) WITH (id bigint '$') AS k);
