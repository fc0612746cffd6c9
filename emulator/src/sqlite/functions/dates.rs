//! Dates and times.

use rusqlite::Connection;

use super::{Arguments, impure, pure, text_value};
use crate::sql::error::{Result, SqlError};
use crate::sqlite::context::ContextHandle;
use crate::values::Value;
use crate::values::calendar::{self, Instant, TICKS_PER_DAY, TICKS_PER_SECOND};
use crate::values::convert::temporal;

pub(super) fn register(connection: &Connection, context: &ContextHandle) -> rusqlite::Result<()> {
    let now = context.clone();
    // d_now(type): the statement's time, in UTC. The server's zone is UTC.
    impure(connection, "d_now", 1, move |call| {
        let ticks = now.lock().now;
        temporal::write(Instant::from_ticks(ticks, 0), call.sql_type(0)?)
    })?;
    pure(connection, "d_add", 4, add)?;
    pure(connection, "d_diff", 5, difference)?;
    pure(connection, "d_part", 3, part)?;
    pure(connection, "d_name", 3, name)?;
    // d_checked(datetime): 517 outside of the years 1753 to 9999.
    pure(connection, "d_checked", 1, |call| match call.int(0) {
        Some(value) if !(FIRST_DATETIME..END_DATETIME).contains(&value) => {
            let message = "Adding a value to a 'datetime' column caused an overflow.";
            Err(SqlError::new(517, message))
        }
        _ => Ok(call.value(0)),
    })?;
    // d_of(year, month, day)
    pure(connection, "d_of", 3, |call| {
        if call.any_null() {
            return Ok(Value::Null);
        }
        let part = |at| call.int(at).and_then(|part| u32::try_from(part).ok());
        let days = call
            .int(0)
            .filter(|year| (1..=9999).contains(year))
            .zip(part(1))
            .zip(part(2))
            .and_then(|((year, month), day)| calendar::days_of(year, month, day));
        let days = days.ok_or_else(|| {
            // Documented: 289.
            let message = "Cannot construct data type date, some of the arguments have values which are not valid.";
            SqlError::new(289, message)
        })?;
        temporal::write(Instant::from_ticks(days * TICKS_PER_DAY, 0), crate::values::SqlType::Date)
    })
}

/// 1753-01-01 and 10000-01-01 as datetime is kept.
const FIRST_DATETIME: i64 = -53_690 * calendar::THIRDS_PER_DAY;
const END_DATETIME: i64 = 2_958_464 * calendar::THIRDS_PER_DAY;

fn unit(call: &Arguments<'_>) -> String {
    match call.string(0).unwrap_or_default().as_str() {
        "yy" | "yyyy" => "year".to_owned(),
        "qq" | "q" => "quarter".to_owned(),
        "mm" | "m" => "month".to_owned(),
        "wk" | "ww" => "week".to_owned(),
        "dy" | "y" => "dayofyear".to_owned(),
        "dd" | "d" => "day".to_owned(),
        "dw" | "w" => "weekday".to_owned(),
        "hh" => "hour".to_owned(),
        "mi" | "n" => "minute".to_owned(),
        "ss" | "s" => "second".to_owned(),
        "ms" => "millisecond".to_owned(),
        "mcs" => "microsecond".to_owned(),
        "ns" => "nanosecond".to_owned(),
        other => other.to_owned(),
    }
}

fn unknown(unit: &str, function: &str) -> SqlError {
    SqlError::new(155, format!("'{unit}' is not a recognized {function} option.")).class(15)
}

/// Ticks of a unit of fixed length.
fn ticks_of(unit: &str) -> Option<i64> {
    Some(match unit {
        "week" => 7 * TICKS_PER_DAY,
        "day" | "dayofyear" | "weekday" => TICKS_PER_DAY,
        "hour" => 3600 * TICKS_PER_SECOND,
        "minute" => 60 * TICKS_PER_SECOND,
        "second" => TICKS_PER_SECOND,
        "millisecond" => TICKS_PER_SECOND / 1000,
        "microsecond" => 10,
        _ => return None,
    })
}

/// `d_add(unit`, count, value, type)
fn add(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let (unit, count, sql_type) = (unit(call), call.int(1).unwrap_or(0), call.sql_type(3)?);
    let start = temporal::read(&call.value(2), sql_type)?;
    let overflow = || {
        let message =
            format!("Adding a value to a '{}' column caused an overflow.", sql_type.name());
        SqlError::new(517, message)
    };
    let moved = match unit.as_str() {
        "year" => add_months(start, count.checked_mul(12).ok_or_else(overflow)?),
        "quarter" => add_months(start, count.checked_mul(3).ok_or_else(overflow)?),
        "month" => add_months(start, count),
        "nanosecond" => start
            .local_ticks()
            .checked_add(count / 100)
            .map(|ticks| Instant::from_ticks(ticks, start.offset)),
        other => {
            let ticks = ticks_of(other).ok_or_else(|| unknown(other, "dateadd"))?;
            let total =
                count.checked_mul(ticks).and_then(|ticks| start.local_ticks().checked_add(ticks));
            total.map(|ticks| Instant::from_ticks(ticks, start.offset))
        }
    };
    temporal::write(moved.filter(|instant| instant.in_range()).ok_or_else(overflow)?, sql_type)
}

/// The last day of the month where the day does not exist (documented).
fn add_months(start: Instant, count: i64) -> Option<Instant> {
    let (year, month, day) = start.date();
    let months = (year * 12 + i64::from(month) - 1).checked_add(count)?;
    let (year, month) = (months.div_euclid(12), u32::try_from(months.rem_euclid(12)).ok()? + 1);
    let days = (0..4).find_map(|short| calendar::days_of(year, month, day.checked_sub(short)?))?;
    Some(Instant { days, ..start })
}

/// `d_diff(unit`, from, from type, to, to type): boundaries crossed (documented).
fn difference(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let unit = unit(call);
    let from = temporal::read(&call.value(1), call.sql_type(2)?)?;
    let to = temporal::read(&call.value(3), call.sql_type(4)?)?;
    let months = |instant: Instant| {
        let (year, month, _) = instant.date();
        year * 12 + i64::from(month) - 1
    };
    let crossed = match unit.as_str() {
        "year" => to.date().0 - from.date().0,
        "quarter" => months(to) / 3 - months(from) / 3,
        "month" => months(to) - months(from),
        // Weeks begin on Sunday; 0001-01-01 was a Monday.
        "week" => (to.days + 1).div_euclid(7) - (from.days + 1).div_euclid(7),
        "nanosecond" => (to.utc_ticks() - from.utc_ticks()).checked_mul(100).ok_or_else(too_far)?,
        other => {
            let ticks = ticks_of(other).ok_or_else(|| unknown(other, "datediff"))?;
            to.utc_ticks().div_euclid(ticks) - from.utc_ticks().div_euclid(ticks)
        }
    };
    Ok(Value::Int(crossed))
}

fn too_far() -> SqlError {
    let message = "The datediff function resulted in an overflow. The number of dateparts separating two date/time instances is too \
                   large. Try to use datediff with a less precise datepart.";
    SqlError::new(535, message).state(0)
}

/// `d_part(unit`, value, type)
fn part(call: &Arguments<'_>) -> Result<Value> {
    if call.any_null() {
        return Ok(Value::Null);
    }
    let unit = unit(call);
    let instant = temporal::read(&call.value(1), call.sql_type(2)?)?;
    let (year, month, day) = instant.date();
    let seconds = instant.ticks / TICKS_PER_SECOND;
    let fraction = instant.ticks % TICKS_PER_SECOND;
    Ok(Value::Int(match unit.as_str() {
        "year" => year,
        "quarter" => i64::from(month - 1) / 3 + 1,
        "month" => i64::from(month),
        "day" => i64::from(day),
        "dayofyear" => instant.days - calendar::days_of(year, 1, 1).unwrap_or(0) + 1,
        // DATEFIRST 7: Sunday is 1.
        "weekday" => (instant.days + 1).rem_euclid(7) + 1,
        "hour" => seconds / 3600,
        "minute" => seconds / 60 % 60,
        "second" => seconds % 60,
        "millisecond" => fraction / 10_000,
        "microsecond" => fraction / 10,
        "nanosecond" => fraction * 100,
        other => return Err(unknown(other, "datepart")),
    }))
}

fn name(call: &Arguments<'_>) -> Result<Value> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    const DAYS: [&str; 7] =
        ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    let Value::Int(number) = part(call)? else {
        return Ok(Value::Null);
    };
    let at = usize::try_from(number - 1).unwrap_or(0);
    Ok(match unit(call).as_str() {
        "month" => text_value(MONTHS[at % 12]),
        "weekday" => text_value(DAYS[at % 7]),
        _ => text_value(number.to_string()),
    })
}
