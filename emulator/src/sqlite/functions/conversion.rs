//! CAST, CONVERT, assignment to a column.

use rusqlite::Connection;

use super::{Arguments, pure};
use crate::sql::error::{Result, SqlError};
use crate::values::Value;
use crate::values::convert::{Purpose, convert};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // conv(value, from, to, style)
    pure(connection, "conv", 4, cast)?;
    pure(connection, "tryconv", 4, |call| Ok(cast(call).unwrap_or(Value::Null)))?;
    // store(value, from, to, table, column)
    pure(connection, "store", 5, store)?;
    // need(value, table, column): 515 for NULL where SQLite itself would make up a row id.
    pure(connection, "need", 3, |call| {
        if call.is_null(0) {
            let (table, column) =
                (call.string(1).unwrap_or_default(), call.string(2).unwrap_or_default());
            return Err(crate::sqlite::errors::null_refused(&column, &table, "INSERT"));
        }
        Ok(call.value(0))
    })
}

fn cast(call: &Arguments<'_>) -> Result<Value> {
    let style = call.int(3).unwrap_or(0);
    convert(call.value(0), call.sql_type(1)?, call.sql_type(2)?, style, Purpose::Cast)
}

fn store(call: &Arguments<'_>) -> Result<Value> {
    let names = || (call.string(3).unwrap_or_default(), call.string(4).unwrap_or_default());
    convert(call.value(0), call.sql_type(1)?, call.sql_type(2)?, 0, Purpose::Store)
        .map_err(|error| name_column(error, names))
}

/// Gives 2628 its whole text: until here it carries only the value's beginning.
pub(crate) fn name_column(error: SqlError, names: impl FnOnce() -> (String, String)) -> SqlError {
    if error.number != 2628 {
        return error;
    }
    let (table, column) = names();
    let message = format!(
        "String or binary data would be truncated in table '{table}', column '{column}'. Truncated value: '{}'.",
        error.message
    );
    SqlError::new(2628, message)
}
