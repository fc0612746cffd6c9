//! Values inside of generated SQL.

use super::{Translator, Typed};
use crate::sql::error::{Result, SqlError};
use crate::values::{Length, SqlType, Value, decimal, wtf8};

/// A value as `SQLite` reads it.
pub(super) fn literal_sql(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(i64::MIN) => "(-9223372036854775807 - 1)".to_owned(),
        Value::Int(value) if *value < 0 => format!("({value})"),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => format!("({value:e})"),
        Value::Text(text) => text_sql(text),
        Value::Bytes(bytes) => format!("x'{}'", hex(bytes)),
    }
}

fn text_sql(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) if !text.contains('\0') => format!("'{}'", text.replace('\'', "''")),
        _ => format!("t_raw(x'{}')", hex(text)),
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0x0F)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect()
}

/// The value and type of an integer literal: int, or numeric when it is too large for one (observed, probed.md 8).
pub fn integer(digits: &str) -> Result<(Value, SqlType)> {
    if let Ok(value) = digits.parse::<i32>() {
        return Ok((Value::Int(i64::from(value)), SqlType::Int));
    }
    let (scaled, _) = decimal::parse(digits).ok_or_else(|| too_large(digits))?;
    let precision = digits.trim_start_matches('0').len();
    let precision = u8::try_from(precision).ok().filter(|own| *own <= decimal::DIGITS_MAX);
    let precision = precision.ok_or_else(|| too_large(digits))?;
    Ok((Value::Bytes(decimal::to_bytes(scaled)), SqlType::Decimal { precision, scale: 0 }))
}

fn too_large(digits: &str) -> SqlError {
    let message = format!(
        "The number '{digits}' is out of the range for numeric representation (maximum precision 38)."
    );
    SqlError::new(1007, message).class(15)
}

/// The value and type of a literal with a point.
pub fn decimal_literal(digits: &str) -> Result<(Value, SqlType)> {
    let (scaled, scale) = decimal::parse(digits).ok_or_else(|| too_large(digits))?;
    let whole = scaled.unsigned_abs().to_string().len();
    let precision =
        u8::try_from(whole.max(usize::from(scale)).max(1)).map_err(|_| too_large(digits))?;
    if precision > decimal::DIGITS_MAX {
        return Err(too_large(digits));
    }
    Ok((Value::Bytes(decimal::to_bytes(scaled)), SqlType::Decimal { precision, scale }))
}

/// The type of a text literal: as long as it is, but at least one character.
pub fn text_type(text: &[u8], national: bool) -> SqlType {
    let units = wtf8::utf16_len(text).max(1);
    let limit = if national { 4000 } else { 8000 };
    let length = match u16::try_from(units) {
        Ok(units) if units <= limit => Length::Limited(units),
        _ => Length::Max,
    };
    if national { SqlType::NVarChar(length) } else { SqlType::VarChar(length) }
}

/// The type of a binary literal.
pub fn binary_type(bytes: &[u8]) -> SqlType {
    match u16::try_from(bytes.len().max(1)) {
        Ok(length) if length <= 8000 => SqlType::VarBinary(Length::Limited(length)),
        _ => SqlType::VarBinary(Length::Max),
    }
}

impl Translator<'_> {
    pub(super) fn float_literal(&mut self, digits: &str) -> Result<Typed> {
        let value: f64 = digits.parse().map_err(|_| SqlError::syntax(digits))?;
        Ok(self.literal(Value::Float(value), SqlType::Float))
    }
}
