SELECT MAX(p.k) AS hi, COUNT_BIG(*) AS n
FROM (SELECT TOP (@P2) t.[StreamId] AS k FROM [provenance].[GenerationStreams] AS t WHERE t.[StreamId] >= @P1 ORDER BY t.[StreamId]) AS p;
