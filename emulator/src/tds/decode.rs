//! Values of parameters into their storage form (MS-TDS 2.2.5.5).

use super::encode::PLP_NULL;
use super::reader::Reader;
use super::rpc::Flaw;
use super::type_info::{Layout, TypeInfo};
use crate::values::calendar::{self, DAY_1900, DAYS_END, THIRDS_PER_DAY, TICKS_PER_DAY};
use crate::values::{SqlType, Value, decimal, guid, wtf8};

/// Length of a value in chunks that is not said beforehand.
const PLP_UNKNOWN: u64 = u64::MAX - 1;
/// Offsets reach from -14:00 to +14:00 (documented).
const OFFSET_MINUTES_MAX: i64 = 14 * 60;
const MINUTES_PER_DAY: i64 = 24 * 60;
/// The days of datetime from 1900 on; it begins with 1753 (documented).
const DATETIME_DAYS: std::ops::Range<i64> = -53_690..DAYS_END - DAY_1900;

/// Reads a parameter's value into its storage form. What a length claims is never reserved, only what has arrived is read.
pub fn read(reader: &mut Reader<'_>, info: &TypeInfo) -> Result<Value, Flaw> {
    let claimed = match info.layout {
        Layout::Nothing => None,
        Layout::Fixed(bytes) => Some(u32::from(bytes)),
        Layout::ByteLength => Some(reader.u8()?).filter(|bytes| *bytes != 0).map(u32::from),
        Layout::ShortLength => {
            Some(reader.u16()?).filter(|bytes| *bytes != u16::MAX).map(u32::from)
        }
        Layout::LongLength => Some(reader.u32()?).filter(|bytes| *bytes != u32::MAX),
        Layout::Chunks => {
            return chunks(reader)?.map_or(Ok(Value::Null), |bytes| decode(&bytes, info));
        }
    };
    let Some(bytes) = claimed else {
        return Ok(Value::Null);
    };
    if bytes > info.bytes {
        return Err(Flaw::Length);
    }
    decode(reader.bytes(usize::try_from(bytes).map_err(|_| Flaw::Length)?)?, info)
}

fn chunks(reader: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Flaw> {
    let claimed = reader.u64()?;
    if claimed == PLP_NULL {
        return Ok(None);
    }
    let mut whole = Vec::new();
    loop {
        let length = usize::try_from(reader.u32()?).map_err(|_| Flaw::Chunks)?;
        if length == 0 {
            break;
        }
        whole.extend_from_slice(reader.bytes(length)?);
    }
    let said = claimed == PLP_UNKNOWN || u64::try_from(whole.len()) == Ok(claimed);
    if said { Ok(Some(whole)) } else { Err(Flaw::Chunks) }
}

fn decode(bytes: &[u8], info: &TypeInfo) -> Result<Value, Flaw> {
    Ok(match info.sql_type {
        SqlType::NChar(_) | SqlType::NVarChar(_) if !bytes.len().is_multiple_of(2) => {
            return Err(Flaw::Length);
        }
        SqlType::NChar(_) | SqlType::NVarChar(_) => Value::Text(wtf8::from_utf16le(bytes)),
        SqlType::Char(_) | SqlType::VarChar(_) if info.utf8 => {
            Value::Text(String::from_utf8_lossy(bytes).into_owned().into_bytes())
        }
        SqlType::Char(_) | SqlType::VarChar(_) => Value::Text(wtf8::from_cp1252(bytes)),
        SqlType::Binary(_) | SqlType::VarBinary(_) => Value::Bytes(bytes.to_vec()),
        SqlType::Decimal { precision, .. } => decimal_value(bytes, precision, info.sql_type)?,
        _ if bytes.len() != usize::try_from(info.bytes).unwrap_or(0) => {
            return Err(Flaw::Length);
        }
        _ => whole(bytes, info.sql_type)?,
    })
}

/// Values that always have the same number of bytes.
fn whole(bytes: &[u8], sql_type: SqlType) -> Result<Value, Flaw> {
    Ok(match sql_type {
        SqlType::UniqueIdentifier => {
            Value::Bytes(guid::from_wire(bytes.try_into().map_err(|_| Flaw::Length)?))
        }
        SqlType::Bit => Value::Int(i64::from(unsigned(bytes) != 0)),
        SqlType::TinyInt => Value::Int(unsigned(bytes)),
        SqlType::SmallInt | SqlType::Int | SqlType::BigInt => Value::Int(signed(bytes)),
        SqlType::Real => {
            let value = f32::from_le_bytes(bytes.try_into().map_err(|_| Flaw::Length)?);
            finite(f64::from(value), sql_type)?
        }
        SqlType::Float => {
            finite(f64::from_le_bytes(bytes.try_into().map_err(|_| Flaw::Length)?), sql_type)?
        }
        SqlType::Money => {
            let (high, low) = (signed(&bytes[..4]), unsigned(&bytes[4..]));
            Value::Bytes(decimal::to_bytes(i128::from(high << 32 | low)))
        }
        SqlType::SmallMoney => Value::Bytes(decimal::to_bytes(i128::from(signed(bytes)))),
        _ => temporal(bytes, sql_type).ok_or(Flaw::Value(sql_type))?,
    })
}

/// SQL Server has neither infinities nor NaN.
fn finite(value: f64, sql_type: SqlType) -> Result<Value, Flaw> {
    if value.is_finite() { Ok(Value::Float(value)) } else { Err(Flaw::Value(sql_type)) }
}

fn signed(bytes: &[u8]) -> i64 {
    let mut wide = [bytes.last().map_or(0, |last| if last & 0x80 == 0 { 0 } else { 0xFF }); 8];
    wide[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    i64::from_le_bytes(wide)
}

fn unsigned(bytes: &[u8]) -> i64 {
    let mut wide = [0; 8];
    wide[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
    i64::from_le_bytes(wide)
}

/// Sign, then the magnitude; clients leave out high bytes that are zero.
fn decimal_value(bytes: &[u8], precision: u8, sql_type: SqlType) -> Result<Value, Flaw> {
    let (sign, digits) = bytes.split_first().ok_or(Flaw::Length)?;
    let mut wide = [0; 16];
    wide.get_mut(..digits.len()).ok_or(Flaw::Length)?.copy_from_slice(digits);
    let magnitude = i128::from_le_bytes(wide);
    if magnitude < 0 || !decimal::fits(magnitude, precision) {
        return Err(Flaw::Value(sql_type));
    }
    Ok(Value::Bytes(decimal::to_bytes(if *sign == 0 { -magnitude } else { magnitude })))
}

/// Dates and times; `None`: one that the type does not have.
fn temporal(bytes: &[u8], sql_type: SqlType) -> Option<Value> {
    let split = |tail: usize| bytes.split_at_checked(bytes.len().checked_sub(tail)?);
    let day = |days: i64| Some(days).filter(|days| (0..DAYS_END).contains(days));
    let ticks = |time: &[u8], scale: u8| {
        Some(calendar::ticks_from_units(unsigned(time), scale))
            .filter(|ticks| *ticks < TICKS_PER_DAY)
    };
    Some(match sql_type {
        SqlType::Date => Value::Int(day(unsigned(bytes))?),
        SqlType::Time(scale) => Value::Int(ticks(bytes, scale)?),
        SqlType::DateTime2(scale) => {
            let (time, date) = split(3)?;
            Value::Int(day(unsigned(date))? * TICKS_PER_DAY + ticks(time, scale)?)
        }
        SqlType::DateTimeOffset(scale) => {
            let (time, rest) = split(5)?;
            let (date, offset) = rest.split_at_checked(3)?;
            let utc = day(unsigned(date))? * TICKS_PER_DAY + ticks(time, scale)?;
            let offset = signed(offset);
            let local =
                calendar::Instant::from_ticks(utc + offset * calendar::TICKS_PER_MINUTE, offset);
            if offset.abs() > OFFSET_MINUTES_MAX || !local.in_range() {
                return None;
            }
            Value::Bytes(calendar::offset_to_bytes(utc, offset))
        }
        SqlType::DateTime => {
            let (days, thirds) = split(4)?;
            let (days, thirds) = (signed(days), unsigned(thirds));
            if !DATETIME_DAYS.contains(&days) || thirds >= THIRDS_PER_DAY {
                return None;
            }
            Value::Int(days * THIRDS_PER_DAY + thirds)
        }
        _ => {
            let (days, minutes) = split(2)?;
            let minutes = Some(unsigned(minutes)).filter(|minutes| *minutes < MINUTES_PER_DAY)?;
            Value::Int(unsigned(days) * MINUTES_PER_DAY + minutes)
        }
    })
}
