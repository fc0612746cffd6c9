//! What a tracked table remembers of its changes.

use super::{storage_type, stored_columns};
use crate::catalog::Table;
use crate::sql::error::{Result, SqlError};
use crate::translate::{DELETED, INSERTED, UPDATED};

/// The table of a tracked table's changes.
pub fn create_history(table: &Table) -> Vec<String> {
    let keys: Vec<String> = table
        .key_columns()
        .iter()
        .map(|column| format!("{} {}", column.storage(), storage_type(column)))
        .collect();
    vec![
        format!(
            "CREATE TABLE h{} (seq INTEGER PRIMARY KEY, version INTEGER NOT NULL, operation INTEGER NOT NULL, \
             context BLOB, columns BLOB, {})",
            table.id,
            keys.join(", ")
        ),
        format!("CREATE INDEX h{0}_version ON h{0} (version)", table.id),
    ]
}

/// Where the history ends now; 0 for a table that has none.
pub fn history_end(connection: &rusqlite::Connection, table: &Table) -> Result<i64> {
    if table.tracking.is_none() {
        return Ok(0);
    }
    let sql = format!("SELECT ifnull(max(seq), 0) FROM h{}", table.id);
    connection.query_row(&sql, [], |row| row.get(0)).map_err(SqlError::internal)
}

/// Observed: a statement records all deletes before all inserts (probed.md 3). `outside` is a key that rows had only on the way.
pub fn deletes_before_inserts(
    connection: &rusqlite::Connection,
    table: &Table,
    end: i64,
    outside: i64,
) -> Result<()> {
    if table.tracking.is_none() {
        return Ok(());
    }
    let id = table.id;
    if let Some(key) = table.row_id_column() {
        let sql = format!("DELETE FROM h{id} WHERE seq > {end} AND {} = {outside}", key.storage());
        connection.execute(&sql, []).map_err(SqlError::internal)?;
    }
    let sql = format!(
        "UPDATE h{id} SET seq = seq + (SELECT max(seq) FROM h{id}) - {end} WHERE seq > {end} AND operation = {INSERTED}"
    );
    connection.execute(&sql, []).map(drop).map_err(SqlError::internal)
}

/// Every change of a tracked row goes into the history under the next version. A key that is set counts as delete and
/// insert, even to the same value (observed, probed.md 3).
pub(super) fn tracking(table: &Table) -> Vec<String> {
    let keys: Vec<String> = table.key_columns().iter().map(|column| column.storage()).collect();
    let others: Vec<String> =
        stored_columns(table).into_iter().filter(|column| !keys.contains(column)).collect();
    let id = table.id;
    let updates = table.tracking.as_ref().is_some_and(|tracking| tracking.columns_updated);
    let record = |operation: i32, row: &str| {
        let values: Vec<String> = keys.iter().map(|key| format!("{row}.{key}")).collect();
        let columns = if updates && operation == UPDATED {
            format!("ct_columns({id})")
        } else {
            "NULL".to_owned()
        };
        format!(
            "INSERT INTO h{id} (version, operation, context, columns, {}) \
             SELECT version + 1, {operation}, ct_context(), {columns}, {} FROM __sys_tracking",
            keys.join(", "),
            values.join(", ")
        )
    };
    let same: Vec<String> = keys.iter().map(|key| format!("OLD.{key} IS NEW.{key}")).collect();
    let storage = table.storage();
    let mut sql = vec![
        format!(
            "CREATE TRIGGER h{id}i AFTER INSERT ON {storage} BEGIN {}; END",
            record(INSERTED, "NEW")
        ),
        format!(
            "CREATE TRIGGER h{id}d AFTER DELETE ON {storage} BEGIN {}; END",
            record(DELETED, "OLD")
        ),
        format!(
            "CREATE TRIGGER h{id}k AFTER UPDATE OF {} ON {storage} BEGIN {}; {}; END",
            keys.join(", "),
            record(DELETED, "OLD"),
            record(INSERTED, "NEW")
        ),
    ];
    if !others.is_empty() {
        sql.push(format!(
            "CREATE TRIGGER h{id}u AFTER UPDATE OF {} ON {storage} WHEN {} BEGIN {}; END",
            others.join(", "),
            same.join(" AND "),
            record(UPDATED, "NEW")
        ));
    }
    sql
}
