//! The catalog in `SQLite`.

use rusqlite::{Connection, OptionalExtension, params};

use super::Catalog;
use crate::sql::error::{Result, SqlError};

/// The server's own tables.
const TABLES: &str = "
CREATE TABLE IF NOT EXISTS __sys_catalog (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL, body TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS __sys_counters (object_id INTEGER PRIMARY KEY, next_graph_id INTEGER NOT NULL, last_identity INTEGER);
CREATE TABLE IF NOT EXISTS __sys_tracking (id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS __sys_commits (version INTEGER PRIMARY KEY, time INTEGER NOT NULL);
INSERT OR IGNORE INTO __sys_tracking (id, version) VALUES (1, 0);
";

fn failed(error: &rusqlite::Error) -> SqlError {
    SqlError::internal(format!("catalog: {error}"))
}

/// Makes the server's own tables and an empty catalog, where they are missing.
pub fn initialise(connection: &Connection, name: &str, created: i64) -> Result<Catalog> {
    connection.execute_batch(TABLES).map_err(|error| failed(&error))?;
    if let Some(catalog) = load_optional(connection)? {
        return Ok(catalog);
    }
    let mut catalog = Catalog::new(name, created);
    save(connection, &mut catalog)?;
    Ok(catalog)
}

/// The version that the present transaction sees.
pub fn version(connection: &Connection) -> Result<i64> {
    let mut statement = connection
        .prepare_cached("SELECT version FROM __sys_catalog")
        .map_err(|error| failed(&error))?;
    statement.query_row([], |row| row.get(0)).map_err(|error| failed(&error))
}

/// The catalog that the present transaction sees.
pub fn load(connection: &Connection) -> Result<Catalog> {
    load_optional(connection)?.ok_or_else(|| SqlError::internal("no catalog"))
}

fn load_optional(connection: &Connection) -> Result<Option<Catalog>> {
    let row: Option<(i64, String)> = connection
        .query_row("SELECT version, body FROM __sys_catalog", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()
        .map_err(|error| failed(&error))?;
    let Some((version, body)) = row else {
        return Ok(None);
    };
    let mut catalog: Catalog = serde_json::from_str(&body).map_err(SqlError::internal)?;
    catalog.version = version;
    Ok(Some(catalog))
}

/// Writes the catalog under a new version.
pub fn save(connection: &Connection, catalog: &mut Catalog) -> Result<()> {
    let bytes = uuid::Uuid::new_v4().into_bytes();
    let (head, _) = bytes.split_at(8);
    catalog.version = i64::from_be_bytes(head.try_into().unwrap_or([1; 8]));
    let body = serde_json::to_string(catalog).map_err(SqlError::internal)?;
    connection
        .execute(
            "INSERT INTO __sys_catalog (id, version, body) VALUES (1, ?1, ?2) \
             ON CONFLICT (id) DO UPDATE SET version = excluded.version, body = excluded.body",
            params![catalog.version, body],
        )
        .map_err(|error| failed(&error))?;
    Ok(())
}
