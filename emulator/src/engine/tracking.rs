//! Versions of change tracking: one per committed transaction that changed tracked rows (observed, probed.md 2).

use rusqlite::Connection;

use crate::catalog::Catalog;
use crate::sql::error::{Result, SqlError};

/// The version that the present transaction sees.
pub fn current_version(connection: &Connection) -> Result<i64> {
    connection
        .query_row("SELECT version FROM __sys_tracking", [], |row| row.get(0))
        .map_err(SqlError::internal)
}

/// Before a commit: draws a version if the transaction has left changes under the next one, and notes the time of it.
pub fn advance(connection: &Connection, catalog: &Catalog, now: i64) -> Result<()> {
    if catalog.database.tracking.is_none() {
        return Ok(());
    }
    for table in catalog.tables.values().filter(|table| table.tracking.is_some()) {
        let sql = format!(
            "UPDATE __sys_tracking SET version = version + 1 \
             WHERE EXISTS (SELECT 1 FROM h{} WHERE version = (SELECT version FROM __sys_tracking) + 1)",
            table.id
        );
        let mut statement = connection.prepare_cached(&sql).map_err(SqlError::internal)?;
        if statement.execute([]).map_err(SqlError::internal)? > 0 {
            let note =
                "INSERT INTO __sys_commits (version, time) SELECT version, ?1 FROM __sys_tracking";
            let mut statement = connection.prepare_cached(note).map_err(SqlError::internal)?;
            return statement.execute([now]).map(drop).map_err(SqlError::internal);
        }
    }
    Ok(())
}
