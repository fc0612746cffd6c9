//! From the wire to the canonical form.

use chrono::{DateTime, Days, FixedOffset, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use tiberius::{ColumnData, FromSql, Row, time};

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
        ColumnKind::Local => of(local(data)?.map(Value::Local)),
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

/// An offset says which instant a local time is; a type without one holds UTC.
fn instant(data: &ColumnData<'static>) -> Result<Option<DateTime<Utc>>> {
    match data {
        // The wire carries UTC and the offset beside it (MS-TDS 2.2.5.5.1.8). The driver subtracts the offset
        // from UTC once more for `DateTime<Utc>`, and not for `DateTime<FixedOffset>`.
        ColumnData::DateTimeOffset(_) => {
            let zoned = DateTime::<FixedOffset>::from_sql(data).map_err(wrong)?;
            Ok(zoned.map(|zoned| zoned.to_utc()))
        }
        _ => Ok(local(data)?.map(|local| local.and_utc())),
    }
}

fn local(data: &ColumnData<'static>) -> Result<Option<NaiveDateTime>> {
    match data {
        ColumnData::DateTime(value) => value.map(of_thirds).transpose(),
        _ => NaiveDateTime::from_sql(data).map_err(wrong),
    }
}

/// `datetime` counts three-hundredths of a second from 1900 on. As a `datetime2(7)`, each is the nearest
/// 100 ns: .003 is .0033333 and .007 is .0066667 (documented for CAST, compatibility level 130 and above).
/// The driver drops the rest instead.
fn of_thirds(value: time::DateTime) -> Result<NaiveDateTime> {
    const DAY_1900: Option<NaiveDate> = NaiveDate::from_ymd_opt(1900, 1, 1);
    let ticks = (i64::from(value.seconds_fragments()) * 100_000 + 1) / 3;
    let days = Days::new(u64::from(value.days().unsigned_abs()));
    let date = DAY_1900.and_then(|first| match value.days() {
        0.. => first.checked_add_days(days),
        _ => first.checked_sub_days(days),
    });
    let midnight = date.map(|date| date.and_time(NaiveTime::MIN));
    let moment = midnight.and_then(|m| m.checked_add_signed(TimeDelta::nanoseconds(ticks * 100)));
    moment.ok_or_else(|| mismatch("a date"))
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;

    fn instant_of(data: &ColumnData<'static>) -> String {
        let cell = cell(data, ColumnKind::Utc).unwrap();
        let Cell::Value(Value::Instant(instant)) = cell else { panic!("{cell:?}") };
        instant.format("%Y-%m-%dT%H:%M:%S%.9f").to_string()
    }

    /// A third of a hundredth of a second has one of three endings; nothing is computed here.
    #[test]
    fn every_tick_of_a_datetime_is_what_sql_server_casts_it_to() {
        const ENDINGS: [&str; 3] = ["00000", "33333", "66667"];
        for tick in 0..300_u32 {
            let (hundredths, third) = (tick / 3, tick % 3);
            let fraction = format!("{hundredths:02}{}", ENDINGS[usize::try_from(third).unwrap()]);
            for (second, clock) in [(0, "00:00:00"), (86_399, "23:59:59")] {
                let value = time::DateTime::new(0, second * 300 + tick);
                let expected = format!("1900-01-01T{clock}.{fraction}00");
                assert_eq!(instant_of(&ColumnData::DateTime(Some(value))), expected);
            }
        }
    }

    #[test]
    fn a_datetime_has_days_before_1900_and_until_9999() {
        let at = |days, thirds| {
            instant_of(&ColumnData::DateTime(Some(time::DateTime::new(days, thirds))))
        };
        assert_eq!(at(-53_690, 0), "1753-01-01T00:00:00.000000000");
        assert_eq!(at(-1, 1), "1899-12-31T00:00:00.003333300");
        assert_eq!(at(2_958_463, 25_919_999), "9999-12-31T23:59:59.996666700");
        let beyond = ColumnData::DateTime(Some(time::DateTime::new(i32::MAX, 0)));
        assert!(cell(&beyond, ColumnKind::Utc).is_err());
        assert_eq!(cell(&ColumnData::DateTime(None), ColumnKind::Local).unwrap(), Cell::Null);
    }

    /// The bytes that the emulator's tests write down by MS-TDS: UTC, and the offset beside it.
    #[test]
    fn a_datetimeoffset_is_the_instant_that_travels_whatever_its_offset() {
        // 2000-01-01 is day 730119; 10:00:00 in units of 100 ns.
        for offset in [0, 120, -330, 840, -840] {
            let moment =
                time::DateTime2::new(time::Date::new(730_119), time::Time::new(360_000_000_000, 7));
            let value = time::DateTimeOffset::new(moment, offset);
            let data = ColumnData::DateTimeOffset(Some(value));
            assert_eq!(instant_of(&data), "2000-01-01T10:00:00.000000000", "{offset}");
        }
    }
}
