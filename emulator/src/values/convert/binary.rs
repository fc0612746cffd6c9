//! To binaries.

use super::{Purpose, not_allowed};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType, Value, guid, wtf8};

pub(super) fn to_binary(
    value: Value,
    from: SqlType,
    to: SqlType,
    style: i64,
    purpose: Purpose,
) -> Result<Value> {
    let bytes = match (value, from.family()) {
        (Value::Bytes(bytes), Family::Binary) => bytes,
        (Value::Text(text), _) if style == 1 || style == 2 => from_hex(&text, from, to, style)?,
        (Value::Text(text), _) if from.is_national() => {
            let mut units = Vec::new();
            wtf8::write_utf16le(&text, &mut units);
            units
        }
        (Value::Text(text), _) => wtf8::to_cp1252(&text),
        (Value::Int(value), Family::Integer) => {
            let width = match from {
                SqlType::Bit | SqlType::TinyInt => 1,
                SqlType::SmallInt => 2,
                SqlType::Int => 4,
                _ => 8,
            };
            let bytes = value.to_be_bytes();
            return Ok(Value::Bytes(fit_left(bytes[8 - width..].to_vec(), to)));
        }
        (Value::Bytes(bytes), Family::Guid) => guid::to_wire(&bytes).to_vec(),
        _ => return Err(not_allowed(from, to)),
    };
    fit(bytes, to, purpose)
}

fn from_hex(text: &[u8], from: SqlType, to: SqlType, style: i64) -> Result<Vec<u8>> {
    let failed = || {
        SqlError::new(8114, format!("Error converting data type {} to {}.", from.name(), to.name()))
            .state(5)
    };
    let digits = wtf8::trim_end(text);
    let digits = if style == 1 {
        digits.strip_prefix(b"0x").or_else(|| digits.strip_prefix(b"0X")).ok_or_else(failed)?
    } else {
        digits
    };
    if digits.len() % 2 == 1 {
        return Err(failed());
    }
    let nibble =
        |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    digits
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? << 4 | nibble(pair[1])?))
        .collect::<Option<_>>()
        .ok_or_else(failed)
}

/// Texts and binaries are cut and padded on the right.
fn fit(mut bytes: Vec<u8>, to: SqlType, purpose: Purpose) -> Result<Value> {
    if let Some(Length::Limited(limit)) = to.length() {
        let limit = usize::from(limit);
        if bytes.len() > limit {
            if purpose == Purpose::Store {
                return Err(SqlError::new(2628, ""));
            }
            bytes.truncate(limit);
        }
        if matches!(to, SqlType::Binary(_)) {
            bytes.resize(limit, 0);
        }
    }
    Ok(Value::Bytes(bytes))
}

/// Numbers are cut and padded on the left (documented).
fn fit_left(mut bytes: Vec<u8>, to: SqlType) -> Vec<u8> {
    if let Some(Length::Limited(limit)) = to.length() {
        let limit = usize::from(limit);
        if bytes.len() > limit {
            bytes.drain(..bytes.len() - limit);
        } else if matches!(to, SqlType::Binary(_)) {
            let missing = limit - bytes.len();
            bytes.splice(0..0, std::iter::repeat_n(0, missing));
        }
    }
    bytes
}
