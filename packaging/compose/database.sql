-- The source's database; what it needs beyond being there comes from sql/graph.
IF DB_ID(N'Provenance') IS NULL
    CREATE DATABASE Provenance;
GO
