//! `INFORMATION_SCHEMA`: tables and columns as the standard names them.

use serde_json::{Value as Json, json};

use super::Scope;
use super::tables::DEFAULT_COLLATION;
use super::type_rows::{max_length, precision};
use crate::catalog::{Column, Table};
use crate::values::SqlType;
use crate::values::sql_type::Family;

impl Scope<'_> {
    pub(super) fn information_tables(&self) -> Vec<Json> {
        let row = |table: &Table| {
            let schema = self.catalog.schema_name(table.schema_id);
            json!([self.catalog.database.name, schema, table.name, "BASE TABLE"])
        };
        self.visible_tables().map(row).collect()
    }

    pub(super) fn information_columns(&self) -> Vec<Json> {
        self.of_tables(
            |table| table.columns.iter().collect(),
            |table, column: &Column| {
                let sql_type = column.sql_type;
                let characters = characters(sql_type);
                let octets = characters.map(|_| max_length(sql_type));
                let (digits, scale) = precision(sql_type);
                let exact = matches!(sql_type.family(), Family::Integer | Family::Exact)
                    && sql_type != SqlType::Bit;
                let float = sql_type.family() == Family::Approximate;
                let radix = if exact { Some(10) } else { float.then_some(2) };
                let mantissa = if sql_type == SqlType::Real { 24 } else { 53 };
                let text = sql_type.is_text();
                json!([
                    self.catalog.database.name,
                    self.catalog.schema_name(table.schema_id),
                    table.name,
                    column.name,
                    column.id,
                    column.default.as_ref().map(|default| format!("({})", default.text)),
                    if column.nullable { "YES" } else { "NO" },
                    sql_type.name(),
                    characters,
                    octets,
                    if exact { Some(digits) } else { float.then_some(mantissa) },
                    radix,
                    exact.then_some(scale),
                    date_digits(sql_type),
                    text.then(|| if sql_type.is_national() { "UNICODE" } else { "iso_1" }),
                    text.then(|| column.collation.as_deref().unwrap_or(DEFAULT_COLLATION))
                ])
            },
        )
    }
}

/// The length in characters or bytes; -1 for (max).
fn characters(sql_type: SqlType) -> Option<i64> {
    let length = max_length(sql_type);
    match sql_type.family() {
        Family::Text if sql_type.is_national() && length > 0 => Some(length / 2),
        Family::Text | Family::Binary => Some(length),
        _ => None,
    }
}

fn date_digits(sql_type: SqlType) -> Option<u8> {
    match sql_type {
        SqlType::Date | SqlType::SmallDateTime => Some(0),
        SqlType::DateTime => Some(3),
        SqlType::Time(scale) | SqlType::DateTime2(scale) | SqlType::DateTimeOffset(scale) => {
            Some(scale)
        }
        _ => None,
    }
}
