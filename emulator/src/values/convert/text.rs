//! To texts and GUIDs.

use super::{Purpose, not_allowed, overflow};
use crate::sql::error::{Result, SqlError};
use crate::values::sql_type::Family;
use crate::values::{Length, SqlType, Value, decimal, guid, wtf8};

pub(super) fn to_text(
    value: Value,
    from: SqlType,
    to: SqlType,
    style: i64,
    purpose: Purpose,
) -> Result<Value> {
    let text = match (value, from.family()) {
        (Value::Text(text), _) => text,
        (Value::Bytes(bytes), Family::Binary) => return from_binary(&bytes, to, style, purpose),
        (value, Family::Temporal) => super::temporal::format(&value, from, style)?.into_bytes(),
        (Value::Int(value), Family::Integer) => number_text(value.to_string(), to)?,
        #[expect(clippy::cast_precision_loss, reason = "SQLite keeps whole floats as integers")]
        (Value::Int(value), Family::Approximate) => {
            float_text(value as f64, from, style).into_bytes()
        }
        (Value::Float(value), _) => float_text(value, from, style).into_bytes(),
        (Value::Bytes(bytes), Family::Exact) => {
            let scaled =
                decimal::from_bytes(&bytes).ok_or_else(|| SqlError::internal("decimal"))?;
            // Documented: money shows two digits unless the style asks for four.
            let text = match from {
                SqlType::Money | SqlType::SmallMoney if style != 2 => {
                    decimal::format(decimal::rescale(scaled, 4, 2).unwrap_or(scaled), 2)
                }
                _ => decimal::format(scaled, from.scale()),
            };
            number_text(text, to)?
        }
        (Value::Bytes(bytes), Family::Guid) => guid::format(&bytes).into_bytes(),
        _ => return Err(not_allowed(from, to)),
    };
    fit(text, to, purpose)
}

/// Documented: an integer that does not fit is an error in nvarchar, a `*` in varchar.
fn number_text(text: String, to: SqlType) -> Result<Vec<u8>> {
    match to.length() {
        Some(Length::Limited(limit)) if text.len() > usize::from(limit) => {
            if to.is_national() {
                Err(overflow(to))
            } else {
                Ok(b"*".to_vec())
            }
        }
        _ => Ok(text.into_bytes()),
    }
}

/// Six digits, or all that tell the value apart with style 3 (documented).
fn float_text(value: f64, from: SqlType, style: i64) -> String {
    if style == 3 {
        let digits = if from == SqlType::Real { 8 } else { 16 };
        return exponent_text(&format!("{value:.digits$e}"));
    }
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..6.0).contains(&magnitude) {
        return exponent_text(&trim_mantissa(&format!("{value:.5e}")));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 10")]
    let digits = (5.0 - magnitude).clamp(0.0, 10.0) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn trim_mantissa(text: &str) -> String {
    match text.split_once('e') {
        Some((mantissa, exponent)) if mantissa.contains('.') => {
            format!("{}e{exponent}", mantissa.trim_end_matches('0').trim_end_matches('.'))
        }
        _ => text.to_owned(),
    }
}

/// `1.5e7` as SQL Server writes it: `1.5e+007`.
fn exponent_text(text: &str) -> String {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let value: i32 = exponent.parse().unwrap_or(0);
    let sign = if value < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:03}", value.abs())
}

/// The bytes of a binary as text: style 1 and 2 write them in hex (documented).
fn from_binary(bytes: &[u8], to: SqlType, style: i64, purpose: Purpose) -> Result<Value> {
    let text = match style {
        1 | 2 => {
            let digits = bytes.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
            let prefix = if style == 1 { "0x" } else { "" };
            format!("{prefix}{digits}").into_bytes()
        }
        _ if to.is_national() => {
            let padded = if bytes.len() % 2 == 1 { [bytes, &[0]].concat() } else { bytes.to_vec() };
            wtf8::from_utf16le(&padded)
        }
        _ => wtf8::from_cp1252(bytes),
    };
    fit(text, to, purpose)
}

/// Cuts or pads a text to its type; varchar loses what its code page lacks.
fn fit(text: Vec<u8>, to: SqlType, purpose: Purpose) -> Result<Value> {
    let mut text = if to.is_national() || text.is_ascii() {
        text
    } else {
        wtf8::from_cp1252(&wtf8::to_cp1252(&text))
    };
    let Some(Length::Limited(limit)) = to.length() else {
        return Ok(Value::Text(text));
    };
    let limit = usize::from(limit);
    if text.len() > limit && wtf8::utf16_len(&text) > limit {
        let head = wtf8::utf16_slice(&text, 0, limit);
        if purpose == Purpose::Store && wtf8::utf16_len(wtf8::trim_end(&text)) > limit {
            let shown = String::from_utf8_lossy(&head).into_owned();
            return Err(SqlError::new(2628, shown));
        }
        text = head;
    }
    if matches!(to, SqlType::Char(_) | SqlType::NChar(_)) {
        let missing = limit.saturating_sub(wtf8::utf16_len(&text));
        text.resize(text.len() + missing, b' ');
    }
    Ok(Value::Text(text))
}

pub(super) fn to_guid(value: Value, from: SqlType) -> Result<Value> {
    match (value, from.family()) {
        (Value::Text(text), _) => {
            let parsed = guid::parse(&String::from_utf8_lossy(&text));
            parsed.map(Value::Bytes).ok_or_else(|| {
                let message = "Conversion failed when converting from a character string to uniqueidentifier.";
                SqlError::new(8169, message).state(2)
            })
        }
        (Value::Bytes(bytes), Family::Binary) => {
            let mut wire = [0; 16];
            let length = bytes.len().min(16);
            wire[..length].copy_from_slice(&bytes[..length]);
            Ok(Value::Bytes(guid::from_wire(&wire)))
        }
        (value @ Value::Bytes(_), Family::Guid) => Ok(value),
        _ => Err(not_allowed(from, SqlType::UniqueIdentifier)),
    }
}
