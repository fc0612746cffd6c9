-- Indexes. Those on $from_id and $to_id carry MATCH in either direction: an edge constraint makes none.

SET QUOTED_IDENTIFIER ON;  -- the filtered index asks for it
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.Atoms') AND name = N'UX_Atoms_ContentHash_TenantId')
    CREATE UNIQUE INDEX UX_Atoms_ContentHash_TenantId ON dbo.Atoms (ContentHash, TenantId) WHERE IsDeleted = 0;
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'dbo.Atoms') AND name = N'IX_Atoms_Modality_Subtype')
    CREATE INDEX IX_Atoms_Modality_Subtype ON dbo.Atoms (Modality, Subtype);
GO

-- Not unique: nothing in the source forbids two rows for one atom and type. provsync quarantines the second.
IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'graph.AtomGraphNodes') AND name = N'IX_AtomGraphNodes_Atom')
    CREATE INDEX IX_AtomGraphNodes_Atom ON graph.AtomGraphNodes (AtomId, NodeType);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'graph.AtomGraphEdges') AND name = N'IX_AtomGraphEdges_From')
    CREATE INDEX IX_AtomGraphEdges_From ON graph.AtomGraphEdges ($from_id, $to_id);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'graph.AtomGraphEdges') AND name = N'IX_AtomGraphEdges_To')
    CREATE INDEX IX_AtomGraphEdges_To ON graph.AtomGraphEdges ($to_id, $from_id);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'provenance.GenerationStreams') AND name = N'IX_GenerationStreams_Source')
    CREATE INDEX IX_GenerationStreams_Source ON provenance.GenerationStreams (SourceAtomId);
GO

IF NOT EXISTS (SELECT 1 FROM sys.indexes WHERE object_id = OBJECT_ID(N'provenance.GenerationStreams') AND name = N'IX_GenerationStreams_Target')
    CREATE INDEX IX_GenerationStreams_Target ON provenance.GenerationStreams (TargetAtomId);
GO
