SELECT MAX(p.k) AS hi, COUNT_BIG(*) AS n
FROM (SELECT TOP (@P2) t.[EdgeId] AS k FROM [graph].[AtomGraphEdges] AS t WHERE t.[EdgeId] >= @P1 ORDER BY t.[EdgeId]) AS p;
