//! Values of rows and output parameters (MS-TDS 2.2.5.5).

use std::io;

use rusqlite::types::ValueRef;

use super::packet::invalid;
use super::type_info::{decimal_bytes, fixed_token};
use crate::values::{Length, SqlType, calendar, decimal, guid, wtf8};

/// Length of a NULL that comes in chunks.
pub const PLP_NULL: u64 = u64::MAX;

/// Writes a value of a result row. A storage form that does not go with the type is an error of this server.
pub fn write(
    value: ValueRef<'_>,
    sql_type: SqlType,
    nullable: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    match value {
        ValueRef::Null if nullable || fixed_token(sql_type).is_none() => {
            write_null(sql_type, out);
            Ok(())
        }
        ValueRef::Integer(value) => write_integer(value, sql_type, nullable, out),
        ValueRef::Real(value) => write_float(value, sql_type, nullable, out),
        ValueRef::Text(text) => write_text(text, sql_type, out),
        ValueRef::Blob(bytes) => write_blob(bytes, sql_type, nullable, out),
        ValueRef::Null => Err(mismatch(sql_type)),
    }
}

fn mismatch(sql_type: SqlType) -> io::Error {
    invalid(&format!("a value that is no {}", sql_type.name()))
}

fn write_null(sql_type: SqlType, out: &mut Vec<u8>) {
    match sql_type.length() {
        Some(Length::Max) => out.extend(PLP_NULL.to_le_bytes()),
        Some(Length::Limited(_)) => out.extend([0xFF, 0xFF]),
        None => out.push(0),
    }
}

fn write_integer(
    value: i64,
    sql_type: SqlType,
    nullable: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "SQLite keeps whole floats as integers")]
    let float = value as f64;
    match sql_type {
        SqlType::Bit | SqlType::TinyInt | SqlType::SmallInt | SqlType::Int | SqlType::BigInt => {
            let bytes = fixed_token(sql_type).map_or(8, |(_, _, bytes)| bytes);
            if nullable {
                out.push(bytes);
            }
            out.extend_from_slice(&value.to_le_bytes()[..usize::from(bytes)]);
        }
        SqlType::Real | SqlType::Float => return write_float(float, sql_type, nullable, out),
        SqlType::Date => {
            out.push(3);
            out.extend_from_slice(&value.to_le_bytes()[..3]);
        }
        SqlType::Time(scale) => {
            let bytes = calendar::time_bytes(scale);
            out.push(bytes);
            push_time(value, scale, out);
        }
        SqlType::DateTime2(scale) => {
            out.push(calendar::time_bytes(scale) + 3);
            push_datetime2(value, scale, out);
        }
        SqlType::DateTime => {
            if nullable {
                out.push(8);
            }
            let days = value.div_euclid(calendar::THIRDS_PER_DAY);
            out.extend_from_slice(&days.to_le_bytes()[..4]);
            out.extend_from_slice(&value.rem_euclid(calendar::THIRDS_PER_DAY).to_le_bytes()[..4]);
        }
        SqlType::SmallDateTime => {
            if nullable {
                out.push(4);
            }
            out.extend_from_slice(&value.div_euclid(1440).to_le_bytes()[..2]);
            out.extend_from_slice(&value.rem_euclid(1440).to_le_bytes()[..2]);
        }
        _ => return Err(mismatch(sql_type)),
    }
    Ok(())
}

fn push_time(ticks: i64, scale: u8, out: &mut Vec<u8>) {
    let units = calendar::units_from_ticks(ticks, scale);
    out.extend_from_slice(&units.to_le_bytes()[..usize::from(calendar::time_bytes(scale))]);
}

fn push_datetime2(ticks: i64, scale: u8, out: &mut Vec<u8>) {
    push_time(ticks.rem_euclid(calendar::TICKS_PER_DAY), scale, out);
    let days = ticks.div_euclid(calendar::TICKS_PER_DAY);
    out.extend_from_slice(&days.to_le_bytes()[..3]);
}

fn write_float(value: f64, sql_type: SqlType, nullable: bool, out: &mut Vec<u8>) -> io::Result<()> {
    let bytes: &[u8] = match sql_type {
        #[expect(clippy::cast_possible_truncation, reason = "a real is an f32")]
        SqlType::Real => &(value as f32).to_le_bytes(),
        SqlType::Float => &value.to_le_bytes(),
        _ => return Err(mismatch(sql_type)),
    };
    if nullable {
        out.push(u8::try_from(bytes.len()).unwrap_or(8));
    }
    out.extend_from_slice(bytes);
    Ok(())
}

fn write_text(text: &[u8], sql_type: SqlType, out: &mut Vec<u8>) -> io::Result<()> {
    let start = out.len();
    let max = sql_type.length() == Some(Length::Max);
    let prefix = if max { 12 } else { 2 };
    out.resize(start + prefix, 0);
    match sql_type {
        SqlType::NChar(_) | SqlType::NVarChar(_) => wtf8::write_utf16le(text, out),
        SqlType::Char(_) | SqlType::VarChar(_) if text.is_ascii() => out.extend_from_slice(text),
        SqlType::Char(_) | SqlType::VarChar(_) => out.extend(wtf8::to_cp1252(text)),
        _ => return Err(mismatch(sql_type)),
    }
    let bytes = out.len() - start - prefix;
    finish_length(start, bytes, max, out)
}

/// Fills in the length before the bytes that follow `start`.
fn finish_length(start: usize, bytes: usize, max: bool, out: &mut Vec<u8>) -> io::Result<()> {
    if !max {
        let length = u16::try_from(bytes).map_err(|_| invalid("a text longer than its type"))?;
        out[start..start + 2].copy_from_slice(&length.to_le_bytes());
        return Ok(());
    }
    let length = u32::try_from(bytes).map_err(|_| invalid("a value over 4 GB"))?;
    out[start..start + 8].copy_from_slice(&u64::from(length).to_le_bytes());
    if length == 0 {
        out.truncate(start + 8);
    } else {
        out[start + 8..start + 12].copy_from_slice(&length.to_le_bytes());
    }
    out.extend([0; 4]);
    Ok(())
}

fn write_blob(
    bytes: &[u8],
    sql_type: SqlType,
    nullable: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    match sql_type {
        SqlType::Binary(_) | SqlType::VarBinary(_) => {
            let max = sql_type.length() == Some(Length::Max);
            let start = out.len();
            out.resize(start + if max { 12 } else { 2 }, 0);
            out.extend_from_slice(bytes);
            finish_length(start, bytes.len(), max, out)
        }
        SqlType::UniqueIdentifier => {
            out.push(16);
            out.extend(guid::to_wire(bytes));
            Ok(())
        }
        SqlType::DateTimeOffset(scale) => {
            let (utc, minutes) =
                calendar::offset_from_bytes(bytes).ok_or_else(|| mismatch(sql_type))?;
            out.push(calendar::time_bytes(scale) + 5);
            push_datetime2(utc, scale, out);
            out.extend_from_slice(&minutes.to_le_bytes()[..2]);
            Ok(())
        }
        SqlType::Decimal { .. } | SqlType::Money | SqlType::SmallMoney => {
            let scaled = decimal::from_bytes(bytes).ok_or_else(|| mismatch(sql_type))?;
            write_decimal(scaled, sql_type, nullable, out)
        }
        _ => Err(mismatch(sql_type)),
    }
}

fn write_decimal(
    scaled: i128,
    sql_type: SqlType,
    nullable: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    if let SqlType::Decimal { precision, .. } = sql_type {
        let bytes = decimal_bytes(precision);
        out.extend([bytes, u8::from(scaled >= 0)]);
        let magnitude = scaled.unsigned_abs().to_le_bytes();
        out.extend_from_slice(&magnitude[..usize::from(bytes - 1)]);
        return Ok(());
    }
    let value = i64::try_from(scaled).map_err(|_| mismatch(sql_type))?.to_le_bytes();
    let wide = sql_type == SqlType::Money;
    if nullable {
        out.push(if wide { 8 } else { 4 });
    }
    if wide {
        out.extend_from_slice(&value[4..]);
    }
    out.extend_from_slice(&value[..4]);
    Ok(())
}
