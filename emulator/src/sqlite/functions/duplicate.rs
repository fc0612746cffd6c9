//! 2627 and 2601 with the key value.

use rusqlite::Connection;

use super::{Arguments, impure};
use crate::sql::error::{Result, SqlError};
use crate::values::convert::{Purpose, convert};
use crate::values::{SqlType, Value};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // k_duplicate(number, message, type, value, …)
    impure(connection, "k_duplicate", -1, |call| {
        let mut values = Vec::new();
        for at in (2..call.len()).step_by(2) {
            values.push(shown(call, at)?);
        }
        let message = format!(
            "{} The duplicate key value is ({}).",
            call.string(1).unwrap_or_default(),
            values.join(", ")
        );
        let number = call.int(0).and_then(|number| i32::try_from(number).ok()).unwrap_or(2627);
        Err(SqlError::new(number, message).class(14))
    })
}

/// A value as the message shows it (observed in messages of users; NULL as `<NULL>`).
fn shown(call: &Arguments<'_>, at: usize) -> Result<String> {
    if call.is_null(at + 1) {
        return Ok("<NULL>".to_owned());
    }
    let (value, sql_type) = (call.value(at + 1), call.sql_type(at)?);
    if let Value::Bytes(bytes) = &value
        && sql_type.family() == crate::values::sql_type::Family::Binary
    {
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        return Ok(format!("0x{digits}"));
    }
    let text = convert(value, sql_type, SqlType::NTEXT_MAX, 0, Purpose::Cast)?;
    let text = text.to_text().unwrap_or_default();
    Ok(match sql_type {
        SqlType::UniqueIdentifier => text.to_lowercase(),
        _ => text,
    })
}
