//! Functions that generated SQL calls. Each takes storage forms and gives one.

mod arithmetic;
mod conversion;
mod dates;
mod duplicate;
mod graph;
mod hashing;
mod locks;
mod mathematics;
mod metadata;
mod packing;
mod session;
mod text;
mod tracking;

use rusqlite::Connection;
use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::types::ValueRef;

pub(crate) use conversion::name_column;
pub(crate) use metadata::split_name;

use super::context::ContextHandle;
use crate::sql::error::{Result, SqlError};
use crate::values::{SqlType, Value};

/// Makes the functions known to a connection.
pub fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    conversion::register(connection)?;
    arithmetic::register(connection)?;
    mathematics::register(connection)?;
    text::register(connection)?;
    duplicate::register(connection)?;
    packing::register(connection)?;
    dates::register(connection, context)?;
    hashing::register(connection)?;
    graph::register(connection, context)?;
    metadata::register(connection, context)?;
    session::register(connection, context)?;
    tracking::register(connection, context)?;
    locks::register(connection, context)
}

/// Arguments of a call.
pub(super) struct Arguments<'a>(&'a Call<'a>);

impl Arguments<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn raw(&self, at: usize) -> ValueRef<'_> {
        self.0.get_raw(at)
    }

    fn value(&self, at: usize) -> Value {
        Value::from(self.raw(at))
    }

    fn is_null(&self, at: usize) -> bool {
        matches!(self.raw(at), ValueRef::Null)
    }

    fn any_null(&self) -> bool {
        (0..self.len()).any(|at| self.is_null(at))
    }

    fn int(&self, at: usize) -> Option<i64> {
        match self.raw(at) {
            ValueRef::Integer(value) => Some(value),
            _ => None,
        }
    }

    fn text(&self, at: usize) -> Option<&[u8]> {
        match self.raw(at) {
            ValueRef::Text(text) => Some(text),
            _ => None,
        }
    }

    fn string(&self, at: usize) -> Option<String> {
        self.text(at).map(|text| String::from_utf8_lossy(text).into_owned())
    }

    fn bytes(&self, at: usize) -> Option<&[u8]> {
        match self.raw(at) {
            ValueRef::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn sql_type(&self, at: usize) -> Result<SqlType> {
        self.int(at).and_then(SqlType::from_code).ok_or_else(|| SqlError::internal("type code"))
    }
}

#[derive(Debug)]
struct Carried(String);

impl std::fmt::Display for Carried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Carried {}

/// An error on its way through `SQLite`.
pub(super) fn carry(error: &SqlError) -> rusqlite::Error {
    rusqlite::Error::UserFunctionError(Box::new(Carried(error.encode())))
}

/// A function whose result depends on its arguments alone.
fn pure<F>(connection: &Connection, name: &str, arity: i32, function: F) -> rusqlite::Result<()>
where
    F: Fn(&Arguments<'_>) -> Result<Value> + Send + 'static,
{
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function(name, arity, flags, move |call| {
        function(&Arguments(call)).map_err(|error| carry(&error))
    })
}

/// A function that sees the session or changes something.
fn impure<F>(connection: &Connection, name: &str, arity: i32, function: F) -> rusqlite::Result<()>
where
    F: Fn(&Arguments<'_>) -> Result<Value> + Send + 'static,
{
    connection.create_scalar_function(name, arity, FunctionFlags::SQLITE_UTF8, move |call| {
        function(&Arguments(call)).map_err(|error| carry(&error))
    })
}

fn text_value(text: impl Into<String>) -> Value {
    Value::Text(text.into().into_bytes())
}
