//! SQL Server's data types and the form in which `SQLite` keeps their values.
//!
//! Every type has one storage form, chosen so that `SQLite`'s own comparison gives SQL Server's order:
//!
//! | type | storage |
//! |---|---|
//! | bit, integers | INTEGER |
//! | real, float | REAL (a real is rounded to `f32` first) |
//! | decimal, money | BLOB of 16 bytes: scaled `i128`, big-endian, sign bit flipped |
//! | character types | TEXT in WTF-8, so that lone surrogates and NUL survive |
//! | binary types | BLOB |
//! | uniqueidentifier | BLOB of 16 bytes in SQL Server's order of comparison |
//! | date, time, datetime, smalldatetime, datetime2 | INTEGER in the type's own unit |
//! | datetimeoffset | BLOB of 10 bytes: UTC ticks, then the offset in minutes |

pub mod calendar;
pub mod convert;
pub mod decimal;
pub mod guid;
pub mod sql_type;
pub mod wtf8;

pub use sql_type::{Length, SqlType};

/// A value in its storage form. What it means is said by the [`SqlType`] that goes with it.
#[derive(Clone, Debug, PartialEq, Default)]
pub enum Value {
    /// SQL NULL.
    #[default]
    Null,
    /// Integers, dates and times.
    Int(i64),
    /// real and float.
    Float(f64),
    /// Character types, WTF-8.
    Text(Vec<u8>),
    /// Binary types, decimals, GUIDs, datetimeoffset.
    Bytes(Vec<u8>),
}

impl Value {
    /// Whether this is SQL NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The integer, when this is one.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// The text with anything that is no UTF-8 replaced, when this is text.
    pub fn to_text(&self) -> Option<String> {
        match self {
            Self::Text(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            _ => None,
        }
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        Ok(rusqlite::types::ToSqlOutput::Borrowed(self.as_ref()))
    }
}

impl Value {
    /// The value as `SQLite` sees it.
    pub fn as_ref(&self) -> rusqlite::types::ValueRef<'_> {
        use rusqlite::types::ValueRef;
        match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Float(value) => ValueRef::Real(*value),
            Self::Text(bytes) => ValueRef::Text(bytes),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }
    }
}

impl From<rusqlite::types::ValueRef<'_>> for Value {
    fn from(value: rusqlite::types::ValueRef<'_>) -> Self {
        use rusqlite::types::ValueRef;
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Int(value),
            ValueRef::Real(value) => Self::Float(value),
            ValueRef::Text(bytes) => Self::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Self::Bytes(bytes.to_vec()),
        }
    }
}
