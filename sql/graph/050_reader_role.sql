-- The least that provsync needs in the source: it reads three tables and their changes and writes nothing.
-- SELECT is on whole tables because $node_id, $from_id and $to_id are columns of their own to column-level grants.
-- The catalogue shows what a principal may read, so doctor's checks need no more; sp_getapplock, the worker's lease, is open to public.
-- Then, with a password of your own:
--     CREATE LOGIN provsync WITH PASSWORD = N'...';
--     CREATE USER provsync FOR LOGIN provsync;
--     ALTER ROLE provsync_reader ADD MEMBER provsync;

IF DATABASE_PRINCIPAL_ID(N'provsync_reader') IS NULL
    CREATE ROLE provsync_reader;
GO

GRANT SELECT, VIEW CHANGE TRACKING ON graph.AtomGraphNodes TO provsync_reader;
GRANT SELECT, VIEW CHANGE TRACKING ON graph.AtomGraphEdges TO provsync_reader;
GRANT SELECT, VIEW CHANGE TRACKING ON provenance.GenerationStreams TO provsync_reader;
GO
