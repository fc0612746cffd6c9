//! To dates and times, and dates and times to text.

use super::{not_allowed, overflow};
use crate::sql::error::{Result, SqlError};
use crate::values::calendar::{self, Instant, TICKS_PER_DAY};
use crate::values::sql_type::Family;
use crate::values::{SqlType, Value};

pub(super) fn to_temporal(value: &Value, from: SqlType, to: SqlType) -> Result<Value> {
    let instant = match (value, from.family()) {
        (Value::Text(text), _) => {
            calendar::parse(&String::from_utf8_lossy(text)).ok_or_else(failed)?
        }
        (_, Family::Temporal) => read(value, from)?,
        (Value::Int(days), Family::Integer)
            if matches!(to, SqlType::DateTime | SqlType::SmallDateTime) =>
        {
            Instant { days: days + calendar::DAY_1900, ticks: 0, offset: 0 }
        }
        _ => return Err(not_allowed(from, to)),
    };
    write_from(instant, Some(from), to)
}

fn failed() -> SqlError {
    SqlError::new(241, "Conversion failed when converting date and/or time from character string.")
}

/// A stored value as a point in local time.
pub(crate) fn read(value: &Value, from: SqlType) -> Result<Instant> {
    let bad = || SqlError::internal("date or time");
    if let Value::Bytes(bytes) = value {
        let (utc, offset) = calendar::offset_from_bytes(bytes).ok_or_else(bad)?;
        return Ok(Instant::from_ticks(utc + offset * 60 * calendar::TICKS_PER_SECOND, offset));
    }
    let value = value.as_int().ok_or_else(bad)?;
    Ok(match from {
        SqlType::Date => Instant { days: value, ticks: 0, offset: 0 },
        SqlType::Time(_) => Instant { days: calendar::DAY_1900, ticks: value, offset: 0 },
        SqlType::DateTime => Instant {
            days: value.div_euclid(calendar::THIRDS_PER_DAY) + calendar::DAY_1900,
            // Documented: datetime shows .000, .003 and .007 when it becomes datetime2 (ten thirds, rounded).
            ticks: (value.rem_euclid(calendar::THIRDS_PER_DAY) * 100_000 + 1) / 3,
            offset: 0,
        },
        SqlType::SmallDateTime => Instant {
            days: value.div_euclid(1440) + calendar::DAY_1900,
            ticks: value.rem_euclid(1440) * 60 * calendar::TICKS_PER_SECOND,
            offset: 0,
        },
        _ => Instant::from_ticks(value, 0),
    })
}

/// A point in local time in the storage form of a type.
pub(crate) fn write(instant: Instant, to: SqlType) -> Result<Value> {
    write_from(instant, None, to)
}

fn write_from(instant: Instant, from: Option<SqlType>, to: SqlType) -> Result<Value> {
    if !instant.in_range() {
        return Err(out_of_range(from, to));
    }
    Ok(match to {
        SqlType::Date => Value::Int(instant.days),
        SqlType::Time(scale) => {
            Value::Int(calendar::round_ticks(instant.ticks, scale).rem_euclid(TICKS_PER_DAY))
        }
        SqlType::DateTime => {
            let day = instant.days - calendar::DAY_1900;
            // Documented range of datetime: from 1753-01-01 on.
            if instant.days < 639_905 {
                return Err(out_of_range(from, to));
            }
            let thirds = (instant.ticks * 3 + 50_000) / 100_000;
            Value::Int(day * calendar::THIRDS_PER_DAY + thirds)
        }
        SqlType::SmallDateTime => {
            // Documented: 29.998 seconds and less are rounded down, 29.999 up: the thirds of datetime come first.
            let thirds = (instant.ticks * 3 + 50_000) / 100_000;
            let minutes = (thirds + 30 * 300) / (60 * 300);
            let value = (instant.days - calendar::DAY_1900) * 1440 + minutes;
            if !(0..=65_535 * 1440 + 1439).contains(&value) {
                return Err(out_of_range(from, to));
            }
            Value::Int(value)
        }
        SqlType::DateTimeOffset(scale) => {
            let utc = calendar::round_ticks(instant.utc_ticks(), scale);
            Value::Bytes(calendar::offset_to_bytes(utc, instant.offset))
        }
        SqlType::DateTime2(scale) => {
            let ticks = calendar::round_ticks(instant.local_ticks(), scale);
            if ticks >= calendar::DAYS_END * TICKS_PER_DAY {
                return Err(overflow(to));
            }
            Value::Int(ticks)
        }
        _ => return Err(overflow(to)),
    })
}

fn out_of_range(from: Option<SqlType>, to: SqlType) -> SqlError {
    let from = from.map_or_else(String::new, |from| format!("of a {} data type ", from.name()));
    let message = format!(
        "The conversion {from}to a {} data type resulted in an out-of-range value.",
        to.name()
    );
    SqlError::new(242, message).state(3)
}

/// The text of a date or time; styles as documented for CONVERT.
pub(super) fn format(value: &Value, from: SqlType, style: i64) -> Result<String> {
    let instant = read(value, from)?;
    let (year, month, day) = instant.date();
    let clock = |scale: u8| calendar::format_time(instant.ticks, scale);
    let legacy = matches!(from, SqlType::DateTime | SqlType::SmallDateTime);
    let scale = if from == SqlType::DateTime { 3 } else { from.scale() };
    let date = calendar::format_date(instant.days);
    let offset = calendar::format_offset(instant.offset);
    Ok(match (style, from) {
        (0 | 20 | 21 | 25 | 120 | 121 | 126 | 127, SqlType::Date) | (23, _) => date,
        (_, SqlType::Time(_)) => clock(scale),
        (112, _) => format!("{year:04}{month:02}{day:02}"),
        (101, _) => format!("{month:02}/{day:02}/{year:04}"),
        (103, _) => format!("{day:02}/{month:02}/{year:04}"),
        (104, _) => format!("{day:02}.{month:02}.{year:04}"),
        (108, _) => clock(0),
        (114, _) => clock(3).replace('.', ":"),
        (20 | 120, _) => format!("{date} {}", clock(0)),
        (0 | 100, _) if legacy => month_name_form(instant),
        (0 | 21 | 25 | 121, SqlType::DateTimeOffset(_)) => {
            format!("{date} {} {offset}", clock(scale))
        }
        (0 | 21 | 25 | 121, _) => format!("{date} {}", clock(scale)),
        (126, SqlType::DateTimeOffset(_)) => format!("{date}T{}{offset}", clock(scale)),
        // Documented: no fraction when it is zero.
        (126, SqlType::DateTime) if instant.ticks % calendar::TICKS_PER_SECOND == 0 => {
            format!("{date}T{}", clock(0))
        }
        (127, SqlType::DateTimeOffset(_)) => {
            let utc = Instant::from_ticks(instant.utc_ticks(), 0);
            let time = calendar::format_time(utc.ticks, scale);
            format!("{}T{time}Z", calendar::format_date(utc.days))
        }
        (126 | 127, _) => format!("{date}T{}", clock(scale)),
        _ => {
            let message = format!(
                "{style} is not a valid style number when converting from {} to a character string.",
                from.name()
            );
            return Err(SqlError::new(281, message));
        }
    })
}

/// `Nov  1 2025 10:20AM`, the default of datetime.
fn month_name_form(instant: Instant) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let (year, month, day) = instant.date();
    let minutes = instant.ticks / (60 * calendar::TICKS_PER_SECOND);
    let (hour, minute) = (minutes / 60, minutes % 60);
    let half = if hour < 12 { "AM" } else { "PM" };
    let shown = if hour % 12 == 0 { 12 } else { hour % 12 };
    let name = MONTHS[usize::try_from(month).map_or(0, |month| month - 1) % 12];
    format!("{name} {day:>2} {year:04} {shown:>2}:{minute:02}{half}")
}
