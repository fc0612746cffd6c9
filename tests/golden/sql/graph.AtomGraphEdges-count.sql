SELECT COUNT_BIG(*) AS n FROM [graph].[AtomGraphEdges];
