//! The types, their names, their precedence and what two of them become together.

use serde::{Deserialize, Serialize};

/// The declared length of a variable type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Length {
    /// Characters or bytes.
    Limited(u16),
    /// `(max)`.
    Max,
}

impl Length {
    /// The longer of the two.
    #[must_use]
    pub fn longer(self, other: Self) -> Self {
        match (self, other) {
            (Self::Limited(left), Self::Limited(right)) => Self::Limited(left.max(right)),
            _ => Self::Max,
        }
    }

    /// Both, one after the other; past `limit` it stays at the limit.
    #[must_use]
    pub fn joined(self, other: Self, limit: u16) -> Self {
        match (self, other) {
            (Self::Limited(left), Self::Limited(right)) => {
                Self::Limited(left.saturating_add(right).min(limit))
            }
            _ => Self::Max,
        }
    }

    /// Whether every value of length `other` fits.
    pub fn holds(self, other: Self) -> bool {
        match (self, other) {
            (Self::Max, _) => true,
            (Self::Limited(_), Self::Max) => false,
            (Self::Limited(own), Self::Limited(theirs)) => own >= theirs,
        }
    }
}

/// A data type with its length, precision or scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each variant is the type of that name")]
pub enum SqlType {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Decimal { precision: u8, scale: u8 },
    Money,
    SmallMoney,
    Char(u16),
    VarChar(Length),
    NChar(u16),
    NVarChar(Length),
    Binary(u16),
    VarBinary(Length),
    UniqueIdentifier,
    Date,
    Time(u8),
    DateTime,
    SmallDateTime,
    DateTime2(u8),
    DateTimeOffset(u8),
}

/// What a type is good for, whatever its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Family {
    Integer,
    Approximate,
    Exact,
    Text,
    Binary,
    Guid,
    Temporal,
}

impl SqlType {
    /// `sysname`.
    pub const SYSNAME: Self = Self::NVarChar(Length::Limited(128));
    /// `nvarchar(max)`.
    pub const NTEXT_MAX: Self = Self::NVarChar(Length::Max);

    /// The family.
    pub fn family(self) -> Family {
        match self {
            Self::Bit | Self::TinyInt | Self::SmallInt | Self::Int | Self::BigInt => {
                Family::Integer
            }
            Self::Real | Self::Float => Family::Approximate,
            Self::Decimal { .. } | Self::Money | Self::SmallMoney => Family::Exact,
            Self::Char(_) | Self::VarChar(_) | Self::NChar(_) | Self::NVarChar(_) => Family::Text,
            Self::Binary(_) | Self::VarBinary(_) => Family::Binary,
            Self::UniqueIdentifier => Family::Guid,
            _ => Family::Temporal,
        }
    }

    /// Whether this is a character type.
    pub fn is_text(self) -> bool {
        self.family() == Family::Text
    }

    /// Whether this is a Unicode character type.
    pub fn is_national(self) -> bool {
        matches!(self, Self::NChar(_) | Self::NVarChar(_))
    }

    /// Whether numbers are kept: integer, approximate or exact.
    pub fn is_numeric(self) -> bool {
        matches!(self.family(), Family::Integer | Family::Approximate | Family::Exact)
    }

    /// The length of a character or binary type.
    pub fn length(self) -> Option<Length> {
        match self {
            Self::Char(length) | Self::NChar(length) | Self::Binary(length) => {
                Some(Length::Limited(length))
            }
            Self::VarChar(length) | Self::NVarChar(length) | Self::VarBinary(length) => {
                Some(length)
            }
            _ => None,
        }
    }

    /// Rank in SQL Server's data type precedence, higher wins (documented).
    pub fn precedence(self) -> u8 {
        match self {
            Self::DateTimeOffset(_) => 23,
            Self::DateTime2(_) => 22,
            Self::DateTime => 21,
            Self::SmallDateTime => 20,
            Self::Date => 19,
            Self::Time(_) => 18,
            Self::Float => 17,
            Self::Real => 16,
            Self::Decimal { .. } => 15,
            Self::Money => 14,
            Self::SmallMoney => 13,
            Self::BigInt => 12,
            Self::Int => 11,
            Self::SmallInt => 10,
            Self::TinyInt => 9,
            Self::Bit => 8,
            Self::UniqueIdentifier => 7,
            Self::NVarChar(_) => 6,
            Self::NChar(_) => 5,
            Self::VarChar(_) => 4,
            Self::Char(_) => 3,
            Self::VarBinary(_) => 2,
            Self::Binary(_) => 1,
        }
    }

    /// The decimal type that holds every value of an integer or exact type (documented conversions).
    pub fn as_decimal(self) -> Option<(u8, u8)> {
        Some(match self {
            Self::Bit => (1, 0),
            Self::TinyInt => (3, 0),
            Self::SmallInt => (5, 0),
            Self::Int => (10, 0),
            Self::BigInt => (19, 0),
            Self::Money => (19, 4),
            Self::SmallMoney => (10, 4),
            Self::Decimal { precision, scale } => (precision, scale),
            _ => return None,
        })
    }

    /// The type of an expression that may be of either type: CASE, COALESCE, UNION, comparison.
    #[must_use]
    pub fn unify(self, other: Self) -> Self {
        let (high, low) =
            if self.precedence() >= other.precedence() { (self, other) } else { (other, self) };
        match high {
            Self::Decimal { precision, scale } => match low.as_decimal() {
                Some((low_precision, low_scale)) => {
                    let scale = scale.max(low_scale);
                    let whole = (precision - high.scale()).max(low_precision - low_scale);
                    let precision = (whole + scale).min(super::decimal::DIGITS_MAX);
                    Self::Decimal { precision, scale: scale.min(precision) }
                }
                None => high,
            },
            Self::NVarChar(length) if low.is_text() => {
                Self::NVarChar(cap(length.longer(low.size()), 4000))
            }
            Self::VarChar(length) if low.is_text() => Self::VarChar(length.longer(low.size())),
            Self::VarBinary(length) if low.family() == Family::Binary => {
                Self::VarBinary(length.longer(low.size()))
            }
            Self::NChar(own) if low.is_text() => match (low, low.size()) {
                (Self::NChar(_) | Self::Char(_), Length::Limited(theirs)) => {
                    Self::NChar(own.max(theirs))
                }
                (_, theirs) => Self::NVarChar(cap(Length::Limited(own).longer(theirs), 4000)),
            },
            Self::Char(own) => match low.size() {
                Length::Limited(theirs) => Self::Char(own.max(theirs)),
                Length::Max => Self::VarChar(Length::Max),
            },
            Self::Binary(own) => match low.size() {
                Length::Limited(theirs) => Self::Binary(own.max(theirs)),
                Length::Max => Self::VarBinary(Length::Max),
            },
            Self::DateTime2(own) => Self::DateTime2(own.max(low.scale())),
            Self::DateTimeOffset(own) => Self::DateTimeOffset(own.max(low.scale())),
            Self::Time(own) => Self::Time(own.max(low.scale())),
            _ => high,
        }
    }

    fn size(self) -> Length {
        self.length().unwrap_or(Length::Limited(0))
    }

    /// Digits after the point: of a decimal, or of a time's seconds.
    pub fn scale(self) -> u8 {
        match self {
            Self::Decimal { scale, .. }
            | Self::Time(scale)
            | Self::DateTime2(scale)
            | Self::DateTimeOffset(scale) => scale,
            Self::Money | Self::SmallMoney => 4,
            _ => 0,
        }
    }

    /// The name without length or precision.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bit => "bit",
            Self::TinyInt => "tinyint",
            Self::SmallInt => "smallint",
            Self::Int => "int",
            Self::BigInt => "bigint",
            Self::Real => "real",
            Self::Float => "float",
            Self::Decimal { .. } => "decimal",
            Self::Money => "money",
            Self::SmallMoney => "smallmoney",
            Self::Char(_) => "char",
            Self::VarChar(_) => "varchar",
            Self::NChar(_) => "nchar",
            Self::NVarChar(_) => "nvarchar",
            Self::Binary(_) => "binary",
            Self::VarBinary(_) => "varbinary",
            Self::UniqueIdentifier => "uniqueidentifier",
            Self::Date => "date",
            Self::Time(_) => "time",
            Self::DateTime => "datetime",
            Self::SmallDateTime => "smalldatetime",
            Self::DateTime2(_) => "datetime2",
            Self::DateTimeOffset(_) => "datetimeoffset",
        }
    }

    /// One integer that stands for the type inside generated SQL.
    pub fn code(self) -> i64 {
        let length = |length: Length| match length {
            Length::Limited(limit) => i64::from(limit),
            Length::Max => 0xFFFF,
        };
        let detail = match self {
            Self::Decimal { precision, scale } => i64::from(precision) | i64::from(scale) << 8,
            Self::Time(scale) | Self::DateTime2(scale) | Self::DateTimeOffset(scale) => {
                i64::from(scale)
            }
            _ => self.length().map_or(0, length),
        };
        i64::from(self.precedence()) | detail << 8
    }

    /// The type behind a [`code`](Self::code).
    pub fn from_code(code: i64) -> Option<Self> {
        let detail = u16::try_from(code >> 8).ok()?;
        let length = if detail == 0xFFFF { Length::Max } else { Length::Limited(detail) };
        let [low, high] = detail.to_le_bytes();
        Some(match code & 0xFF {
            23 => Self::DateTimeOffset(low),
            22 => Self::DateTime2(low),
            21 => Self::DateTime,
            20 => Self::SmallDateTime,
            19 => Self::Date,
            18 => Self::Time(low),
            17 => Self::Float,
            16 => Self::Real,
            15 => Self::Decimal { precision: low, scale: high },
            14 => Self::Money,
            13 => Self::SmallMoney,
            12 => Self::BigInt,
            11 => Self::Int,
            10 => Self::SmallInt,
            9 => Self::TinyInt,
            8 => Self::Bit,
            7 => Self::UniqueIdentifier,
            6 => Self::NVarChar(length),
            5 => Self::NChar(detail),
            4 => Self::VarChar(length),
            3 => Self::Char(detail),
            2 => Self::VarBinary(length),
            1 => Self::Binary(detail),
            _ => return None,
        })
    }
}

/// As in a declaration.
impl std::fmt::Display for SqlType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())?;
        match (self, self.length()) {
            (_, Some(Length::Limited(length))) => write!(f, "({length})"),
            (_, Some(Length::Max)) => f.write_str("(max)"),
            (Self::Decimal { precision, scale }, None) => write!(f, "({precision}, {scale})"),
            (Self::Time(scale) | Self::DateTime2(scale) | Self::DateTimeOffset(scale), None) => {
                write!(f, "({scale})")
            }
            _ => Ok(()),
        }
    }
}

fn cap(length: Length, limit: u16) -> Length {
    match length {
        Length::Limited(own) => Length::Limited(own.min(limit)),
        Length::Max => Length::Max,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_gives_its_type_back() {
        for sql_type in [
            SqlType::NTEXT_MAX,
            SqlType::Decimal { precision: 38, scale: 10 },
            SqlType::DateTime2(7),
            SqlType::Char(8000),
            SqlType::Bit,
        ] {
            assert_eq!(SqlType::from_code(sql_type.code()), Some(sql_type));
        }
    }

    #[test]
    fn the_higher_precedence_wins_and_lengths_grow() {
        let short = SqlType::VarChar(Length::Limited(3));
        let long = SqlType::NVarChar(Length::Limited(2));
        assert_eq!(short.unify(long), SqlType::NVarChar(Length::Limited(3)));
        assert_eq!(SqlType::Int.unify(SqlType::BigInt), SqlType::BigInt);
        let decimal = SqlType::Decimal { precision: 5, scale: 2 };
        assert_eq!(decimal.unify(SqlType::Int), SqlType::Decimal { precision: 12, scale: 2 });
    }
}
