SELECT ct.[NodeId] AS row_key FROM CHANGETABLE(CHANGES [graph].[AtomGraphNodes], @P1) AS ct
WHERE ct.[NodeId] IN (SELECT k.id FROM OPENJSON(@P2) WITH (id bigint '$') AS k);
