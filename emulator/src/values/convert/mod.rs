//! CAST, CONVERT and what assignment to a column does: one value from one type to another.

mod binary;
mod number;
pub(crate) mod temporal;
mod text;

use super::sql_type::Family;
use super::{SqlType, Value};
use crate::sql::error::{Result, SqlError};

/// Why a conversion takes place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// CAST and CONVERT: too long a text is cut.
    Cast,
    /// Into a column: too long a text is an error unless only blanks go (documented, 2628).
    Store,
}

/// Converts a value. `style` is that of CONVERT, 0 otherwise.
pub fn convert(
    value: Value,
    from: SqlType,
    to: SqlType,
    style: i64,
    purpose: Purpose,
) -> Result<Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match to.family() {
        Family::Text => text::to_text(value, from, to, style, purpose),
        Family::Integer | Family::Approximate | Family::Exact => {
            number::to_number(&value, from, to)
        }
        Family::Binary => binary::to_binary(value, from, to, style, purpose),
        Family::Guid => text::to_guid(value, from),
        Family::Temporal => temporal::to_temporal(&value, from, to),
    }
}

/// Whether CAST knows this pair at all (documented conversion table).
pub fn is_allowed(from: SqlType, to: SqlType) -> bool {
    use Family::{Approximate, Binary, Exact, Guid, Integer, Temporal, Text};
    match (from.family(), to.family()) {
        (Binary, Approximate | Temporal) => false,
        (Text | Binary, _)
        | (_, Text | Binary)
        | (Guid, Guid)
        | (Integer | Approximate | Exact, Integer | Approximate | Exact) => true,
        (Guid, _) | (_, Guid) => false,
        (Temporal, Temporal) => !matches!(
            (from, to),
            (SqlType::Date, SqlType::Time(_)) | (SqlType::Time(_), SqlType::Date)
        ),
        (Integer | Approximate | Exact, Temporal) => {
            matches!(to, SqlType::DateTime | SqlType::SmallDateTime)
        }
        (Temporal, Integer | Approximate | Exact) => {
            matches!(from, SqlType::DateTime | SqlType::SmallDateTime)
        }
    }
}

/// Whether the pair converts without CAST (documented conversion table).
pub fn is_implicit(from: SqlType, to: SqlType) -> bool {
    use Family::{Approximate, Binary, Exact, Integer, Temporal, Text};
    let needs_cast = matches!(
        (from.family(), to.family()),
        (Text | Approximate | Temporal, Binary)
            | (Binary, Approximate | Temporal)
            | (Temporal, Integer | Exact | Approximate)
    );
    is_allowed(from, to) && !needs_cast
}

/// Whether every value of `from` is already a value of `to`, in the same storage form.
pub fn is_free(from: SqlType, to: SqlType) -> bool {
    if from == to {
        return true;
    }
    match (from, to) {
        (
            SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt,
            SqlType::SmallInt | SqlType::Int | SqlType::BigInt,
        ) => from.precedence() <= to.precedence(),
        (SqlType::Bit, SqlType::TinyInt) | (SqlType::Real, SqlType::Float) => true,
        (SqlType::VarChar(own) | SqlType::NVarChar(own), SqlType::NVarChar(other))
        | (SqlType::VarChar(own), SqlType::VarChar(other))
        | (SqlType::VarBinary(own), SqlType::VarBinary(other)) => other.holds(own),
        (SqlType::Char(_) | SqlType::NChar(_), SqlType::NVarChar(other))
        | (SqlType::Char(_), SqlType::VarChar(other))
        | (SqlType::Binary(_), SqlType::VarBinary(other)) => {
            from.length().is_some_and(|own| other.holds(own))
        }
        (SqlType::DateTime2(own), SqlType::DateTime2(other))
        | (SqlType::Time(own), SqlType::Time(other)) => own <= other,
        (
            SqlType::Decimal { precision, scale },
            SqlType::Decimal { precision: other_precision, scale: other_scale },
        ) => scale == other_scale && precision <= other_precision,
        _ => false,
    }
}

fn overflow(to: SqlType) -> SqlError {
    let message =
        format!("Arithmetic overflow error converting expression to data type {}.", to.name());
    SqlError::new(8115, message).state(2)
}

fn not_allowed(from: SqlType, to: SqlType) -> SqlError {
    let message = format!(
        "Explicit conversion from data type {} to {} is not allowed.",
        from.name(),
        to.name()
    );
    SqlError::new(529, message).state(2)
}
