-- Run in the database that holds, or is to hold, the provenance graph: sqlcmd -I -b -d <database> -i <file>.
-- Every file of this folder can be run again: what is there already stays as it is.

IF SCHEMA_ID(N'graph') IS NULL
    EXEC (N'CREATE SCHEMA graph');
GO

IF SCHEMA_ID(N'provenance') IS NULL
    EXEC (N'CREATE SCHEMA provenance');
GO
