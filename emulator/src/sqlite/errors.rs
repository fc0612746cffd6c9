//! `SQLite`'s errors as SQL Server's.

use rusqlite::ffi;

use crate::catalog::{Catalog, Index, Table};
use crate::sql::ast::ObjectName;
use crate::sql::error::SqlError;
use crate::sql::lexer::{Lexer, Token};

/// Translates an error; `verb` is INSERT, UPDATE, DELETE or another word for the statement.
pub fn translate(error: &rusqlite::Error, catalog: &Catalog, verb: &str) -> SqlError {
    let text = error.to_string();
    if let Some(carried) = SqlError::decode(&text) {
        return carried;
    }
    let rusqlite::Error::SqliteFailure(failure, message) = error else {
        return SqlError::internal(text);
    };
    let message = message.as_deref().unwrap_or(&text);
    match failure.extended_code {
        ffi::SQLITE_CONSTRAINT_NOTNULL => not_null(message, catalog, verb),
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => duplicate(message, catalog),
        ffi::SQLITE_CONSTRAINT_CHECK => check(message, catalog, verb),
        // Which table it was SQLite does not say: the statement does.
        ffi::SQLITE_BUSY_SNAPSHOT => SqlError::new(UPDATE_CONFLICT, ""),
        ffi::SQLITE_INTERRUPT => cancelled(),
        _ if message.contains("integer overflow") => SqlError::new(
            8115,
            "Arithmetic overflow error converting expression to data type bigint.",
        )
        .state(2),
        _ if message.contains("malformed JSON") => {
            // Documented: 13609, here without the character and its position.
            SqlError::new(13609, "JSON text is not properly formatted.").state(4)
        }
        _ if message.contains("sub-select returns") => SqlError::new(
            116,
            "Only one expression can be specified in the select list when the subquery is not introduced with EXISTS.",
        ),
        _ => SqlError::internal(message),
    }
}

/// The statement was stopped by an attention or because the client went away.
pub fn cancelled() -> SqlError {
    SqlError::new(3617, "The statement was cancelled.").class(11)
}

/// A write after another transaction has committed one.
pub const UPDATE_CONFLICT: i32 = 3960;

/// [`UPDATE_CONFLICT`] for a statement that changes a table; observed text (probed.md 6).
pub fn update_conflict(catalog: &Catalog, target: &ObjectName) -> SqlError {
    let table = catalog.find_table(target);
    let table = table.map_or_else(|| target.to_string(), |table| catalog.qualified(table));
    let message = format!(
        "Snapshot isolation transaction aborted due to update conflict. You cannot use snapshot isolation to access table '{table}' \
         directly or indirectly in database '{}' to update, delete, or insert the row that has been modified or deleted by \
         another transaction. Retry the transaction or change the isolation level for the update/delete statement.",
        catalog.database.name
    );
    SqlError::new(UPDATE_CONFLICT, message).state(2)
}

/// `t1.c2` in a message of `SQLite`: the table and the column ids.
fn columns_in<'a>(message: &str, catalog: &'a Catalog) -> Option<(&'a Table, Vec<i32>)> {
    let list = message.split_once(": ")?.1;
    let mut found: Option<&Table> = None;
    let mut columns = Vec::new();
    for entry in list.split(", ") {
        let (table, column) = entry.trim().split_once('.')?;
        let id: i32 = table.strip_prefix('t')?.parse().ok()?;
        found = catalog.table_by_id(id).map(|table| &**table);
        columns.push(column.strip_prefix('c')?.parse().ok()?);
    }
    found.map(|table| (table, columns))
}

fn not_null(message: &str, catalog: &Catalog, verb: &str) -> SqlError {
    match columns_in(message, catalog) {
        Some((table, columns)) => {
            let column = columns.first().and_then(|id| table.column_by_id(*id));
            let column = column.map_or("", |column| &column.name);
            null_refused(column, &catalog.full_name(table), verb)
        }
        None => SqlError::internal(message),
    }
}

/// 515.
pub fn null_refused(column: &str, table: &str, verb: &str) -> SqlError {
    let message = format!(
        "Cannot insert the value NULL into column '{column}', table '{table}'; column does not allow nulls. {verb} fails."
    );
    SqlError::new(515, message).state(2)
}

fn duplicate(message: &str, catalog: &Catalog) -> SqlError {
    let found = match message.split_once("index '") {
        Some((_, rest)) => index_by_name(rest.trim_end_matches('\''), catalog),
        None => columns_in(message, catalog).and_then(|(table, columns)| {
            let same = |index: &&Index| {
                index.unique && index.keys.iter().map(|(id, _)| *id).eq(columns.iter().copied())
            };
            table.indexes.iter().find(same).map(|index| (table, index))
        }),
    };
    match found {
        Some((table, index)) => duplicate_key(table, index, catalog),
        None => SqlError::internal(message),
    }
}

/// `i<table>_<index>` or the same with an `n`.
fn index_by_name<'a>(name: &str, catalog: &'a Catalog) -> Option<(&'a Table, &'a Index)> {
    let (table, index) = name.strip_prefix('i')?.split_once('_')?;
    let table = catalog.table_by_id(table.parse().ok()?)?;
    let index: i32 = index.trim_end_matches('n').parse().ok()?;
    table.indexes.iter().find(|own| own.id == index).map(|own| (&**table, own))
}

/// 2627 for a constraint, 2601 for an index. The key value that SQL Server adds is not known here.
pub fn duplicate_key(table: &Table, index: &Index, catalog: &Catalog) -> SqlError {
    let object = catalog.qualified(table);
    if index.constraint_id.is_some() {
        let kind = if index.primary { "PRIMARY KEY" } else { "UNIQUE KEY" };
        let message = format!(
            "Violation of {kind} constraint '{}'. Cannot insert duplicate key in object '{object}'.",
            index.name
        );
        return SqlError::new(2627, message).class(14);
    }
    let message = format!(
        "Cannot insert duplicate key row in object '{object}' with unique index '{}'.",
        index.name
    );
    SqlError::new(2601, message).class(14)
}

/// Documented: a check of one column alone names it.
fn only_column(table: &Table, check: &str) -> String {
    let mut lexer = Lexer::new(check.as_bytes());
    let mut named = std::collections::BTreeSet::new();
    while let Ok(token) = lexer.next() {
        let name = match &token {
            Token::Word(word) => *word,
            Token::Quoted(word) => word,
            Token::End => break,
            _ => continue,
        };
        named.extend(
            table
                .columns
                .iter()
                .filter(|own| own.name.eq_ignore_ascii_case(name))
                .map(|own| &own.name),
        );
    }
    match named.first().filter(|_| named.len() == 1) {
        Some(column) => format!(", column '{column}'"),
        None => String::new(),
    }
}

fn check(message: &str, catalog: &Catalog, verb: &str) -> SqlError {
    let id = message.rsplit_once('k').and_then(|(_, id)| id.trim().parse::<i32>().ok());
    for table in catalog.tables.values().chain(catalog.local.values()) {
        if let Some(check) = table.checks.iter().find(|check| Some(check.id) == id) {
            let message = format!(
                "The {verb} statement conflicted with the CHECK constraint \"{}\". The conflict occurred in database \"{}\", \
                 table \"{}\"{}.",
                check.name,
                catalog.database.name,
                catalog.qualified(table),
                only_column(table, &check.text)
            );
            return SqlError::new(547, message).state(0);
        }
    }
    SqlError::internal(message)
}
