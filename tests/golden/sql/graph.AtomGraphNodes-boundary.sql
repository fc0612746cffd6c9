SELECT MAX(p.k) AS hi, COUNT_BIG(*) AS n
FROM (SELECT TOP (@P2) t.[NodeId] AS k FROM [graph].[AtomGraphNodes] AS t WHERE t.[NodeId] >= @P1 ORDER BY t.[NodeId]) AS p;
