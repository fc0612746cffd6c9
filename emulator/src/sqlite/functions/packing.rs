//! Values inside of JSON arrays, which know neither bytes nor every float.

use rusqlite::Connection;

use super::{pure, text_value};
use crate::sql::error::SqlError;
use crate::values::Value;

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // j_pack(value): a letter for the type, and the value.
    pure(connection, "j_pack", 1, |call| {
        Ok(match call.value(0) {
            Value::Null => Value::Null,
            Value::Int(value) => text_value(format!("i{value}")),
            Value::Float(value) => text_value(format!("f{:x}", value.to_bits())),
            Value::Bytes(bytes) => text_value(format!("b{}", hex(&bytes))),
            Value::Text(text) => match std::str::from_utf8(&text) {
                Ok(text) => text_value(format!("t{text}")),
                Err(_) => text_value(format!("w{}", hex(&text))),
            },
        })
    })?;
    pure(connection, "j_unpack", 1, |call| {
        let Some((kind, rest)) = call.text(0).and_then(|text| text.split_first()) else {
            return Ok(Value::Null);
        };
        let text = std::str::from_utf8(rest).unwrap_or_default();
        let unpacked = match kind {
            b'i' => text.parse().ok().map(Value::Int),
            b'f' => {
                u64::from_str_radix(text, 16).ok().map(|bits| Value::Float(f64::from_bits(bits)))
            }
            b'b' => unhex(rest).map(Value::Bytes),
            b'w' => unhex(rest).map(Value::Text),
            _ => Some(Value::Text(rest.to_vec())),
        };
        unpacked.ok_or_else(|| SqlError::internal("packed value"))
    })?;
    // j_split(text, separator): the parts as a JSON array.
    pure(connection, "j_split", 2, |call| {
        let separator = call.string(1).unwrap_or_default();
        let mut letters = separator.chars();
        let (Some(separator), None) = (letters.next(), letters.next()) else {
            // Documented: 214.
            let message = "Procedure expects parameter 'separator' of type 'nchar(1)/nvarchar(1)'.";
            return Err(SqlError::new(214, message).state(11));
        };
        Ok(call.string(0).map_or(Value::Null, |text| {
            let parts: Vec<&str> = text.split(separator).collect();
            text_value(serde_json::Value::from(parts).to_string())
        }))
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    text.chunks(2)
        .map(|pair| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        })
        .collect()
}
