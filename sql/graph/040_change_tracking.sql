-- What provsync reads changes by. ALTER DATABASE is refused inside a transaction (226).

-- Rows and change versions are read in one SNAPSHOT transaction: without it the clean-up may run between the check and the read.
ALTER DATABASE CURRENT SET ALLOW_SNAPSHOT_ISOLATION ON;
GO

-- Seven days: as long as provsync may stand still and go on without a full. A retention that is set already stays; `provsync doctor` judges it.
IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_databases WHERE database_id = DB_ID())
    ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, AUTO_CLEANUP = ON);
GO

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID(N'graph.AtomGraphNodes'))
    ALTER TABLE graph.AtomGraphNodes ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);
GO

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID(N'graph.AtomGraphEdges'))
    ALTER TABLE graph.AtomGraphEdges ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);
GO

IF NOT EXISTS (SELECT 1 FROM sys.change_tracking_tables WHERE object_id = OBJECT_ID(N'provenance.GenerationStreams'))
    ALTER TABLE provenance.GenerationStreams ENABLE CHANGE_TRACKING WITH (TRACK_COLUMNS_UPDATED = OFF);
GO
