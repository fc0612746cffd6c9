SELECT d.name, d.snapshot_isolation_state, CAST(d.compatibility_level AS int) AS compatibility_level,
       cd.retention_period, cd.retention_period_units_desc,
       CAST(DATABASEPROPERTYEX(d.name, 'Updateability') AS nvarchar(30)) AS updateability,
       CAST(SERVERPROPERTY('ProductMajorVersion') AS int) AS major_version,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition
FROM sys.databases AS d LEFT JOIN sys.change_tracking_databases AS cd ON cd.database_id = d.database_id
WHERE d.database_id = DB_ID();
