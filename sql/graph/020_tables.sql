-- The tables of the provenance graph. Metadata, Semantics and Parameters are JSON by custom, but opaque: no check of their form.

SET QUOTED_IDENTIFIER ON;  -- dbo.Atoms has a filtered index (030_indexes.sql): writes to it are refused without this setting
GO

-- One row for everything that has content: a text, an image, a file, a model.
IF OBJECT_ID(N'dbo.Atoms', N'U') IS NULL
    CREATE TABLE dbo.Atoms (
        AtomId          BIGINT IDENTITY(1,1) NOT NULL,
        Modality        NVARCHAR(64)         NOT NULL,  -- text, image, audio, video, sensor, graph
        Subtype         NVARCHAR(64)         NULL,
        SourceType      NVARCHAR(128)        NULL,
        SourceUri       NVARCHAR(2048)       NULL,
        ContentHash     BINARY(32)           NOT NULL,  -- SHA-256
        ReferenceCount  INT                  NOT NULL CONSTRAINT DF_Atoms_ReferenceCount DEFAULT 1,
        CanonicalText   NVARCHAR(MAX)        NULL,
        Metadata        NVARCHAR(MAX)        NULL,
        Semantics       NVARCHAR(MAX)        NULL,
        TenantId        INT                  NOT NULL CONSTRAINT DF_Atoms_TenantId DEFAULT 0,
        IsDeleted       BIT                  NOT NULL CONSTRAINT DF_Atoms_IsDeleted DEFAULT 0,
        CreatedAt       DATETIME2            NOT NULL CONSTRAINT DF_Atoms_CreatedAt DEFAULT SYSUTCDATETIME(),
        UpdatedAt       DATETIME2            NOT NULL CONSTRAINT DF_Atoms_UpdatedAt DEFAULT SYSUTCDATETIME(),
        DeletedAt       DATETIME2            NULL,
        CONSTRAINT PK_Atoms PRIMARY KEY (AtomId),
        CONSTRAINT CK_Atoms_ReferenceCount CHECK (ReferenceCount >= 0)
    );
GO

-- An atom's standing in the graph. SQL Server adds $node_id by itself. A key of our own is needed beside it:
-- change tracking reports primary keys only, and $node_id changes when the table is recreated or restored elsewhere.
IF OBJECT_ID(N'graph.AtomGraphNodes', N'U') IS NULL
    CREATE TABLE graph.AtomGraphNodes (
        NodeId     BIGINT IDENTITY(1,1) NOT NULL,
        AtomId     BIGINT               NOT NULL,
        NodeType   NVARCHAR(128)        NOT NULL,  -- atom, embedding, model, layer
        Metadata   NVARCHAR(MAX)        NULL,
        CreatedAt  DATETIME2            NOT NULL CONSTRAINT DF_AtomGraphNodes_CreatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_AtomGraphNodes PRIMARY KEY (NodeId),
        CONSTRAINT FK_AtomGraphNodes_Atoms FOREIGN KEY (AtomId) REFERENCES dbo.Atoms (AtomId),
        CONSTRAINT CK_AtomGraphNodes_NodeType CHECK (NodeType <> N'')
    ) AS NODE;
GO

-- A relationship between two rows of graph.AtomGraphNodes. SQL Server adds $edge_id, $from_id and $to_id by itself.
-- DerivedFrom points from what was derived to what it was derived from.
-- The edge constraint has no ON DELETE CASCADE: a node goes after its edges, so that each edge's end is a change of its own.
IF OBJECT_ID(N'graph.AtomGraphEdges', N'U') IS NULL
    CREATE TABLE graph.AtomGraphEdges (
        EdgeId            BIGINT IDENTITY(1,1) NOT NULL,
        RelationshipType  NVARCHAR(128)        NOT NULL,  -- DerivedFrom, ComponentOf, SimilarTo, GeneratedBy
        Weight            REAL                 NULL,
        Metadata          NVARCHAR(MAX)        NULL,
        CreatedAt         DATETIME2            NOT NULL CONSTRAINT DF_AtomGraphEdges_CreatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_AtomGraphEdges PRIMARY KEY (EdgeId),
        CONSTRAINT EC_AtomGraphEdges CONNECTION (graph.AtomGraphNodes TO graph.AtomGraphNodes),
        CONSTRAINT CK_AtomGraphEdges_RelationshipType CHECK (RelationshipType <> N'')
    ) AS EDGE;
GO

-- What was generated from what, by which model. A stream names atoms, not rows of the graph: an atom may have none.
IF OBJECT_ID(N'provenance.GenerationStreams', N'U') IS NULL
    CREATE TABLE provenance.GenerationStreams (
        StreamId        BIGINT IDENTITY(1,1) NOT NULL,
        SourceAtomId    BIGINT               NOT NULL,
        TargetAtomId    BIGINT               NOT NULL,
        GenerationType  NVARCHAR(64)         NOT NULL,  -- text, image, audio, multimodal
        ModelUsed       NVARCHAR(256)        NULL,
        Parameters      NVARCHAR(MAX)        NULL,
        Metadata        NVARCHAR(MAX)        NULL,
        CreatedAt       DATETIME2            NOT NULL CONSTRAINT DF_GenerationStreams_CreatedAt DEFAULT SYSUTCDATETIME(),
        CONSTRAINT PK_GenerationStreams PRIMARY KEY (StreamId),
        CONSTRAINT FK_GenerationStreams_Source FOREIGN KEY (SourceAtomId) REFERENCES dbo.Atoms (AtomId),
        CONSTRAINT FK_GenerationStreams_Target FOREIGN KEY (TargetAtomId) REFERENCES dbo.Atoms (AtomId)
    );
GO
