SELECT COUNT_BIG(*) AS n FROM [provenance].[GenerationStreams];
