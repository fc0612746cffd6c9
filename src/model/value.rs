//! The canonical form of a value: two values are the same exactly when they are `==` here.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// Number of the canonical form of values. It is raised when a decoder is corrected: entries with a column
/// of a type that [`corrected_after`] names are then compared again.
pub const VALUES: i64 = 2;

/// By the form that corrected them, the SQL types that an earlier form read wrongly. Before form 2 the offset of
/// a datetimeoffset was subtracted twice, and what a datetime has beyond 1 ns was cut off, where SQL Server's
/// cast rounds to 100 ns.
const CORRECTED: [(i64, &[&str]); 1] = [(2, &["datetime", "datetimeoffset"])];

/// SQL types whose values a graph of an earlier form may hold wrongly.
pub fn corrected_after(form: i64) -> impl Iterator<Item = &'static str> {
    let later = CORRECTED.iter().filter(move |(corrected, _)| *corrected > form);
    later.flat_map(|(_, types)| types.iter().copied())
}

/// A value as both stores can hold it.
#[derive(Clone, Debug)]
pub enum Value {
    /// Any integer.
    Integer(i64),
    /// Any float; `-0.0` is `0.0`.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// Text; also decimals, GUIDs and binary (hex), which Neo4j has no type for.
    Text(String),
    /// An instant, to the nanosecond. The zone it was written in does not matter.
    Instant(DateTime<Utc>),
    /// Date and time of no known zone.
    Local(NaiveDateTime),
    /// A date.
    Date(NaiveDate),
    /// A type that provsync never writes, put there by somebody else; equal to nothing.
    Foreign,
}

impl PartialEq for Value {
    /// Types differ before values do: `1` is not `1.0`, though Cypher says so. Floats are compared
    /// by their bits, so that a NaN that somebody wrote is a difference like any other.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Text(a), Self::Text(b)) => a == b,
            (Self::Instant(a), Self::Instant(b)) => a == b,
            (Self::Local(a), Self::Local(b)) => a == b,
            (Self::Date(a), Self::Date(b)) => a == b,
            _ => false,
        }
    }
}

impl Value {
    /// A FLOAT from any double: `-0.0` becomes `0.0`, which Neo4j stores apart but calls equal.
    pub fn float(value: f64) -> Self {
        Self::Float(if value == 0.0 { 0.0 } else { value })
    }

    /// A FLOAT from a REAL: the shortest decimal that reads back as the same REAL, so that 0.7
    /// stays 0.7 and does not become 0.699999988079071.
    pub fn real(value: f32) -> Self {
        Self::float(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
    }

    /// Lower-case hex of binary data.
    pub fn hex(bytes: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
        Self::Text(bytes.iter().flat_map(|b| [digit(b >> 4), digit(b & 15)]).collect())
    }

    /// About how much memory the value takes, in bytes; batches are limited by it.
    pub fn size(&self) -> usize {
        match self {
            Self::Text(text) => 16 + text.len(),
            _ => 16,
        }
    }
}

/// A value that can be part of an identity, in a form that can be hashed and ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentityValue {
    /// bigint, int, …
    Integer(i64),
    /// Text or GUID.
    Text(String),
}

impl IdentityValue {
    /// The identity that a value is; `None` for types that can't be one.
    pub fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Integer(i) => Some(Self::Integer(*i)),
            Value::Text(t) => Some(Self::Text(t.clone())),
            _ => None,
        }
    }

    /// The value again.
    pub fn value(&self) -> Value {
        match self {
            Self::Integer(i) => Value::Integer(*i),
            Self::Text(t) => Value::Text(t.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_real_reads_back_as_itself(bits in any::<u32>()) {
            let real = f32::from_bits(bits);
            prop_assume!(real.is_finite());
            let Value::Float(float) = Value::real(real) else { panic!("not a float") };
            // The cast is the point: the double must round to the very REAL that it came from.
            #[allow(clippy::cast_possible_truncation)]
            let back = float as f32;
            // `+ 0.0` makes a zero of either sign the one that is kept.
            prop_assert!(back.total_cmp(&(real + 0.0)).is_eq());
            prop_assert!(float.to_string().len() <= real.to_string().len().max(3));
        }

        #[test]
        fn hex_has_two_digits_a_byte_and_reads_back(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let Value::Text(hex) = Value::hex(&bytes) else { panic!("not text") };
            let back: Vec<u8> = (0..hex.len() / 2)
                .map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).expect("hex"))
                .collect();
            prop_assert_eq!(back, bytes);
        }
    }

    #[test]
    fn one_is_not_one_point_zero_and_minus_zero_is_zero() {
        assert_ne!(Value::Integer(1), Value::Float(1.0));
        assert_eq!(Value::float(-0.0), Value::Float(0.0));
        assert_eq!(Value::real(0.7), Value::Float(0.7));
        assert_ne!(Value::Foreign, Value::Foreign);
    }
}
