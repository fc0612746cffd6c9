//! Arithmetic with SQL Server's overflows and divisions.

#![expect(clippy::unnecessary_wraps, reason = "all are registered as functions that may fail")]

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags};

use super::{Arguments, carry, pure};
use crate::sql::error::{Result, SqlError};
use crate::values::{SqlType, Value, decimal};

pub(super) fn register(connection: &Connection) -> rusqlite::Result<()> {
    // fit(value, type): the value if the integer type holds it. An overflow in SQLite gives a REAL.
    pure(connection, "fit", 2, |call| fit(&call.value(0), call.sql_type(1)?))?;
    pure(connection, "divi", 2, |call| whole(call, i64::checked_div))?;
    pure(connection, "modi", 2, |call| whole(call, i64::checked_rem))?;
    pure(connection, "divf", 2, divide_floats)?;
    pure(connection, "toreal", 1, |call| match call.value(0) {
        #[expect(clippy::cast_possible_truncation, reason = "a real is an f32")]
        Value::Float(value) => Ok(Value::Float(f64::from(value as f32))),
        other => Ok(other),
    })?;
    // decop(operator, left, left scale, right, right scale, precision, scale)
    pure(connection, "decop", 7, decimal_operation)?;
    pure(connection, "decround", 4, decimal_rounding)?;
    pure(connection, "fround", 2, float_round)?;
    pure(connection, "deeper", 2, deeper)?;
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function("decsum", 1, flags, DecimalSum)?;
    connection.create_aggregate_function("one", 1, flags, OnlyOne)
}

pub(super) fn overflow(sql_type: SqlType) -> SqlError {
    let message = format!(
        "Arithmetic overflow error converting expression to data type {}.",
        sql_type.name()
    );
    SqlError::new(8115, message).state(2)
}

fn fit(value: &Value, sql_type: SqlType) -> Result<Value> {
    let range = match sql_type {
        SqlType::Bit => 0..=1,
        SqlType::TinyInt => 0..=255,
        SqlType::SmallInt => i64::from(i16::MIN)..=i64::from(i16::MAX),
        SqlType::Int => i64::from(i32::MIN)..=i64::from(i32::MAX),
        _ => i64::MIN..=i64::MAX,
    };
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(value) if range.contains(value) => Ok(Value::Int(*value)),
        _ => Err(overflow(sql_type)),
    }
}

/// deeper(depth, limit): one level down in a recursive CTE; no limit below 0.
fn deeper(call: &Arguments<'_>) -> Result<Value> {
    let (depth, limit) = (call.int(0).unwrap_or(0) + 1, call.int(1).unwrap_or(-1));
    if limit >= 0 && depth > limit {
        let message = format!(
            "The statement terminated. The maximum recursion {limit} has been exhausted before statement completion."
        );
        return Err(SqlError::new(530, message));
    }
    Ok(Value::Int(depth))
}

fn division_by_zero() -> SqlError {
    SqlError::new(8134, "Divide by zero error encountered.")
}

fn whole(call: &Arguments<'_>, operation: fn(i64, i64) -> Option<i64>) -> Result<Value> {
    match (call.int(0), call.int(1)) {
        (Some(_), Some(0)) => Err(division_by_zero()),
        (Some(left), Some(right)) => {
            operation(left, right).map(Value::Int).ok_or_else(|| overflow(SqlType::BigInt))
        }
        _ => Ok(Value::Null),
    }
}

#[expect(clippy::cast_precision_loss, reason = "whole floats may be kept as integers")]
pub(super) fn float(value: &Value) -> Option<f64> {
    match value {
        Value::Float(value) => Some(*value),
        Value::Int(value) => Some(*value as f64),
        _ => None,
    }
}

fn divide_floats(call: &Arguments<'_>) -> Result<Value> {
    match (float(&call.value(0)), float(&call.value(1))) {
        (Some(_), Some(0.0)) => Err(division_by_zero()),
        (Some(left), Some(right)) => Ok(Value::Float(left / right)),
        _ => Ok(Value::Null),
    }
}

fn float_round(call: &Arguments<'_>) -> Result<Value> {
    let (Some(value), Some(digits)) = (float(&call.value(0)), call.int(1)) else {
        return Ok(Value::Null);
    };
    let factor = 10_f64.powi(i32::try_from(digits).unwrap_or(0));
    Ok(Value::Float((value * factor).round() / factor))
}

fn small(call: &Arguments<'_>, at: usize) -> u8 {
    call.int(at).and_then(|value| u8::try_from(value).ok()).unwrap_or(0)
}

fn decimal_operation(call: &Arguments<'_>) -> Result<Value> {
    if call.is_null(1) || call.is_null(3) {
        return Ok(Value::Null);
    }
    let read = |at| {
        call.bytes(at).and_then(decimal::from_bytes).ok_or_else(|| SqlError::internal("decimal"))
    };
    let (left, left_scale, right, right_scale) =
        (read(1)?, small(call, 2), read(3)?, small(call, 4));
    let (precision, scale) = (small(call, 5), small(call, 6));
    let common = left_scale.max(right_scale);
    let aligned = || {
        let left = decimal::rescale(left, left_scale, common)?;
        Some((left, decimal::rescale(right, right_scale, common)?))
    };
    let result = match call.text(0) {
        Some(b"+") => aligned()
            .and_then(|(left, right)| decimal::rescale(left.checked_add(right)?, common, scale)),
        Some(b"-") => aligned()
            .and_then(|(left, right)| decimal::rescale(left.checked_sub(right)?, common, scale)),
        Some(b"*") => left
            .checked_mul(right)
            .and_then(|product| decimal::rescale(product, left_scale + right_scale, scale)),
        Some(b"/" | b"%") if right == 0 => return Err(division_by_zero()),
        Some(b"/") => divide(left, left_scale, right, right_scale, scale),
        _ => aligned()
            .and_then(|(left, right)| decimal::rescale(left.checked_rem(right)?, common, scale)),
    };
    let fits = result.filter(|value| decimal::fits(*value, precision));
    fits.map(|value| Value::Bytes(decimal::to_bytes(value)))
        .ok_or_else(|| overflow(SqlType::Decimal { precision, scale }))
}

/// Digits beyond the scale are cut, as SQL Server does in division.
fn divide(left: i128, left_scale: u8, right: i128, right_scale: u8, scale: u8) -> Option<i128> {
    let shift = i32::from(scale) + i32::from(right_scale) - i32::from(left_scale);
    if shift >= 0 {
        let widened = left.checked_mul(decimal::power_of_ten(u8::try_from(shift).ok()?));
        return widened.and_then(|value| value.checked_div(right));
    }
    left.checked_div(right)?.checked_div(decimal::power_of_ten(u8::try_from(-shift).ok()?))
}

/// decround(kind, value, scale, digits): floor, ceiling or round of a decimal, at its own scale.
fn decimal_rounding(call: &Arguments<'_>) -> Result<Value> {
    let Some(value) = call.bytes(1).and_then(decimal::from_bytes) else {
        return Ok(Value::Null);
    };
    let scale = small(call, 2);
    let unit = decimal::power_of_ten(scale);
    let rounded = match call.text(0) {
        Some(b"floor") => value.div_euclid(unit) * unit,
        Some(b"ceiling") => -((-value).div_euclid(unit)) * unit,
        Some(b"abs") => value.abs(),
        Some(b"neg") => -value,
        _ => {
            let digits =
                u8::try_from(call.int(3).unwrap_or(0).clamp(0, i64::from(scale))).unwrap_or(0);
            let short = decimal::rescale(value, scale, digits).unwrap_or(value);
            decimal::rescale(short, digits, scale).unwrap_or(value)
        }
    };
    Ok(Value::Bytes(decimal::to_bytes(rounded)))
}

/// SUM over decimals of one scale.
struct DecimalSum;

impl Aggregate<Option<i128>, Value> for DecimalSum {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<i128>> {
        Ok(None)
    }

    fn step(&self, call: &mut Context<'_>, sum: &mut Option<i128>) -> rusqlite::Result<()> {
        if let Value::Bytes(bytes) = Value::from(call.get_raw(0))
            && let Some(value) = decimal::from_bytes(&bytes)
        {
            let total =
                sum.unwrap_or(0).checked_add(value).filter(|total| decimal::fits(*total, 38));
            let wide = SqlType::Decimal { precision: 38, scale: 0 };
            *sum = Some(total.ok_or_else(|| carry(&overflow(wide)))?);
        }
        Ok(())
    }

    fn finalize(&self, _: &mut Context<'_>, sum: Option<Option<i128>>) -> rusqlite::Result<Value> {
        Ok(sum.flatten().map_or(Value::Null, |sum| Value::Bytes(decimal::to_bytes(sum))))
    }
}

/// The value of the only row: a subquery with more than one is 512.
struct OnlyOne;

impl Aggregate<Option<Value>, Value> for OnlyOne {
    fn init(&self, _: &mut Context<'_>) -> rusqlite::Result<Option<Value>> {
        Ok(None)
    }

    fn step(&self, call: &mut Context<'_>, value: &mut Option<Value>) -> rusqlite::Result<()> {
        if value.is_some() {
            let message = "Subquery returned more than 1 value. This is not permitted when the subquery follows =, !=, <, \
                           <= , >, >= or when the subquery is used as an expression.";
            return Err(carry(&SqlError::new(512, message)));
        }
        *value = Some(Value::from(call.get_raw(0)));
        Ok(())
    }

    fn finalize(
        &self,
        _: &mut Context<'_>,
        value: Option<Option<Value>>,
    ) -> rusqlite::Result<Value> {
        Ok(value.flatten().unwrap_or_default())
    }
}
