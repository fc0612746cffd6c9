SELECT DB_NAME() AS database_name, CONVERT(nvarchar(40), d.create_date, 126) AS create_date,
       CAST(rs.database_guid AS nvarchar(36)) AS database_guid, CAST(rs.recovery_fork_guid AS nvarchar(36)) AS recovery_fork_guid,
       CAST(rs.family_guid AS nvarchar(36)) AS family_guid,
       CAST(DATABASEPROPERTYEX(d.name, 'Updateability') AS nvarchar(30)) AS updateability,
       CAST(d.group_database_id AS nvarchar(36)) AS group_database_id, CAST(SERVERPROPERTY('ServerName') AS nvarchar(128)) AS server_name
FROM sys.databases AS d LEFT JOIN sys.database_recovery_status AS rs ON rs.database_id = d.database_id
WHERE d.database_id = DB_ID();
