//! From the wire to the canonical form.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use tiberius::{ColumnData, FromSql, Row};

use crate::error::{Error, Kind, Result};
use crate::mapping::ColumnKind;
use crate::model::{Cell, SourceRow, Value};

const LONE_SURROGATE: &str = "its text holds half a surrogate pair, which no Unicode text can";

/// A row whose first column is the key and whose others are of `kinds`, in order.
pub fn row(row: &Row, kinds: &[ColumnKind]) -> Result<SourceRow> {
    let mut cells = row.cells().map(|(_, data)| data);
    let key = cells.next().and_then(integer).ok_or_else(|| mismatch("a row key"))?;
    let cells: Vec<Cell> =
        cells.zip(kinds).map(|(data, kind)| cell(data, *kind)).collect::<Result<_>>()?;
    if cells.len() == kinds.len() { Ok(SourceRow { key, cells }) } else { Err(mismatch("a row")) }
}

/// One column.
pub fn cell(data: &ColumnData<'static>, kind: ColumnKind) -> Result<Cell> {
    Ok(match kind {
        ColumnKind::Integer => of(integer_or_null(data)?.map(Value::Integer)),
        ColumnKind::Boolean => of(bool::from_sql(data).map_err(wrong)?.map(Value::Boolean)),
        ColumnKind::Float => of(float(data)?),
        ColumnKind::Text | ColumnKind::Decimal | ColumnKind::Guid => text(data)?,
        ColumnKind::Utc => of(instant(data)?.map(Value::Instant)),
        ColumnKind::Local => of(NaiveDateTime::from_sql(data).map_err(wrong)?.map(Value::Local)),
        ColumnKind::Date => of(NaiveDate::from_sql(data).map_err(wrong)?.map(Value::Date)),
        ColumnKind::Hex => of(<&[u8]>::from_sql(data).map_err(wrong)?.map(Value::hex)),
    })
}

fn of(value: Option<Value>) -> Cell {
    value.map_or(Cell::Null, Cell::Value)
}

/// Any integer type, as bigint.
pub fn integer(data: &ColumnData<'static>) -> Option<i64> {
    integer_or_null(data).ok().flatten()
}

fn integer_or_null(data: &ColumnData<'static>) -> Result<Option<i64>> {
    Ok(match data {
        ColumnData::U8(v) => v.map(i64::from),
        ColumnData::I16(v) => v.map(i64::from),
        ColumnData::I32(v) => v.map(i64::from),
        ColumnData::I64(v) => *v,
        _ => return Err(mismatch("an integer")),
    })
}

fn float(data: &ColumnData<'static>) -> Result<Option<Value>> {
    Ok(match data {
        ColumnData::F32(v) => v.map(Value::real),
        ColumnData::F64(v) => v.map(Value::float),
        _ => return Err(mismatch("a float")),
    })
}

/// Text comes as its UTF-16 bytes ([`super::statements`]), so that it is judged here and not by the
/// driver, which would either break off the whole answer or replace what it can't read in silence.
fn text(data: &ColumnData<'static>) -> Result<Cell> {
    let ColumnData::Binary(bytes) = data else { return Err(mismatch("text as varbinary")) };
    let Some(bytes) = bytes else { return Ok(Cell::Null) };
    let units = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len() / 2);
    for unit in char::decode_utf16(units) {
        match unit {
            Ok(character) => text.push(character),
            Err(_) => return Ok(Cell::Unreadable(LONE_SURROGATE)),
        }
    }
    Ok(Cell::Value(Value::Text(text)))
}

fn instant(data: &ColumnData<'static>) -> Result<Option<DateTime<Utc>>> {
    match data {
        ColumnData::DateTimeOffset(_) => DateTime::<Utc>::from_sql(data).map_err(wrong),
        _ => Ok(NaiveDateTime::from_sql(data).map_err(wrong)?.map(|local| local.and_utc())),
    }
}

fn mismatch(expected: &str) -> Error {
    Error::new(
        Kind::Source,
        format!("SQL Server answered with another type where {expected} was expected"),
    )
    .hint("the column's type does not fit the mapping; `provsync doctor` compares them")
}

fn wrong(_: tiberius::error::Error) -> Error {
    mismatch("the mapped type")
}
