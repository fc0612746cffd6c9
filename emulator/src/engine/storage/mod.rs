//! What `SQLite` holds for a table: the table itself and its indexes.

mod history;
mod triggers;

pub use history::{create_history, deletes_before_inserts, history_end};
pub use triggers::triggers;

use crate::catalog::{Catalog, Column, ColumnRole, Index, Table};
use crate::sql::error::Result;
use crate::sql::parse_expression;
use crate::sqlite::collation;
use crate::translate::{Environment, Translator};
use crate::values::SqlType;
use crate::values::sql_type::Family;

/// CREATE TABLE under a name.
pub fn create_table(catalog: &Catalog, table: &Table, name: &str) -> Result<String> {
    let row_id = table.row_id_column().map(|column| column.id);
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .filter(|column| !column.role.is_computed())
        .map(|column| column_definition(column, row_id == Some(column.id)))
        .collect();
    for check in table.checks.iter().filter(|check| !check.disabled) {
        let predicate = row_predicate(catalog, table, &check.text)?;
        parts.push(format!("CONSTRAINT k{} CHECK ({predicate})", check.id));
    }
    Ok(format!("CREATE TABLE {name} ({})", parts.join(", ")))
}

/// A predicate of the catalog over the table's own columns.
pub fn row_predicate(catalog: &Catalog, table: &Table, text: &str) -> Result<String> {
    let variables = std::collections::HashMap::new();
    let environment = Environment {
        catalog,
        user: crate::catalog::permissions::DBO,
        variables: &variables,
        snapshot: false,
        secondary: false,
        identity_insert: None,
    };
    Translator::new(environment).row_predicate(&parse_expression(text)?, table)
}

fn column_definition(column: &Column, is_row_id: bool) -> String {
    let null = if column.nullable { "" } else { " NOT NULL" };
    if is_row_id {
        return format!("{} INTEGER PRIMARY KEY", column.storage());
    }
    format!("{} {}{null}", column.storage(), storage_type(column))
}

pub(super) fn storage_type(column: &Column) -> String {
    match column.sql_type.family() {
        Family::Integer => "INTEGER".to_owned(),
        Family::Temporal if !matches!(column.sql_type, SqlType::DateTimeOffset(_)) => {
            "INTEGER".to_owned()
        }
        Family::Approximate => "REAL".to_owned(),
        Family::Text => {
            let named = column.collation.as_deref().and_then(collation::by_name);
            format!("TEXT COLLATE {}", named.unwrap_or(collation::CASE_INSENSITIVE))
        }
        _ => "BLOB".to_owned(),
    }
}

/// Columns that `SQLite` holds, in order.
pub fn stored_columns(table: &Table) -> Vec<String> {
    table.columns.iter().filter(|column| !column.role.is_computed()).map(Column::storage).collect()
}

/// CREATE INDEX for an index of the catalog; nothing for the key that is `SQLite`'s row id.
pub fn create_index(catalog: &Catalog, table: &Table, index: &Index) -> Result<Vec<String>> {
    if index.primary && table.row_id_column().is_some() {
        return Ok(Vec::new());
    }
    let name = format!("i{}_{}", table.id, index.id);
    let filter = match &index.filter {
        Some(text) => format!(" WHERE {}", row_predicate(catalog, table, text)?),
        None => String::new(),
    };
    let unique = if index.unique { "UNIQUE " } else { "" };
    let keys = ordered_keys(table, index);
    let list: Vec<String> = keys
        .iter()
        .map(|(column, descending)| {
            format!("{}{}", column.storage(), if *descending { " DESC" } else { "" })
        })
        .collect();
    let mut sql = vec![format!(
        "CREATE {unique}INDEX {name} ON {} ({}){filter}",
        table.storage(),
        list.join(", ")
    )];
    let nullable: Vec<&Column> =
        keys.iter().map(|(column, _)| *column).filter(|column| column.nullable).collect();
    if index.unique && !nullable.is_empty() {
        sql.push(null_index(table, &name, &keys, &nullable, &filter));
    }
    Ok(sql)
}

/// To SQL Server NULLs are equal in a unique index (documented); to `SQLite` they are not, so rows with NULLs get an index of their own.
fn null_index(
    table: &Table,
    name: &str,
    keys: &[(&Column, bool)],
    nullable: &[&Column],
    filter: &str,
) -> String {
    let list: Vec<String> = keys
        .iter()
        .flat_map(|(column, _)| {
            let storage = column.storage();
            if column.nullable {
                // A function's result has no collation of its own.
                let collation = match storage_type(column).split_once(" COLLATE ") {
                    Some((_, name)) => format!(" COLLATE {name}"),
                    None => String::new(),
                };
                vec![format!("({storage} IS NULL)"), format!("ifnull({storage}, 0){collation}")]
            } else {
                vec![storage]
            }
        })
        .collect();
    let any: Vec<String> =
        nullable.iter().map(|column| format!("{} IS NULL", column.storage())).collect();
    let condition = any.join(" OR ");
    let filter = match filter.strip_prefix(" WHERE ") {
        Some(own) => format!(" WHERE ({condition}) AND ({own})"),
        None => format!(" WHERE {condition}"),
    };
    format!("CREATE UNIQUE INDEX {name}n ON {} ({}){filter}", table.storage(), list.join(", "))
}

/// Keys in `SQLite`'s order: an id goes before its object id, which nearly all rows share.
fn ordered_keys<'t>(table: &'t Table, index: &Index) -> Vec<(&'t Column, bool)> {
    let mut keys: Vec<(&Column, bool)> = index
        .keys
        .iter()
        .filter_map(|(id, descending)| table.column_by_id(*id).map(|column| (column, *descending)))
        .collect();
    for at in 1..keys.len() {
        let swapped = matches!(
            (keys[at - 1].0.role, keys[at].0.role),
            (ColumnRole::FromObject, ColumnRole::FromId) | (ColumnRole::ToObject, ColumnRole::ToId)
        );
        if swapped {
            keys.swap(at - 1, at);
        }
    }
    keys
}

/// Indexes by which MATCH and the checks on node deletes find edges, where no declared index does.
pub fn edge_indexes(table: &Table) -> Vec<String> {
    let mut sql = Vec::new();
    let ends = [
        ("f", ColumnRole::FromId, ColumnRole::FromObject),
        ("o", ColumnRole::ToId, ColumnRole::ToObject),
    ];
    for (suffix, id, object) in ends {
        let (Some(id), Some(object)) = (table.role(id), table.role(object)) else {
            continue;
        };
        let declared = table.indexes.iter().any(|index| {
            index.filter.is_none()
                && ordered_keys(table, index).first().is_some_and(|(column, _)| column.id == id.id)
        });
        let name = format!("x{}{suffix}", table.id);
        sql.push(if declared {
            format!("DROP INDEX IF EXISTS {name}")
        } else {
            format!(
                "CREATE INDEX IF NOT EXISTS {name} ON {} ({}, {})",
                table.storage(),
                id.storage(),
                object.storage()
            )
        });
    }
    sql
}
