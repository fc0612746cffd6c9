//! CREATE INDEX, and the keys of constraints.

use super::Change;
use crate::catalog::{ColumnRole, Index, Table, same_name};
use crate::engine::storage;
use crate::sql::ast::{CreateIndex, IndexColumn};
use crate::sql::error::{Result, SqlError};
use std::sync::Arc;

impl Change {
    /// CREATE INDEX.
    pub(super) fn create_index(&mut self, definition: &CreateIndex) -> Result<()> {
        let found = self.catalog.find_table(&definition.table).ok_or_else(|| {
            let message = format!(
                "Cannot find the object \"{}\" because it does not exist or you do not have permissions.",
                definition.table
            );
            SqlError::new(1088, message).state(12)
        })?;
        let mut table = (**found).clone();
        add_index(&mut table, definition)?;
        if let Some(index) = table.indexes.last() {
            let sql = storage::create_index(&self.catalog, &table, index)?;
            self.sql.extend(sql);
        }
        self.sql.extend(storage::edge_indexes(&table));
        self.catalog.tables.insert(table.id, Arc::new(table));
        Ok(())
    }
}

/// Column ids of a key; a pseudo-column stands for the columns behind it (observed for $`node_id`, probed.md 4).
pub(super) fn keys(table: &Table, columns: &[IndexColumn]) -> Result<Vec<(i32, bool)>> {
    let mut keys = Vec::with_capacity(columns.len());
    for key in columns {
        let column = table.key_column(&key.name)?;
        let behind: &[ColumnRole] = match column.role {
            ColumnRole::NodeId | ColumnRole::EdgeId => &[ColumnRole::GraphId],
            ColumnRole::FromText => &[ColumnRole::FromObject, ColumnRole::FromId],
            ColumnRole::ToText => &[ColumnRole::ToObject, ColumnRole::ToId],
            _ => &[],
        };
        if behind.is_empty() {
            keys.push((column.id, key.descending));
        }
        let columns = behind.iter().filter_map(|role| table.role(*role));
        keys.extend(columns.map(|column| (column.id, key.descending)));
    }
    Ok(keys)
}

pub(super) fn add_index(table: &mut Table, definition: &CreateIndex) -> Result<()> {
    if table.indexes.iter().any(|index| same_name(&index.name, &definition.name)) {
        let message = format!(
            "The operation failed because an index or statistics with name '{}' already exists on table '{}'.",
            definition.name, table.name
        );
        return Err(SqlError::new(1913, message));
    }
    if definition.clustered && table.indexes.iter().any(|index| index.clustered) {
        let message =
            format!("Cannot create more than one clustered index on table '{}'.", table.name);
        return Err(SqlError::new(1902, message).state(3));
    }
    let keys = keys(table, &definition.columns)?;
    let include = definition
        .include
        .iter()
        .map(|name| table.key_column(name).map(|column| column.id))
        .collect::<Result<Vec<_>>>()?;
    let id = table.next_index_id(definition.clustered);
    table.indexes.push(Index {
        id,
        name: definition.name.clone(),
        constraint_id: None,
        primary: false,
        unique: definition.unique,
        clustered: definition.clustered,
        keys,
        include,
        filter: definition.filter.as_ref().map(|(text, _)| text.clone()),
    });
    Ok(())
}
