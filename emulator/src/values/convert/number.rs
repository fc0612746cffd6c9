//! To numbers.

use super::{not_allowed, overflow};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{SqlType, Value, calendar, decimal};

/// A number on its way.
enum Number {
    Whole(i128),
    Scaled(i128, u8),
    Float(f64),
}

pub(super) fn to_number(value: &Value, from: SqlType, to: SqlType) -> Result<Value> {
    let number = read(value, from, to)?;
    match to.family() {
        Family::Integer => to_integer(&number, to).map_err(|error| match (&number, value) {
            // Documented: 220 between whole numbers that are no int or bigint.
            (Number::Whole(whole), Value::Int(_))
                if matches!(to, SqlType::TinyInt | SqlType::SmallInt) =>
            {
                let message = format!(
                    "Arithmetic overflow error for data type {}, value = {whole}.",
                    to.name()
                );
                SqlError::new(220, message).state(2)
            }
            _ => error,
        }),
        Family::Approximate => to_float(&number, to),
        _ => to_exact(&number, from, to),
    }
}

fn read(value: &Value, from: SqlType, to: SqlType) -> Result<Number> {
    match (value, from.family()) {
        (Value::Int(value), Family::Integer) => Ok(Number::Whole(i128::from(*value))),
        (Value::Float(value), Family::Approximate) => Ok(Number::Float(*value)),
        #[expect(clippy::cast_precision_loss, reason = "SQLite keeps whole floats as integers")]
        (Value::Int(value), Family::Approximate) => Ok(Number::Float(*value as f64)),
        (Value::Bytes(bytes), Family::Exact) => {
            let scaled = decimal::from_bytes(bytes).ok_or_else(|| SqlError::internal("decimal"))?;
            Ok(Number::Scaled(scaled, from.scale()))
        }
        (Value::Text(text), Family::Text) => parse(text, from, to),
        (Value::Bytes(bytes), Family::Binary) => Ok(Number::Whole(from_binary(bytes, to))),
        (Value::Int(value), Family::Temporal) =>
        {
            #[expect(clippy::cast_precision_loss, reason = "dates are far below 2^53")]
            match from {
                SqlType::DateTime => {
                    Ok(Number::Float(*value as f64 / calendar::THIRDS_PER_DAY as f64))
                }
                SqlType::SmallDateTime => Ok(Number::Float(*value as f64 / 1440.0)),
                _ => Err(not_allowed(from, to)),
            }
        }
        _ => Err(not_allowed(from, to)),
    }
}

/// The last bytes of a binary as a signed number (documented: cut or padded on the left).
fn from_binary(bytes: &[u8], to: SqlType) -> i128 {
    let width = match to {
        SqlType::TinyInt | SqlType::Bit => 1,
        SqlType::SmallInt => 2,
        SqlType::Int => 4,
        _ => 8,
    };
    let tail = &bytes[bytes.len().saturating_sub(width)..];
    let unsigned = tail.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    match to {
        SqlType::SmallInt => {
            i128::from(unsigned.to_le_bytes()[0])
                | i128::from(i16::from_le_bytes([0, unsigned.to_le_bytes()[1]]))
        }
        SqlType::Int => {
            let bytes = unsigned.to_le_bytes();
            i128::from(i32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
        }
        SqlType::BigInt => i128::from(unsigned.cast_signed()),
        _ => i128::from(unsigned),
    }
}

fn parse(text: &[u8], from: SqlType, to: SqlType) -> Result<Number> {
    let lossy = String::from_utf8_lossy(text);
    let trimmed = lossy.trim_matches(' ');
    let failed = || failed(&lossy, from, to);
    match to.family() {
        Family::Integer if to == SqlType::Bit => match trimmed.to_ascii_lowercase().as_str() {
            "true" => Ok(Number::Whole(1)),
            "false" => Ok(Number::Whole(0)),
            other => other.parse().map(Number::Whole).map_err(|_| failed()),
        },
        // Documented: an empty text is 0 for the integers, an error for decimal.
        Family::Integer if trimmed.is_empty() => Ok(Number::Whole(0)),
        Family::Integer => match decimal::parse(trimmed) {
            Some((value, 0)) => Ok(Number::Whole(value)),
            _ if is_digits(trimmed) => Err(overflow(to)),
            _ => Err(failed()),
        },
        Family::Approximate if trimmed.is_empty() => Ok(Number::Float(0.0)),
        Family::Approximate => match trimmed.parse::<f64>() {
            Ok(value) if value.is_finite() && !trimmed.contains(['n', 'N']) => {
                Ok(Number::Float(value))
            }
            _ => Err(failed()),
        },
        _ => {
            let money = matches!(to, SqlType::Money | SqlType::SmallMoney);
            let plain = if money {
                trimmed.trim_start_matches('$').replace(',', "")
            } else {
                trimmed.to_owned()
            };
            decimal::parse(&plain)
                .map(|(value, scale)| Number::Scaled(value, scale))
                .ok_or_else(failed)
        }
    }
}

fn is_digits(text: &str) -> bool {
    let digits = text.trim_start_matches(['-', '+']);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn failed(text: &str, from: SqlType, to: SqlType) -> SqlError {
    match to {
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int => {
            let message = format!(
                "Conversion failed when converting the {} value '{text}' to data type {}.",
                from.name(),
                to.name()
            );
            SqlError::new(245, message)
        }
        _ => {
            let name = if matches!(to, SqlType::Decimal { .. }) { "numeric" } else { to.name() };
            SqlError::new(8114, format!("Error converting data type {} to {name}.", from.name()))
                .state(5)
        }
    }
}

fn to_integer(number: &Number, to: SqlType) -> Result<Value> {
    let whole = match number {
        Number::Whole(value) => *value,
        // Documented: a decimal and a float lose their fraction.
        Number::Scaled(value, scale) => value / decimal::power_of_ten(*scale),
        Number::Float(value) if to == SqlType::Bit => i128::from(*value != 0.0),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "out of range saturates and fails below"
        )]
        Number::Float(value) => *value as i128,
    };
    let (low, high) = match to {
        SqlType::Bit => return Ok(Value::Int(i64::from(whole != 0))),
        SqlType::TinyInt => (0, i128::from(u8::MAX)),
        SqlType::SmallInt => (i128::from(i16::MIN), i128::from(i16::MAX)),
        SqlType::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    };
    if !(low..=high).contains(&whole) {
        return Err(overflow(to));
    }
    i64::try_from(whole).map(Value::Int).map_err(|_| overflow(to))
}

#[expect(clippy::cast_precision_loss, reason = "a float is what is asked for")]
fn to_float(number: &Number, to: SqlType) -> Result<Value> {
    let value = match number {
        Number::Whole(value) => *value as f64,
        Number::Scaled(value, scale) => decimal::to_f64(*value, *scale),
        Number::Float(value) => *value,
    };
    if to == SqlType::Float {
        return Ok(Value::Float(value));
    }
    #[expect(clippy::cast_possible_truncation, reason = "a real is an f32")]
    let real = value as f32;
    if real.is_finite() { Ok(Value::Float(f64::from(real))) } else { Err(overflow(to)) }
}

fn to_exact(number: &Number, from: SqlType, to: SqlType) -> Result<Value> {
    let scale = to.scale();
    let scaled = match number {
        Number::Whole(value) => decimal::rescale(*value, 0, scale),
        Number::Scaled(value, own) => decimal::rescale(*value, *own, scale),
        Number::Float(value) => decimal::from_f64(*value, scale),
    };
    let fits = |value: &i128| match to {
        SqlType::Money => i64::try_from(*value).is_ok(),
        SqlType::SmallMoney => i32::try_from(*value).is_ok(),
        SqlType::Decimal { precision, .. } => decimal::fits(*value, precision),
        _ => false,
    };
    let failure = || {
        let name = |own: SqlType| match own {
            SqlType::Decimal { .. } => "numeric",
            _ => own.name(),
        };
        let message = format!(
            "Arithmetic overflow error converting {} to data type {}.",
            name(from),
            name(to)
        );
        SqlError::new(8115, message).state(8)
    };
    scaled.filter(fits).map(|value| Value::Bytes(decimal::to_bytes(value))).ok_or_else(failure)
}
