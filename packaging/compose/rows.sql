-- One number: rows that speak against loading the sample. Its last table is filled last, so a sample that was cut off is completed.
SET NOCOUNT ON;
SELECT COUNT(*) AS Rows
FROM (
    SELECT AtomId FROM dbo.Atoms WHERE SourceType IS NULL OR SourceType <> N'provenance challenge'
    UNION ALL
    SELECT StreamId FROM provenance.GenerationStreams
) AS r;
GO
