SELECT COUNT_BIG(*) AS n
FROM (SELECT r.k, r.i
      FROM (SELECT TOP (@P1) t.[NodeType] AS k, t.[AtomId] AS i FROM [graph].[AtomGraphNodes] AS t ORDER BY t.[NodeId]) AS r
      WHERE r.k IS NOT NULL AND r.i IS NOT NULL
      GROUP BY r.k, r.i
      HAVING COUNT_BIG(*) > 1) AS d;
