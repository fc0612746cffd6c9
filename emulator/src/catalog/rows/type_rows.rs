//! sys.types, and how sys.columns describes a type.

use serde_json::{Value as Json, json};

use crate::values::{Length, SqlType};

/// `system_type_id` (documented numbers).
pub(super) fn system_type_id(sql_type: SqlType) -> i64 {
    match sql_type {
        SqlType::UniqueIdentifier => 36,
        SqlType::Date => 40,
        SqlType::Time(_) => 41,
        SqlType::DateTime2(_) => 42,
        SqlType::DateTimeOffset(_) => 43,
        SqlType::TinyInt => 48,
        SqlType::SmallInt => 52,
        SqlType::Int => 56,
        SqlType::SmallDateTime => 58,
        SqlType::Real => 59,
        SqlType::Money => 60,
        SqlType::DateTime => 61,
        SqlType::Float => 62,
        SqlType::Bit => 104,
        SqlType::Decimal { .. } => 106,
        SqlType::SmallMoney => 122,
        SqlType::BigInt => 127,
        SqlType::VarBinary(_) => 165,
        SqlType::VarChar(_) => 167,
        SqlType::Binary(_) => 173,
        SqlType::Char(_) => 175,
        SqlType::NVarChar(_) => 231,
        SqlType::NChar(_) => 239,
    }
}

/// The same for every type here, since there are no user types.
pub(super) fn user_type_id(sql_type: SqlType) -> i64 {
    system_type_id(sql_type)
}

/// `max_length` in bytes, -1 for (max).
pub(super) fn max_length(sql_type: SqlType) -> i64 {
    let unit = if sql_type.is_national() { 2 } else { 1 };
    match sql_type.length() {
        Some(Length::Max) => -1,
        Some(Length::Limited(length)) => i64::from(length) * unit,
        None => match sql_type {
            SqlType::Bit | SqlType::TinyInt => 1,
            SqlType::SmallInt => 2,
            SqlType::Date => 3,
            SqlType::Int | SqlType::Real | SqlType::SmallMoney | SqlType::SmallDateTime => 4,
            SqlType::UniqueIdentifier => 16,
            SqlType::Decimal { precision, .. } => match precision {
                0..=9 => 5,
                10..=19 => 9,
                20..=28 => 13,
                _ => 17,
            },
            SqlType::Time(scale) => 3 + i64::from(scale > 2) + i64::from(scale > 4),
            SqlType::DateTime2(scale) => 6 + i64::from(scale > 2) + i64::from(scale > 4),
            SqlType::DateTimeOffset(scale) => 8 + i64::from(scale > 2) + i64::from(scale > 4),
            _ => 8,
        },
    }
}

/// precision and scale.
pub(super) fn precision(sql_type: SqlType) -> (u8, u8) {
    match sql_type {
        SqlType::Bit => (1, 0),
        SqlType::TinyInt => (3, 0),
        SqlType::SmallInt => (5, 0),
        SqlType::Int | SqlType::Date => (10, 0),
        SqlType::BigInt => (19, 0),
        SqlType::Real => (24, 0),
        SqlType::Float => (53, 0),
        SqlType::Decimal { precision, scale } => (precision, scale),
        SqlType::Money => (19, 4),
        SqlType::SmallMoney => (10, 4),
        SqlType::Time(scale) => (8 + scale + u8::from(scale > 0), scale),
        SqlType::DateTime2(scale) => (19 + scale + u8::from(scale > 0), scale),
        SqlType::DateTimeOffset(scale) => (26 + scale + u8::from(scale > 0), scale),
        SqlType::DateTime => (23, 3),
        SqlType::SmallDateTime => (16, 0),
        _ => (0, 0),
    }
}

pub(super) fn types() -> Vec<Json> {
    let max = Length::Limited(8000);
    let all = [
        SqlType::Bit,
        SqlType::TinyInt,
        SqlType::SmallInt,
        SqlType::Int,
        SqlType::BigInt,
        SqlType::Real,
        SqlType::Float,
        SqlType::Decimal { precision: 38, scale: 38 },
        SqlType::Money,
        SqlType::SmallMoney,
        SqlType::Char(8000),
        SqlType::VarChar(max),
        SqlType::NChar(4000),
        SqlType::NVarChar(Length::Limited(4000)),
        SqlType::Binary(8000),
        SqlType::VarBinary(max),
        SqlType::UniqueIdentifier,
        SqlType::Date,
        SqlType::Time(7),
        SqlType::DateTime,
        SqlType::SmallDateTime,
        SqlType::DateTime2(7),
        SqlType::DateTimeOffset(7),
    ];
    let mut rows: Vec<Json> =
        all.into_iter().map(|sql_type| type_row(sql_type.name(), sql_type)).collect();
    // Documented: numeric and sysname have ids of their own.
    rows.push(json!(["numeric", 108, 108, 4, 17, 38, 38, Json::Null, 1, 0, 0, 0]));
    rows.push(json!([
        "sysname",
        231,
        256,
        4,
        256,
        0,
        0,
        "SQL_Latin1_General_CP1_CI_AS",
        0,
        0,
        0,
        0
    ]));
    rows
}

fn type_row(name: &str, sql_type: SqlType) -> Json {
    let (digits, scale) = precision(sql_type);
    let collation = sql_type.is_text().then_some("SQL_Latin1_General_CP1_CI_AS");
    let id = system_type_id(sql_type);
    json!([name, id, id, 4, max_length(sql_type), digits, scale, collation, 1, 0, 0, 0])
}
