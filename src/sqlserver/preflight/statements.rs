//! The catalogue reads of preflight. None names a mapped column or `CHANGETABLE`: a missing one
//! would refuse the whole batch at compile time instead of being found.

use crate::mapping::names::{quote_sql, sql_table};
use crate::mapping::{Mapping, NodeTable};
use crate::sqlserver::statements::{Statement, object_id};

/// Rows of a node table among which duplicates of identity are counted.
pub(super) const DUPLICATE_ROWS_MAX: i32 = 1_000_000;

/// The database and the server.
pub(super) const DATABASE: &str =
    "SELECT d.name, d.snapshot_isolation_state, CAST(d.compatibility_level AS int) AS compatibility_level,
       cd.retention_period, cd.retention_period_units_desc,
       CAST(DATABASEPROPERTYEX(d.name, 'Updateability') AS nvarchar(30)) AS updateability,
       CAST(SERVERPROPERTY('ProductMajorVersion') AS int) AS major_version,
       CAST(SERVERPROPERTY('EngineEdition') AS int) AS engine_edition
FROM sys.databases AS d LEFT JOIN sys.change_tracking_databases AS cd ON cd.database_id = d.database_id
WHERE d.database_id = DB_ID();";

/// The mapped tables that the login may see.
pub(super) fn tables(mapping: &Mapping) -> String {
    format!(
        "SELECT s.name AS schema_name, t.name AS table_name, t.is_node, t.is_edge,
       CAST(CASE WHEN ct.object_id IS NULL THEN 0 ELSE 1 END AS bit) AS is_tracked,
       HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), N'OBJECT', N'SELECT') AS can_select,
       HAS_PERMS_BY_NAME(QUOTENAME(s.name) + N'.' + QUOTENAME(t.name), N'OBJECT', N'VIEW CHANGE TRACKING') AS can_view_changes
FROM sys.tables AS t JOIN sys.schemas AS s ON s.schema_id = t.schema_id
LEFT JOIN sys.change_tracking_tables AS ct ON ct.object_id = t.object_id
WHERE t.object_id IN ({})
ORDER BY s.name, t.name;",
        object_ids(mapping)
    )
}

/// The columns of their primary keys, in order.
pub(super) fn primary_keys(mapping: &Mapping) -> String {
    format!(
        "SELECT s.name AS schema_name, t.name AS table_name, c.name AS column_name
FROM sys.indexes AS i JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id
JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id
JOIN sys.tables AS t ON t.object_id = i.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE i.is_primary_key = 1 AND ic.key_ordinal > 0 AND i.object_id IN ({})
ORDER BY s.name, t.name, ic.key_ordinal;",
        object_ids(mapping)
    )
}

/// Their columns. A join on `system_type_id` alone would double rows: alias types share it.
pub(super) fn columns(mapping: &Mapping) -> String {
    format!(
        "SELECT s.name AS schema_name, t.name AS table_name, c.name AS column_name, ty.name AS type_name, base.name AS base_type,
       c.collation_name, CAST(c.max_length AS int) AS max_length, c.is_nullable,
       (SELECT COUNT(*) FROM sys.index_columns AS ic WHERE ic.object_id = c.object_id AND ic.column_id = c.column_id) AS index_count
FROM sys.columns AS c JOIN sys.types AS ty ON ty.user_type_id = c.user_type_id
LEFT JOIN sys.types AS base ON base.user_type_id = c.system_type_id
JOIN sys.tables AS t ON t.object_id = c.object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE c.graph_type IS NULL AND c.object_id IN ({})
ORDER BY s.name, t.name, c.column_id;",
        object_ids(mapping)
    )
}

/// Their edge constraints, one row a clause.
pub(super) fn edge_constraints(mapping: &Mapping) -> String {
    format!(
        "SELECT s.name AS schema_name, t.name AS table_name, ec.name AS constraint_name, ec.is_disabled, ec.is_not_trusted,
       OBJECT_SCHEMA_NAME(cl.from_object_id) AS from_schema, OBJECT_NAME(cl.from_object_id) AS from_table,
       OBJECT_SCHEMA_NAME(cl.to_object_id) AS to_schema, OBJECT_NAME(cl.to_object_id) AS to_table
FROM sys.edge_constraints AS ec JOIN sys.edge_constraint_clauses AS cl ON cl.object_id = ec.object_id
JOIN sys.tables AS t ON t.object_id = ec.parent_object_id JOIN sys.schemas AS s ON s.schema_id = t.schema_id
WHERE ec.parent_object_id IN ({})
ORDER BY s.name, t.name, ec.name;",
        object_ids(mapping)
    )
}

/// How many identities more than one row has, among the first rows (`@P1`) in key order.
pub(super) fn duplicates(node: &NodeTable) -> String {
    let (kind, identity) = (quote_sql(&node.types.column), quote_sql(&node.identity.column));
    format!(
        "SELECT COUNT_BIG(*) AS n
FROM (SELECT r.k, r.i
      FROM (SELECT TOP (@P1) t.{kind} AS k, t.{identity} AS i FROM {} AS t ORDER BY t.{}) AS r
      WHERE r.k IS NOT NULL AND r.i IS NOT NULL
      GROUP BY r.k, r.i
      HAVING COUNT_BIG(*) > 1) AS d;",
        sql_table(&node.table.name),
        quote_sql(&node.table.key),
    )
}

/// Every statement of preflight, for `provsync explain`; it reads the versions as well.
pub fn all(mapping: &Mapping) -> Vec<Statement> {
    let fixed = [
        ("preflight-database", DATABASE.to_owned()),
        ("preflight-tables", tables(mapping)),
        ("preflight-primary-keys", primary_keys(mapping)),
        ("preflight-columns", columns(mapping)),
        ("preflight-edge-constraints", edge_constraints(mapping)),
    ];
    let fixed = fixed.into_iter().map(|(name, sql)| Statement { name: name.to_owned(), sql });
    let duplicates = mapping.nodes.iter().map(|node| {
        let name = format!("preflight-duplicates-{}", node.table.name);
        Statement { name, sql: duplicates(node) }
    });
    fixed.chain(duplicates).collect()
}

fn object_ids(mapping: &Mapping) -> String {
    let ids: Vec<String> = mapping.tables().map(|(_, table)| object_id(table)).collect();
    ids.join(", ")
}
