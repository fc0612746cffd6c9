//! Functions on floats, which this build of `SQLite` does not have.

use rusqlite::Connection;

use super::arithmetic::{float, overflow};
use super::pure;
use crate::sql::error::{Result, SqlError};
use crate::values::{SqlType, Value};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    let unary = [
        ("sqrt", f64::sqrt as fn(f64) -> f64),
        ("exp", f64::exp),
        ("ln", f64::ln),
        ("log10", f64::log10),
        ("floor", f64::floor),
        ("ceil", f64::ceil),
    ];
    for (name, function) in unary {
        pure(connection, name, 1, move |call| finite(float(&call.value(0)).map(function)))?;
    }
    pure(connection, "pi", 0, |_| Ok(Value::Float(std::f64::consts::PI)))?;
    pure(connection, "pow", 2, |call| {
        let both = float(&call.value(0)).zip(float(&call.value(1)));
        finite(both.map(|(base, exponent)| base.powf(exponent)))
    })?;
    pure(connection, "sign", 1, |call| {
        Ok(match call.value(0) {
            Value::Int(value) => Value::Int(value.signum()),
            Value::Float(0.0) => Value::Float(0.0),
            Value::Float(value) => Value::Float(value.signum()),
            _ => Value::Null,
        })
    })
}

/// No float of SQL Server's is infinite or no number (documented at float).
fn finite(result: Option<f64>) -> Result<Value> {
    match result {
        None => Ok(Value::Null),
        Some(value) if value.is_finite() => Ok(Value::Float(value)),
        Some(value) if value == f64::INFINITY => Err(overflow(SqlType::Float)),
        Some(_) => Err(SqlError::new(3623, "An invalid floating point operation occurred.")),
    }
}
