//! HASHBYTES and NEWID.

use rusqlite::Connection;
use sha2::{Digest, Sha256, Sha512};

use super::{Arguments, impure, pure};
use crate::sql::error::{Result, SqlError};
use crate::values::{Value, guid, wtf8};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    pure(connection, "h_bytes", 3, hash_bytes)?;
    impure(connection, "h_newid", 0, |_| Ok(Value::Bytes(guid::from_uuid(uuid::Uuid::new_v4()))))
}

/// `h_bytes(algorithm`, value, type): over the bytes that SQL Server stores, UTF-16 for nvarchar.
fn hash_bytes(call: &Arguments<'_>) -> Result<Value> {
    let sql_type = call.sql_type(2)?;
    let bytes = match call.value(1) {
        Value::Null => return Ok(Value::Null),
        Value::Text(text) if sql_type.is_national() => {
            let mut units = Vec::new();
            wtf8::write_utf16le(&text, &mut units);
            units
        }
        Value::Text(text) => wtf8::to_cp1252(&text),
        Value::Bytes(bytes) => bytes,
        _ => {
            return Err(SqlError::new(
                8116,
                "Argument data type is invalid for argument 2 of hashbytes function.",
            ));
        }
    };
    match call.string(0).unwrap_or_default().to_ascii_uppercase().as_str() {
        "SHA2_256" => Ok(Value::Bytes(Sha256::digest(&bytes).to_vec())),
        "SHA2_512" => Ok(Value::Bytes(Sha512::digest(&bytes).to_vec())),
        algorithm @ ("MD2" | "MD4" | "MD5" | "SHA" | "SHA1") => {
            Err(SqlError::unsupported(algorithm))
        }
        _ => Ok(Value::Null),
    }
}
