-- That login in the database, with what sql/graph/050_reader_role.sql allows and nothing else.
IF DATABASE_PRINCIPAL_ID(N'provsync') IS NULL
    CREATE USER provsync FOR LOGIN provsync;
GO

ALTER ROLE provsync_reader ADD MEMBER provsync;
GO
